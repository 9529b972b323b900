using System.Globalization;
using LayerCake.Testing;

namespace LayerCake.TurboMind.Tests;

/// <summary>
/// tests/golden/turbomind/worked-vectors.txt, section by section. Section F is the engine's int8 KV arithmetic, which a workspace has no part in.
/// </summary>
[TestFixture]
public sealed unsafe class WorkedVectorTests
{
    private static readonly Dictionary<char, string[]> Sections = ReadSections();

    [Test]
    public void A_one_tile_is_packed_word_for_word()
    {
        var codes = Vectors.Matrix(32, 32, (i, n) => Vectors.Code(1, i, n));
        var awq = SlowLayout.Flat(SlowLayout.AwqPack(codes));
        var tile = new uint[TilePacker.WordsPerTile];

        fixed (uint* rows = awq, destination = tile)
        {
            TilePacker.Pack(rows, 4, 1, destination);
        }

        var words = HexWords(Sections['A'].Where(line => line.StartsWith("  ", StringComparison.Ordinal)));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(awq.Take(16), Is.EqualTo(words.Take(16)));
            Assert.That(tile, Is.EqualTo(words.Skip(16)));
        }
    }

    [Test]
    public void B_single_codes_land_where_the_table_says()
    {
        foreach (var line in Sections['B'].Where(line => line.Contains("->", StringComparison.Ordinal)))
        {
            var numbers = Integers(line);
            var (i, n, word, shift) = (numbers[0], numbers[1], numbers[2], numbers[3]);
            var codes = new byte[64, 64];
            codes[i, n] = 15;
            var packed = new uint[64 * 64 / 8];

            fixed (uint* rows = SlowLayout.Flat(SlowLayout.AwqPack(codes)), destination = packed)
            {
                new Int4Slab(ColumnPlan.Whole(64)).Pack([(nint)rows], [8], destination);
                new Int4Slab(ColumnPlan.Whole(64)).Pack([(nint)(rows + (32 * 8))], [8], destination + 256);
            }

            Assert.That(packed[word], Is.EqualTo(15u << shift), line);
            Assert.That(packed.Count(value => value != 0), Is.EqualTo(1), line);
        }
    }

    [Test]
    public void C_a_packed_head_goes_to_interleaved_rotary_pairs()
    {
        var lines = Sections['C'].SkipWhile(line => !line.StartsWith("  head 128", StringComparison.Ordinal)).ToArray();
        var source = HexWords([lines[0].Split(" in ")[1]]);
        var destination = new uint[16];

        fixed (uint* words = source, output = destination)
        {
            AwqColumns.Zip(words, words + 8, output, 8);
        }

        Assert.That(destination, Is.EqualTo(HexWords([lines[1].Split("out ")[1]])));
    }

    [Test]
    public void D_gate_and_up_columns_alternate()
    {
        var words = HexWords([Sections['D'].Last(line => line.Contains("w1 ", StringComparison.Ordinal)).Replace("w1", "").Replace("w3", "").Replace("->", "")]);
        var destination = new uint[2];

        fixed (uint* source = words, output = destination)
        {
            AwqColumns.Zip(source, source + 1, output, 1);
        }

        Assert.That(destination, Is.EqualTo(words.Skip(2)));
    }

    [Test]
    public void E_a_scale_and_a_zero_share_a_word()
    {
        foreach (var line in Sections['E'].Where(line => line.Contains("-> word", StringComparison.Ordinal)))
        {
            var parts = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            var scale = ushort.Parse(parts[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            var zero = uint.Parse(parts[3], CultureInfo.InvariantCulture);
            var expected = uint.Parse(parts[6], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            ushort[] scales = [.. Enumerable.Repeat(scale, 8)];
            var words = new uint[8];

            fixed (ushort* source = scales)
            {
                fixed (uint* destination = words)
                {
                    var zeros = zero * 0x11111111;
                    ScaleZeroWords.Combine(&zeros, source, destination, 1);
                }
            }

            Assert.That(words, Is.All.EqualTo(expected), line);
        }
    }

    [TestCase('G', 1, 1, 128, 1, true, true)]
    [TestCase('H', 4, 2, 256, 2, true, false)]
    [TestCase('I', 2, 2, 96, 1, false, true)]
    [TestCase('J', 4, 2, 96, 2, false, false)]
    public void Whole_layers_give_the_listed_files_and_lines(char section, int heads, int keyValueHeads, int inner, int ranks, bool int4, bool bias)
    {
        using var folder = new TemporaryFolder();
        var model = new SlowModel { Heads = heads, KeyValueHeads = keyValueHeads, Inner = inner, Ranks = ranks, IsInt4 = int4, HasBias = bias };
        var lines = new List<string>();

        ConversionPlan.Create(model.Source(model.Checkpoint()), model.Options).WriteWeights(folder.At("w"), lines.Add);

        var expectedLines = Sections[section].Where(line => line.StartsWith("***", StringComparison.Ordinal) || line.StartsWith("###", StringComparison.Ordinal));
        var expectedFiles = Sections[section].Where(line => line.StartsWith("layers.", StringComparison.Ordinal))
            .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries)).ToArray();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(lines, Is.EqualTo(expectedLines));
            Assert.That(expectedFiles, Is.Not.Empty);
            foreach (var file in expectedFiles)
            {
                var bytes = File.ReadAllBytes(folder.At("w", file[0]));
                Assert.That($"{bytes.Length} {Folders.Digest(bytes)}", Is.EqualTo($"{file[1]} {file[2]}"), file[0]);
            }
        }
    }

    private static Dictionary<char, string[]> ReadSections()
    {
        var sections = new Dictionary<char, string[]>();
        foreach (var section in File.ReadAllText(RepositoryFiles.Golden("turbomind", "worked-vectors.txt")).Split("\n== ")[1..])
        {
            sections[section[0]] = section.Split('\n');
        }

        return sections;
    }

    private static uint[] HexWords(IEnumerable<string> lines) =>
        [.. lines.SelectMany(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries)).Select(word => uint.Parse(word, NumberStyles.HexNumber, CultureInfo.InvariantCulture))];

    private static int[] Integers(string line) =>
        [.. line.Split([' ', '=', '>', '-'], StringSplitOptions.RemoveEmptyEntries)
            .Where(word => word.All(char.IsAsciiDigit)).Select(word => int.Parse(word, CultureInfo.InvariantCulture))];
}
