using System.Globalization;
using System.Numerics;
using System.Text.Json;

namespace LayerCake.Text.Tests;

internal sealed class PythonRandomTests
{
    private static readonly JsonElement[] Vectors =
        JsonSerializer.Deserialize<JsonElement[]>(File.ReadAllBytes(TestData.PathOf("python-random.json")))!;

    private static IEnumerable<TestCaseData> Seeds() => Vectors.Select(vector =>
    {
        string seed = vector.GetProperty("seed").GetString()!;
        return new TestCaseData(vector).SetArgDisplayNames(seed.Length > 50 ? $"a seed of {seed.Length} digits" : seed);
    });

    [TestCaseSource(nameof(Seeds))]
    public void Words_are_those_of_Python(object vector)
    {
        var expected = (JsonElement)vector;
        var random = Seeded(expected);

        ulong[] words = [.. Enumerable.Range(0, 2000).Select(_ => random.GetRandomBits(32))];

        Assert.That(words[..6], Is.EqualTo(expected.GetProperty("words").Deserialize<ulong[]>()));
        Assert.That(words[^3..], Is.EqualTo(expected.GetProperty("words_1997_to_1999").Deserialize<ulong[]>()));
    }

    [TestCaseSource(nameof(Seeds))]
    public void Bits_of_every_width_are_those_of_Python(object vector)
    {
        var expected = (JsonElement)vector;
        var random = Seeded(expected);

        string[] bits = [.. Enumerable.Range(1, 64).Select(width => random.GetRandomBits(width).ToString(CultureInfo.InvariantCulture))];

        Assert.That(bits, Is.EqualTo(expected.GetProperty("bits_1_to_64").Deserialize<string[]>()));
    }

    [TestCaseSource(nameof(Seeds))]
    public void Draws_from_ranges_are_those_of_Python(object vector)
    {
        var expected = (JsonElement)vector;
        var random = Seeded(expected);

        foreach (var range in expected.GetProperty("randint").EnumerateArray())
        {
            long low = range[0].GetInt64();
            long high = range[1].GetInt64();
            Assert.That(
                Enumerable.Range(0, 3).Select(_ => random.RandInt(low, high)),
                Is.EqualTo(range[2].Deserialize<long[]>()),
                () => $"randint({low}, {high})");
        }
    }

    // The check vectors of the description of LMDeploy's calibration, after random.seed(0).
    [TestCase(356316, new long[] { 201979, 220500, 21225, 135746, 268055, 254766, 212302, 159023 })]
    [TestCase(999999, new long[] { 885440, 403958, 794772, 933488, 441001, 42450, 271493, 536110 })]
    [TestCase((1 << 20) - 1, new long[] { 807917, 882002, 84901, 542987, 1019064, 849208, 636092, 999496 })]
    public void Draws_after_seed_0_are_those_of_the_check_vectors(long high, long[] expected)
    {
        var random = new PythonRandom(0);

        Assert.That(expected.Select(_ => random.RandInt(0, high)), Is.EqualTo(expected));
    }

    [Test]
    public void No_bits_take_no_draw()
    {
        var random = new PythonRandom(0);

        Assert.That(random.GetRandomBits(0), Is.Zero);
        Assert.That(random.GetRandomBits(32), Is.EqualTo(3626764237));
    }

    [Test]
    public void Ranges_and_widths_that_cannot_be_are_refused()
    {
        var random = new PythonRandom(0);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(() => random.RandInt(1, 0), Throws.TypeOf<ArgumentOutOfRangeException>());
            Assert.That(() => random.RandInt(long.MinValue, long.MaxValue), Throws.TypeOf<ArgumentOutOfRangeException>());
            Assert.That(() => random.GetRandomBits(65), Throws.TypeOf<ArgumentOutOfRangeException>());
            Assert.That(() => random.GetRandomBits(-1), Throws.TypeOf<ArgumentOutOfRangeException>());
        }
    }

    private static PythonRandom Seeded(JsonElement vector) =>
        new(BigInteger.Parse(vector.GetProperty("seed").GetString()!, CultureInfo.InvariantCulture));
}
