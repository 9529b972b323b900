using System.Security.Cryptography;
using System.Text;
using CsCheck;
using LayerCake.Building.TestHost;

namespace LayerCake.Building.Tests;

[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class StepPartsTests : IDisposable
{
    private readonly BuildFixture _fixture = new();
    private readonly ArtifactStore _store;
    private readonly Lines _lines = new();

    public StepPartsTests() => _store = _fixture.Open();

    public void Dispose()
    {
        _store.Dispose();
        _fixture.Dispose();
    }

    [Test]
    public void What_is_committed_is_read_back()
    {
        var parts = Parts();
        Gen.Byte.Array[0, 200_000].Sample(
            content =>
            {
                Commit(parts, "layer.0", content);
                Assert.That(Read(parts, "layer.0"), Is.EqualTo(content));
            },
            iter: 20,
            threads: 1);
    }

    [Test]
    public void A_part_that_was_not_committed_is_not_there()
    {
        var parts = Parts();
        using (var part = parts.Begin("layer.0"))
        {
            part.Write("half"u8);
        }

        Assert.That(parts.TryOpen("layer.0"), Is.Null);
        Assert.That(_lines.All, Is.Empty);
    }

    [Test]
    public void A_damaged_part_is_not_there_any_more_which_is_said()
    {
        var parts = Parts();
        Commit(parts, "layer.0", RandomNumberGenerator.GetBytes(300));
        var file = FileOf("layer.0");
        var length = (int)new FileInfo(file).Length;
        foreach (var place in new[] { 0, 8, 40, 200, length - 1 })
        {
            Commit(parts, "layer.0", RandomNumberGenerator.GetBytes(300));
            var bytes = File.ReadAllBytes(file);
            bytes[place] ^= 1;
            File.WriteAllBytes(file, bytes);

            Assert.That(parts.TryOpen("layer.0"), Is.Null, $"byte {place}");
            Assert.That(File.Exists(file), Is.False);
            Assert.That(_lines.All[^1], Does.StartWith("long: the part 'layer.0' of an earlier run is not used: it is "));
        }
    }

    [Test]
    public void A_part_cut_short_or_of_another_name_or_key_is_not_taken()
    {
        var parts = Parts();
        Commit(parts, "layer.0", [1, 2, 3]);
        var bytes = File.ReadAllBytes(FileOf("layer.0"));
        for (var length = 0; length < bytes.Length; length++)
        {
            File.WriteAllBytes(FileOf("layer.0"), bytes[..length]);
            Assert.That(parts.TryOpen("layer.0"), Is.Null, $"{length} bytes");
        }

        File.WriteAllBytes(FileOf("layer.1"), bytes);
        Assert.That(parts.TryOpen("layer.1"), Is.Null);
        Assert.That(_lines.All[^1], Does.EndWith("it is not this part"));
    }

    [Test]
    public void The_key_of_a_part_changes_with_everything_that_decides_it() =>
        Gen.Select(Gen.Byte.Array[32], Gen.String[0, 10], Gen.Byte.Array[32], Gen.String[0, 10]).Where((a, b, c, d) => !a.AsSpan().SequenceEqual(c) || b != d)
            .Sample((step, name, otherStep, otherName) => Assert.That(
                StepParts.KeyOf(new StepKey(new Digest(step)), name), Is.Not.EqualTo(StepParts.KeyOf(new StepKey(new Digest(otherStep)), otherName))));

    [Test]
    public async Task An_interrupted_step_goes_on_and_its_parts_go_once_it_has_its_result()
    {
        var step = new LongStep { Layers = 6, FailAfter = 4 };
        Assert.That(async () => await RunAsync(step), Throws.InvalidOperationException);
        Assert.That(step.Made, Is.EqualTo(new[] { 0, 1, 2, 3 }));

        var again = new LongStep { Layers = 6 };
        await RunAsync(again);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(again.Made, Is.EqualTo(new[] { 4, 5 }));
            Assert.That(_lines.All, Does.Contain("long: goes on from layer 5 of 6 (an earlier run stopped there)"));
            Assert.That(Directory.Exists(FolderOf(again)), Is.False);
            Assert.That(Output(again), Is.EqualTo("012345"));
        }
    }

    [TestCase("samples", "long: starts afresh: long.samples 64 → 32")]
    [TestCase("version", "long: starts afresh: the step's implementation 1 → 2")]
    [TestCase("numerics", "long: starts afresh: numerics cpu-1 → cpu-2")]
    public async Task With_anything_else_changed_it_starts_afresh_and_says_why(string what, string why)
    {
        Assert.That(async () => await RunAsync(new LongStep { Layers = 6, FailAfter = 4 }), Throws.InvalidOperationException);
        var first = FolderOf(new LongStep { Layers = 6 });
        Assert.That(Directory.Exists(first));

        var changed = new LongStep
        {
            Layers = 6,
            Samples = what == "samples" ? 32 : 64,
            Version = what == "version" ? 2 : 1,
            Numerics = what == "numerics" ? "cpu-2" : "cpu-1",
        };
        await RunAsync(changed);

        Assert.That(changed.Made, Is.EqualTo(new[] { 0, 1, 2, 3, 4, 5 }));
        Assert.That(_lines.All.Where(line => line.Contains("afresh", StringComparison.Ordinal)), Is.EqualTo(new[] { why }));
        Assert.That(Directory.Exists(first), Is.False, "of no more use");
    }

    [Test]
    public async Task So_does_a_changed_input()
    {
        Assert.That(async () => await RunAsync(new LongStep { Layers = 6, FailAfter = 4, Input = _fixture.Input }), Throws.InvalidOperationException);
        File.WriteAllText(_fixture.Input, "something else\n");
        var changed = new LongStep { Layers = 6, Input = _fixture.Input };

        await RunAsync(changed);

        Assert.That(changed.Made, Has.Count.EqualTo(6));
        Assert.That(_lines.All, Has.Some.StartsWith("long: starts afresh: input text "));
    }

    [Test]
    public async Task Forcing_starts_afresh()
    {
        Assert.That(async () => await RunAsync(new LongStep { Layers = 6, FailAfter = 4 }), Throws.InvalidOperationException);
        var again = new LongStep { Layers = 6 };

        await RunAsync(again, force: true);

        Assert.That(again.Made, Has.Count.EqualTo(6));
    }

    [Test]
    public async Task Parts_of_another_recipe_and_of_a_step_that_another_build_works_on_stay()
    {
        Assert.That(async () => await RunAsync(new LongStep { Layers = 6, FailAfter = 4 }, "other"), Throws.InvalidOperationException);
        Assert.That(async () => await RunAsync(new LongStep { Layers = 6, FailAfter = 4, Samples = 8 }), Throws.InvalidOperationException);
        var busy = new LongStep { Layers = 6, Samples = 8 };
        using var held = _store.TryLock(KeyOf(busy).ToString());
        Assert.That(held, Is.Not.Null);

        await RunAsync(new LongStep { Layers = 6, Samples = 16 });

        Assert.That(Directory.Exists(FolderOf(busy)));
        Assert.That(Directory.Exists(FolderOf(new LongStep { Layers = 6 })));
        Assert.That(_lines.All.Where(line => line.Contains("afresh", StringComparison.Ordinal)), Is.Empty);
    }

    [Test]
    public async Task A_note_that_is_damaged_is_no_note()
    {
        foreach (var text in new[] { "", "{}", "[]", "{\"format\":\"1\"}", "{\"format\":1,\"recipe\":\"r\",\"step\":\"long\",\"fields\":[]}", new string('[', 5000) })
        {
            Assert.That(async () => await RunAsync(new LongStep { Layers = 6, FailAfter = 1 }), Throws.InvalidOperationException);
            File.WriteAllText(Path.Combine(FolderOf(new LongStep { Layers = 6 }), "fields.json"), text);
            var changed = new LongStep { Layers = 6, Samples = 1 };

            await RunAsync(changed, force: true);

            Assert.That(changed.Made, Has.Count.EqualTo(6));
        }

        Assert.That(_lines.All.Where(line => line.Contains("afresh", StringComparison.Ordinal)), Is.Empty);
    }

    [Test]
    public async Task Where_parts_cannot_be_kept_the_step_runs_without_them_and_says_so_once()
    {
        // A file in the place of the folder.
        File.WriteAllText(Directory.CreateDirectory(_fixture.StoreRoot).FullName + "/parts", "");
        var step = new LongStep { Layers = 6 };

        await RunAsync(step);

        Assert.That(Output(step), Is.EqualTo("012345"));
        Assert.That(_lines.Warnings, Has.Count.EqualTo(1));
        Assert.That(_lines.Warnings[0], Does.StartWith("long: if this run is interrupted, the next one cannot go on from here"));
    }

    private static void Commit(StepParts parts, string name, byte[] content)
    {
        using var part = parts.Begin(name);
        part.Write(content.AsSpan(0, content.Length / 2));
        part.Write(content.AsSpan(content.Length / 2));
        part.Commit();
    }

    private static byte[]? Read(StepParts parts, string name)
    {
        using var content = parts.TryOpen(name);
        using var copy = new MemoryStream();
        content!.CopyTo(copy);
        return copy.ToArray();
    }

    private StepParts Parts() => new(_store, "r", Plan(new LongStep { Layers = 6 }, "r")["long"], _lines);

    private string FileOf(string name)
    {
        var step = KeyOf(new LongStep { Layers = 6 });
        return Path.Combine(_fixture.StoreRoot, "parts", step.ToString(), StepParts.KeyOf(step, name).ToString());
    }

    private string FolderOf(LongStep step) => Path.Combine(_fixture.StoreRoot, "parts", KeyOf(step).ToString());

    private StepKey KeyOf(LongStep step) => Plan(step, "r")["long"].Key;

    private BuildPlan Plan(LongStep step, string recipe) => BuildPlan.Create(recipe, [step.Step()], _store);

    private async Task RunAsync(LongStep step, string recipe = "r", bool force = false) =>
        await new StepRunner(_store, _lines).RunAsync(Plan(step, recipe), "long", force);

    private string Output(LongStep step)
    {
        var tree = _store.Find(KeyOf(step)).Record!.Tree;
        return File.ReadAllText(_fixture.BlobOf(tree, "layers"));
    }

    /// <summary>A step of several layers that keeps each.</summary>
    private sealed class LongStep
    {
        public required int Layers { get; init; }

        public int? FailAfter { get; init; }

        public int Samples { get; init; } = 64;

        public int Version { get; init; } = 1;

        public string Numerics { get; init; } = "cpu-1";

        public string? Input { get; init; }

        public List<int> Made { get; } = [];

        public SmallStep Step() => new()
        {
            Name = "long",
            Version = Version,
            Inputs = Input is null ? [] : [StepInput.File("text", Input)],
            Options = key => key.Add("samples", Samples),
            Surroundings = key => key.Add("numerics", Numerics),
            Action = Run,
        };

        private Task Run(StepContext context, CancellationToken token)
        {
            var text = new StringBuilder();
            for (var layer = 0; layer < Layers; layer++)
            {
                using var found = context.Parts.TryOpen($"layer.{layer}");
                if (found is not null)
                {
                    text.Append(new StreamReader(found).ReadToEnd());
                    continue;
                }

                if (Made.Count == 0 && layer > 0)
                {
                    context.Parts.Resumed(layer, Layers);
                }

                if (layer == FailAfter)
                {
                    throw new InvalidOperationException("on purpose");
                }

                Made.Add(layer);
                text.Append(layer);
                Commit(context.Parts, $"layer.{layer}", Encoding.UTF8.GetBytes($"{layer}"));
            }

            return File.WriteAllTextAsync(Path.Combine(context.OutputFolder, "layers"), text.ToString(), token);
        }
    }

    private sealed class Lines : IBuildReporter
    {
        public List<string> All { get; } = [];

        public List<string> Warnings { get; } = [];

        public void Line(string text) => All.Add(text);

        public void Warn(string text) => Warnings.Add(text);

        public void Progress(string what, long done, long total)
        {
        }

        public void Waiting(string what, LockOwner? owner)
        {
        }
    }
}
