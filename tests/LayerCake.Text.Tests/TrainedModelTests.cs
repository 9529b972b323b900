using System.Text.Json;

namespace LayerCake.Text.Tests;

/// <summary>Small models that use one feature of SentencePiece each, against the original library.</summary>
internal sealed class TrainedModelTests
{
    private static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Web)
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
    };

    private static readonly Dictionary<string, Model> Models = JsonSerializer.Deserialize<Dictionary<string, Model>>(
        File.ReadAllBytes(TestData.PathOf("sentencepiece.json")), Options)!;

    private static IEnumerable<string> Names => Models.Keys;

    private sealed record Case(string Text, int[] Ids, string Decoded);

    private sealed record Model(int VocabSize, int Bos, int Eos, int Pad, int Unk, Case[] Cases, Case[] Sequences);

    [TestCaseSource(nameof(Names))]
    public void Texts_get_the_ids_of_the_original_library(string name)
    {
        var tokenizer = Load(name);

        using (Assert.EnterMultipleScope())
        {
            foreach (var expected in Models[name].Cases)
            {
                Assert.That(tokenizer.Encode(expected.Text), Is.EqualTo(expected.Ids), () => $"ids of \"{expected.Text}\"");
            }
        }
    }

    [TestCaseSource(nameof(Names))]
    public void Ids_decode_as_in_the_original_library(string name)
    {
        var tokenizer = Load(name);

        using (Assert.EnterMultipleScope())
        {
            foreach (var expected in Models[name].Cases.Concat(Models[name].Sequences))
            {
                Assert.That(tokenizer.Decode(expected.Ids), Is.EqualTo(expected.Decoded), () => $"text of {string.Join(' ', expected.Ids)}");
            }
        }
    }

    [TestCaseSource(nameof(Names))]
    public void Special_ids_are_those_of_the_original_library(string name)
    {
        var tokenizer = Load(name);
        var expected = Models[name];

        using (Assert.EnterMultipleScope())
        {
            Assert.That(tokenizer.VocabularySize, Is.EqualTo(expected.VocabSize));
            Assert.That(tokenizer.BosId, Is.EqualTo(expected.Bos));
            Assert.That(tokenizer.EosId, Is.EqualTo(expected.Eos));
            Assert.That(tokenizer.PadId, Is.EqualTo(expected.Pad));
            Assert.That(tokenizer.UnknownId, Is.EqualTo(expected.Unk));
        }
    }

    private static SentencePieceTokenizer Load(string name) => SentencePieceTokenizer.Load(TestData.PathOf($"{name}.model"));
}
