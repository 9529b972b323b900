using CsCheck;
using LayerCake.Testing;
using LayerCake.Text.SentencePiece;

namespace LayerCake.Text.Tests;

internal sealed class HostileModelTests
{
    private static readonly byte[] SmallModel = File.ReadAllBytes(TestData.PathOf("bpe-rules.model"));

    private static IEnumerable<TestCaseData> OtherFiles()
    {
        yield return new TestCaseData(Array.Empty<byte>(), "the file is empty").SetArgDisplayNames("empty");
        yield return new TestCaseData("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1658691\n"u8.ToArray(), "Git LFS pointer")
            .SetArgDisplayNames("LFS pointer");
        yield return new TestCaseData("\n<!DOCTYPE html><html>Not found</html>"u8.ToArray(), "a web page").SetArgDisplayNames("web page");
        yield return new TestCaseData("{\"version\": \"1.0\"}"u8.ToArray(), "this is JSON").SetArgDisplayNames("JSON");
        yield return new TestCaseData(new byte[] { 0x1F, 0x8B, 8, 0 }, "begins with byte 0x1F").SetArgDisplayNames("gzip");
        yield return new TestCaseData(new byte[] { 0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F }, "a field of 4294967295 bytes where 0 are left")
            .SetArgDisplayNames("length beyond the file");
        yield return new TestCaseData(new byte[] { 0x12, 0x00 }, "it holds no pieces").SetArgDisplayNames("no pieces");
        yield return new TestCaseData(ModelBuilder.Small().Raw(0x0B).Build(), "wire type 3").SetArgDisplayNames("group");
        yield return new TestCaseData(ModelBuilder.Small().Raw(0x00).Build(), "field number 0").SetArgDisplayNames("field 0");
        yield return new TestCaseData(ModelBuilder.Small().Raw([.. Enumerable.Repeat((byte)0xFF, 11)]).Build(), "more than ten bytes")
            .SetArgDisplayNames("endless number");
        yield return new TestCaseData(ModelBuilder.Small().Raw(0x0D, 1).Build(), "cut off").SetArgDisplayNames("cut value");
    }

    private static IEnumerable<TestCaseData> Contradictions()
    {
        yield return Case("twice the same piece", "piece 7 (\"ab\") is defined twice, as 3 too", ModelBuilder.Small().Piece("ab", 0));
        yield return Case("two unknown pieces", "is a second unknown piece", ModelBuilder.Small().Piece("<u>", 0, PieceType.Unknown));
        yield return Case("no unknown piece", "has no unknown piece", new ModelBuilder().Piece("a", 0).Trainer(ModelKind.Bpe));
        yield return Case("byte without fallback", "without byte fallback", ModelBuilder.Small().Piece("<0x00>", 0, PieceType.Byte));
        yield return Case(
            "bytes missing", "lacks the piece of byte 0x00", ModelBuilder.Small().Trainer(ModelKind.Bpe, byteFallback: true));
        yield return Case(
            "byte without a value",
            "names none",
            ModelBuilder.Small().Piece("<0xGG>", 0, PieceType.Byte).Trainer(ModelKind.Bpe, byteFallback: true));
        yield return Case("empty piece", "piece 7 is empty", ModelBuilder.Small().Piece(string.Empty, 0));
        yield return Case("huge piece", "piece 7 has 8000 bytes", ModelBuilder.Small().Piece(new string('a', 8000), 0));
        yield return Case("no score", "a score that is not a number", ModelBuilder.Small().Piece("c", float.NaN));
        yield return Case("word model", "type word is not supported", ModelBuilder.Small().Trainer(ModelKind.Word));
        yield return Case("short table", "the normalization table is too short", ModelBuilder.Small().Normalizer([1, 0, 0, 0]));
        yield return Case("table too small", "claims a trie of 4096 bytes and has 4", ModelBuilder.Small().Normalizer([0, 16, 0, 0, 1, 2, 3, 4]));
        yield return Case(
            "huge replacement",
            "has a replacement of 1025 bytes",
            ModelBuilder.Small().Normalizer([4, 0, 0, 0, 0, 0, 0, 0, .. Enumerable.Repeat((byte)'x', 1025), 0]));

        static TestCaseData Case(string name, string message, ModelBuilder model) => new TestCaseData(model, message).SetArgDisplayNames(name);
    }

    [TestCaseSource(nameof(OtherFiles))]
    public void What_is_no_model_is_refused_with_the_reason(byte[] content, string reason)
    {
        using var folder = new TemporaryFolder();
        string path = folder.At("tokenizer.model");
        File.WriteAllBytes(path, content);

        Assert.That(
            () => SentencePieceTokenizer.Load(path),
            Throws.TypeOf<TokenizerException>().With.Message.StartsWith(path).And.Message.Contains(reason));
    }

    [TestCaseSource(nameof(Contradictions))]
    public void A_model_that_contradicts_itself_is_refused_with_the_reason(object model, string reason)
    {
        Assert.That(
            () => ((ModelBuilder)model).Parse(),
            Throws.TypeOf<TokenizerException>().With.Message.StartsWith("test.model: ").And.Message.Contains(reason));
    }

    [Test]
    public void A_missing_file_and_a_folder_are_refused()
    {
        using var folder = new TemporaryFolder();

        using (Assert.EnterMultipleScope())
        {
            Assert.That(
                () => SentencePieceTokenizer.Load(folder.At("absent.model")),
                Throws.TypeOf<TokenizerException>().With.Message.Contains("no such SentencePiece model"));
            Assert.That(
                () => SentencePieceTokenizer.Load(folder.Path),
                Throws.TypeOf<TokenizerException>().With.Message.Contains("this is a folder"));
        }
    }

    [Test]
    public void A_file_cut_anywhere_is_refused_or_a_smaller_model()
    {
        Gen.Int[0, SmallModel.Length - 1].Sample(length => LoadsOrIsRefused(SmallModel[..length]), iter: 500);
    }

    [Test]
    public void A_file_with_changed_bytes_is_refused_or_another_model()
    {
        var changes = Gen.Select(Gen.Int[0, SmallModel.Length - 1], Gen.Byte).Array[1, 8];

        changes.Sample(
            list =>
            {
                byte[] changed = [.. SmallModel];
                foreach ((int offset, byte value) in list)
                {
                    changed[offset] = value;
                }

                return LoadsOrIsRefused(changed);
            },
            iter: 1000);
    }

    [Test]
    public void A_table_of_random_numbers_does_no_harm()
    {
        var tables = Gen.Select(Gen.UInt.Array[1, 64], Gen.Byte.Array[1, 20]);

        tables.Sample(
            table =>
            {
                byte[] trie = [.. table.Item1.SelectMany(BitConverter.GetBytes)];
                byte[] blob = [.. BitConverter.GetBytes(trie.Length), .. trie, .. table.Item2];
                return LoadsOrIsRefused(ModelBuilder.Small().Normalizer(blob).Build());
            },
            iter: 500);
    }

    private static bool LoadsOrIsRefused(byte[] content)
    {
        try
        {
            var tokenizer = SentencePieceTokenizer.Parse(content, "test.model");
            int[] ids = tokenizer.Encode("AAB the quick brown \u4E2D\u00E9 <a>b foo bar ");
            tokenizer.Decode(ids);
            return ids.All(id => id >= 0 && id < tokenizer.VocabularySize);
        }
        catch (TokenizerException exception)
        {
            return exception.Message.StartsWith("test.model: ", StringComparison.Ordinal);
        }
    }
}
