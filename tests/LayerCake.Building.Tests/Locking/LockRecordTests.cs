using System.Text;
using CsCheck;
using LayerCake.Building.TestHost;
using LayerCake.Recipes;

namespace LayerCake.Building.Tests;

/// <summary>A lock record is the same wherever it is written, says what differs by name, and is never believed blindly.</summary>
internal sealed class LockRecordTests
{
    private const string RecipeText = "name: small\nmodel: { name: llama2, source: model }\n";

    private BuildFixture _build = null!;

    [SetUp]
    public void Create() => _build = new BuildFixture();

    [TearDown]
    public void Remove() => _build.Dispose();

    [Test]
    public async Task The_record_is_the_same_bytes_on_a_second_run_in_another_folder_and_with_another_store()
    {
        await _build.RunAsync();
        var first = Record(_build).ToJson();
        using var other = new BuildFixture();
        await other.RunAsync();

        using (Assert.EnterMultipleScope())
        {
            Assert.That(Record(_build).ToJson(), Is.EqualTo(first));
            Assert.That(Record(other).ToJson(), Is.EqualTo(first));
            Assert.That(LockRecord.Parse(first).ToJson(), Is.EqualTo(first), "read and written again");
        }
    }

    [Test]
    public async Task It_holds_no_path_but_relative_ones_and_every_digest()
    {
        var results = await _build.RunAsync();
        var record = Record(_build);
        var text = Encoding.UTF8.GetString(record.ToJson());

        using (Assert.EnterMultipleScope())
        {
            Assert.That(text, Does.Not.Contain(_build.At()).And.Not.Contains(Environment.MachineName).And.Not.Contains(DateTime.UtcNow.Year.ToString(System.Globalization.CultureInfo.InvariantCulture) + "-"));
            Assert.That(record.Inputs.Single().Files, Is.EqualTo(new[] { new LockedFile(RelativePath.Parse("input.txt"), Digest.Of("one two three\n"), 14) }));
            Assert.That(record.Steps.Select(step => step.Name), Is.EqualTo(new[] { "bundle", "numbers", "sums" }));
            Assert.That(record.StepKeys, Is.EquivalentTo(results.Select(result => result.Key)));
            Assert.That(results, Has.All.Matches<StepResult>(result => record.OutputOf(result!.Key)!.Digest == result.Tree.Digest));
            Assert.That(record.WithoutOutput, Is.Empty);
        }
    }

    [Test]
    public async Task Without_results_only_inputs_are_recorded_and_outputs_of_the_record_before_stay()
    {
        var fresh = Record(_build);
        await _build.RunAsync();
        var built = Record(_build);
        using var clone = new BuildFixture();

        using (Assert.EnterMultipleScope())
        {
            Assert.That(fresh.WithoutOutput, Is.EqualTo(new[] { "bundle", "numbers", "sums" }));
            Assert.That(fresh.StepKeys, Is.EqualTo(built.StepKeys));
            Assert.That(LockRecord.Of([Subject(clone)], previous: built).ToJson(), Is.EqualTo(built.ToJson()), "a checkout without results writes the same record");
            Assert.That(LockRecord.Of([Subject(clone)], inputsOnly: true, built).ToJson(), Is.EqualTo(fresh.ToJson()));
            Assert.That(LockRecord.Of([Subject(clone, scale: 4)], previous: built).WithoutOutput, Has.Count.EqualTo(3), "another key's output is no output");
        }
    }

    [Test]
    public async Task What_is_as_recorded_has_no_difference()
    {
        await _build.RunAsync();
        var record = Record(_build);
        using var other = new BuildFixture();

        Assert.That(record.Compare([Subject(other)]), Is.Empty);
        Assert.That(() => record.ThrowIfDifferent([Subject(other)], "small.lock"), Throws.Nothing);
    }

    [Test]
    public void Every_difference_is_named_with_old_and_new_and_all_at_once()
    {
        var record = Record(_build);
        File.WriteAllText(_build.Input, "one two four\n");

        var differences = record.Compare([Subject(_build, scale: 4, recipe: RecipeText + "convert: { tensor_parallel: 2 }\nengine: lmdeploy 0.3.0\n")]);

        Assert.That(differences.Select(difference => difference.ToString()), Is.EqualTo(new[]
        {
            "recipe convert.tensor_parallel: 1 → 2",
            "recipe engine: lmdeploy 0.1.0 → lmdeploy 0.3.0",
            $"input text/input.txt: {Digest.Of("one two three\n").Short} → {Digest.Of("one two four\n").Short}",
            "step numbers.recipe.numbers.scale: 3 → 4",
        }));
        Assert.That(
            Assert.Throws<LockException>(() => record.ThrowIfDifferent([Subject(_build, scale: 4)], "recipes/small.lock"))!.Message,
            Does.StartWith("not what the lock record recipes/small.lock says:\n  input text/input.txt: ").And.EndsWith("\n'layercake lock' accepts it, without --locked it is not compared"));
    }

    [Test]
    public void A_step_that_is_new_or_gone_and_another_version_are_named()
    {
        var all = _build.Build().Steps();
        var record = LockRecord.Of([Subject([.. all.Take(2)])]);

        Assert.That(record.Compare([Subject([.. all])]).Single().ToString(), Is.EqualTo("step bundle: not in the lock"));
        Assert.That(record.Compare([Subject([all[0]])]).Single().ToString(), Is.EqualTo("step sums: in the lock only"));
        Assert.That(record.Compare([Subject([all[0], new Renewed(all[1])])]).Single().ToString(), Is.EqualTo("step sums.version: 1 → 2"));
    }

    [Test]
    public void Variants_are_recorded_together_and_what_they_share_once()
    {
        LockSubject[] variants = [Subject(_build, recipe: RecipeText.Replace("small", "small-a")), Subject(_build, scale: 4, recipe: RecipeText.Replace("small", "small-b"))];
        var record = LockRecord.Of(variants);
        var renewed = Subject(_build, scale: 5, recipe: RecipeText.Replace("small", "small-b"));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(LockRecord.Of([variants[1], variants[0]]).ToJson(), Is.EqualTo(record.ToJson()), "the order of variants means nothing");
            Assert.That(record.Inputs, Has.Count.EqualTo(1));
            Assert.That(record.Compare(variants), Is.Empty);
            Assert.That(record.Compare([variants[0]], all: false), Is.Empty);
            Assert.That(record.Compare([variants[0]]).Single().ToString(), Is.EqualTo("variant small-b: in the lock only"));
            Assert.That(record.Compare([variants[0], renewed]).Single().ToString(), Is.EqualTo("step numbers.recipe.numbers.scale: 4 → 5 (in small-b)"));
            Assert.That(LockRecord.Of([variants[0]]).Compare(variants).Single().ToString(), Is.EqualTo("variant small-b: not in the lock"));
        }
    }

    [Test]
    public async Task An_output_that_differs_is_refused_with_step_and_first_file()
    {
        var results = await _build.RunAsync();
        var record = Record(_build);
        var numbers = results.Single(result => result.Name == "numbers");
        StoredTree Changed(Func<TreeEntry, TreeEntry?> change) => StoredTree.Create(numbers.Tree.Entries.Select(change).OfType<TreeEntry>());
        string? Refusal(StoredTree tree) => Assert.Throws<LockException>(() => record.ThrowIfNotReproduced("numbers", numbers.Key, tree))?.Message;

        using (Assert.EnterMultipleScope())
        {
            Assert.That(() => record.ThrowIfNotReproduced("numbers", numbers.Key, numbers.Tree), Throws.Nothing);
            Assert.That(
                Refusal(Changed(entry => entry is TreeEntry.File file && file.Path.Name != "0.txt" ? file with { Content = Digest.Of("x") } : entry)),
                Does.StartWith($"numbers was not reproduced: parts/1.txt has 28 bytes with SHA-256 {Digest.Of("x").Short}, the lock says 28 with "));
            Assert.That(Refusal(Changed(entry => entry.Path.Name == "2.txt" ? null : entry)), Does.StartWith("numbers was not reproduced: parts/2.txt is missing;"));
            Assert.That(Refusal(StoredTree.Create([.. numbers.Tree.Entries, new TreeEntry.Folder(RelativePath.Parse("new"))])), Does.StartWith("numbers was not reproduced: new is not in the lock;"));
            Assert.That(() => record.ThrowIfNotReproduced("numbers", new StepKey(Digest.Of("another")), StoredTree.Create([])), Throws.Nothing, "of another key nothing is recorded");
        }
    }

    [Test]
    public void The_file_is_written_whole_and_left_alone_where_nothing_changed()
    {
        var path = _build.At("small.lock");
        var record = Record(_build);

        Assert.That(record.Write(path), Is.True);
        var time = new DateTime(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc);
        File.SetLastWriteTimeUtc(path, time);
        Assert.That(record.Write(path), Is.False);
        Assert.That(File.GetLastWriteTimeUtc(path), Is.EqualTo(time));
        Assert.That(LockRecord.Read(path).ToJson(), Is.EqualTo(record.ToJson()));
        Assert.That(Directory.EnumerateFiles(_build.At(), ".*"), Is.Empty, "nothing temporary stays");
    }

    [TestCase("", "it is cut off or not JSON")]
    [TestCase("{", "it is cut off or not JSON")]
    [TestCase("[]", "a field is missing or of the wrong kind")]
    [TestCase("""{"format": 2}""", "it has another format")]
    [TestCase("""{"format": 1, "format": 1}""", "it is cut off or not JSON")]
    [TestCase("""{"format": 1, "variants": [], "inputs": [], "steps": []}""", "it has no variant, or one twice")]
    [TestCase("""{"format": 1, "variants": [], "inputs": [], "steps": [], "more": 1}""", "it has a field that is unknown here")]
    public void A_file_that_is_no_record_is_refused_with_what_to_do(string text, string why)
    {
        File.WriteAllText(_build.At("x.lock"), text);

        Assert.That(
            Assert.Throws<LockException>(() => LockRecord.Read(_build.At("x.lock")))!.Message,
            Is.EqualTo($"the lock record {_build.At("x.lock")} cannot be used: {why}; 'layercake lock' writes it anew"));
    }

    [Test]
    public void Where_there_is_no_record_the_command_that_writes_it_is_named() =>
        Assert.That(
            Assert.Throws<LockException>(() => LockRecord.Read(_build.At("x.lock")))!.Message, Is.EqualTo($"there is no lock record {_build.At("x.lock")}; 'layercake lock' writes it"));

    [TestCase("\"scale\": 3", "\"scale\": 4", "a step's fields do not hash to its key")]
    [TestCase("\"engine\": \"lmdeploy 0.1.0\"", "\"engine\": \"lmdeploy 0.3.0\"", "a recipe's values do not hash to its digest")]
    [TestCase("\"size\":14}", "\"size\":-14}", "'input.txt' has a negative size")]
    [TestCase("\"path\":\"input.txt\"", "\"path\":\"../input.txt\"", "'../input.txt' is not a relative path: it has a segment '..'")]
    [TestCase("\"path\":\"input.txt\"", "\"path\":\"/etc/passwd\"", "'/etc/passwd' is not a relative path: it is rooted")]
    [TestCase("\"path\":\"parts/0.txt\"", "\"path\":\"parts/1.txt\"", "'parts/1.txt' is in the tree twice or has no name")]
    [TestCase("\"path\":\"parts/0.txt\"", "\"path\":\"parts/9.txt\"", "a step's outputs do not hash to its tree digest")]
    [TestCase("\"step\": \"numbers\",\n      \"key\"", "\"step\": \"num\\u001b[2Jbers\",\n      \"key\"", "a name has characters that no name has")]
    [TestCase("\"step\": \"numbers\",\n      \"key\"", "\"step\": \"others\",\n      \"key\"", "the steps of its variants are not the steps that it holds")]
    [TestCase("\"bytes\": ", "\"bytes\": 9", "a step's outputs do not hash to its tree digest")]
    public async Task A_record_that_was_tampered_with_is_refused(string old, string @new, string why)
    {
        await _build.RunAsync();
        var text = Encoding.UTF8.GetString(Record(_build).ToJson());
        Assert.That(text, Does.Contain(old));
        var at = text.IndexOf(old, StringComparison.Ordinal);

        Assert.That(() => LockRecord.Parse(Encoding.UTF8.GetBytes(text[..at] + @new + text[(at + old.Length)..])), Throws.TypeOf<FormatException>().With.Message.StartsWith(why));
    }

    [Test]
    public async Task Any_damage_is_refused_or_means_the_same()
    {
        await _build.RunAsync();
        var record = Record(_build);
        var content = record.ToJson();

        Gen.Select(Gen.Double.Unit, Gen.Int[0, 30], Gen.Byte.Array[0, 4]).Array[1, 3].Sample(
            edits =>
            {
                var bytes = edits.Aggregate(content, (old, edit) =>
                {
                    var start = (int)(edit.Item1 * old.Length);
                    return [.. old.AsSpan(0, start), .. edit.Item3, .. old.AsSpan(Math.Min(old.Length, start + edit.Item2))];
                });
                try
                {
                    // What is read in spite of an edit can be white space, or a size of an input, which no digest covers.
                    var read = LockRecord.Parse(bytes);
                    Assert.That(read.StepKeys, Is.EqualTo(record.StepKeys));
                    Assert.That(read.Compare([Subject(_build)]), Is.Empty);
                }
                catch (FormatException)
                {
                    // Refused.
                }
            },
            iter: 1000,
            threads: 1);
    }

    [Test]
    public void Nothing_of_a_record_reaches_a_terminal_as_a_control_sequence()
    {
        var difference = new LockDifference(LockDifferenceKind.Recipe, "a\u001b[2J", "b\u0007\u202e", new string('c', 500), []);

        Assert.That(difference.ToString(), Is.EqualTo($"recipe a?[2J: b?? → {new string('c', 120)}…"));
    }

    private static LockSubject Subject(BuildFixture fixture, int scale = 3, string recipe = RecipeText) => new(Parse(recipe), fixture.Plan(fixture.Build(scale)));

    private LockSubject Subject(IReadOnlyList<IBuildStep> steps)
    {
        using var store = _build.Open(readOnly: true);
        return new LockSubject(Parse(RecipeText), BuildPlan.Create(SmallBuild.Recipe, steps, store));
    }

    private static Recipe Parse(string text) => RecipeReader.Parse(text, "small.yaml", Path.GetTempPath(), []);

    private static LockRecord Record(BuildFixture fixture) => LockRecord.Of([Subject(fixture)]);

    /// <summary>A step whose code changed what it writes.</summary>
    private sealed class Renewed(IBuildStep step) : IBuildStep
    {
        public string Name => step.Name;

        public int Version => step.Version + 1;

        public IReadOnlyList<string> DependsOn => step.DependsOn;

        public IReadOnlyList<StepInput> Inputs => step.Inputs;

        public void AddTo(IKeyWriter key) => step.AddTo(key);

        public Task RunAsync(StepContext context, CancellationToken token) => step.RunAsync(context, token);
    }
}
