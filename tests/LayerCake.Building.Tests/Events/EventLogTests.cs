using System.Text;
using CsCheck;

namespace LayerCake.Building.Tests;

[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class EventLogTests : IDisposable
{
    private static readonly Gen<string> Text = Gen.String[Gen.Char['\u0001', '\ud7ff'], 0, 20];
    private static readonly Gen<long> Count = Gen.Long[0, long.MaxValue];
    private static readonly Gen<TimeSpan> Time = Gen.Long[0, 1L << 40].Select(milliseconds => TimeSpan.FromMilliseconds(milliseconds));
    private static readonly Gen<StepKey> Key = Gen.Byte.Array[Digest.ByteLength].Select(bytes => new StepKey(new Digest(bytes)));
    private static readonly Gen<IReadOnlyList<string>> Texts = Text.Array[0, 3].Select(texts => (IReadOnlyList<string>)texts);

    private static readonly Gen<BuildRow> Row = Gen.Select(Text, Text, Key, Text, Text, Time, Time, Count)
        .Select((recipe, step, key, outcome, reason, started, elapsed, bytes) => new BuildRow(recipe, step, key, outcome, reason, started, elapsed, bytes));

    private static readonly Gen<BuildEvent> Event = Gen.OneOf<BuildEvent>(
        Gen.Select(Texts, Gen.Int, Text, Gen.Long).Select((recipes, jobs, version, clock) => (BuildEvent)new BuildStarted(recipes, jobs, version, clock)),
        Gen.Select(Text, Text, Key, Text, Text, Texts).Select((recipe, step, key, outcome, reason, after) => (BuildEvent)new StepPlanned(recipe, step, key, outcome, reason, after)),
        Gen.Select(Text, Text, Gen.Int).Select((recipe, step, attempt) => (BuildEvent)new StepStarted(recipe, step, attempt)),
        Gen.Select(Text, Text, Text).Select((recipe, step, text) => (BuildEvent)new StepLine(recipe, step, text)),
        Gen.Select(Text, Text, Text).Select((recipe, step, text) => (BuildEvent)new StepWarning(recipe, step, text)),
        Gen.Select(Text, Text, Text, Count, Count).Select((recipe, step, what, done, total) => (BuildEvent)new StepProgress(recipe, step, what, done, total)),
        Gen.Select(Text, Text, Text, Gen.Null(Text)).Select((recipe, step, what, owner) => (BuildEvent)new StepWaiting(recipe, step, what, owner)),
        Gen.Select(Text, Text, Gen.Int, Gen.Int, Text).Select((recipe, step, attempt, all, text) => (BuildEvent)new StepRetried(recipe, step, attempt, all, text)),
        Gen.Select(Text, Text, Key, Text, Text, Time, Count).Select((recipe, step, key, outcome, reason, time, bytes) => (BuildEvent)new StepFinished(recipe, step, key, outcome, reason, time, bytes)),
        Gen.Select(Text, Text, Text).Select((recipe, step, reason) => (BuildEvent)new StepSkipped(recipe, step, reason)));

    private readonly BuildFixture _fixture = new();

    public void Dispose() => _fixture.Dispose();

    [Test]
    public void An_event_read_again_is_the_event_that_was_written() =>
        Gen.Select(Event, Time).Sample((@event, at) =>
        {
            var written = @event with { At = at };
            var line = BuildEventJson.Write(written);
            Assert.That(line[..^1], Does.Not.Contain((byte)'\n'), "one line");
            // Records with lists compare the lists by reference: their JSON is compared in their place.
            Assert.That(BuildEventJson.Write(BuildEventJson.Read(line)!), Is.EqualTo(line));
        });

    [Test]
    public void So_are_the_events_with_tables_and_failures() => Gen.Select(Row.Array[0, 3], Text, Key, Texts, Gen.Null(Text), Time).Sample((rows, text, key, texts, maybe, time) =>
    {
        foreach (BuildEvent written in new BuildEvent[]
        {
            new BuildFinished(rows.Length > 1, rows, [KeyValuePair.Create(text, "folder")], maybe),
            new StepFailed(text, "step", key, text, 2, time, texts, maybe, maybe),
        })
        {
            var line = BuildEventJson.Write(written);
            Assert.That(BuildEventJson.Write(BuildEventJson.Read(line)!), Is.EqualTo(line));
        }
    });

    [Test]
    public void Whatever_a_line_holds_it_is_an_event_or_refused() =>
        Gen.Select(Event, Gen.Byte.Array[0, 6], Gen.Int[0, 400]).Sample((@event, noise, place) =>
        {
            var line = BuildEventJson.Write(@event);
            noise.AsSpan(0, Math.Min(noise.Length, line.Length)).CopyTo(line.AsSpan(Math.Min(place, line.Length - Math.Min(noise.Length, line.Length))));
            try
            {
                BuildEventJson.Read(line);
            }
            catch (FormatException)
            {
                // Refused.
            }
        });

    [TestCase("""{"event":"step_started","at_ms":-1,"recipe":"r","step":"s","attempt":1}""")]
    [TestCase("""{"event":"step_started","at_ms":9e99,"recipe":"r","step":"s","attempt":1}""")]
    [TestCase("""{"event":"step_started","at_ms":1,"recipe":"r","step":null,"attempt":1}""")]
    [TestCase("""{"event":"step_finished","at_ms":1,"recipe":"r","step":"s","key":"12","outcome":"ran","reason":"","elapsed_ms":1,"bytes":1}""")]
    [TestCase("""["event"]""")]
    [TestCase("{}")]
    [TestCase("")]
    public void A_line_that_is_no_event_is_refused_with_its_place(string line)
    {
        var path = WriteLog(line + "\n", line + "\n");

        Assert.That(() => BuildEventLog.Read(path).ToList(), Throws.TypeOf<BuildException>().With.Message.StartsWith($"cannot read the log {path}: line 1: "));
    }

    [Test]
    public void A_last_line_that_a_killed_build_left_unfinished_is_passed_over()
    {
        var whole = Encoding.UTF8.GetString(BuildEventJson.Write(new StepLine("r", "s", "text")));
        var path = WriteLog(whole, whole[..20]);

        Assert.That(BuildEventLog.Read(path), Is.EqualTo(new[] { new StepLine("r", "s", "text") }));
    }

    [Test]
    public void Kinds_of_events_of_later_versions_are_passed_over_but_not_a_later_format()
    {
        var whole = Encoding.UTF8.GetString(BuildEventJson.Write(new StepLine("r", "s", "text")));
        var later = WriteLog("""{"event":"step_dreamt","at_ms":1,"recipe":"r","step":"s"}""" + "\n", whole);
        Assert.That(BuildEventLog.Read(later), Is.EqualTo(new[] { new StepLine("r", "s", "text") }));

        var other = WriteLog("""{"event":"build_started","at_ms":0,"format":2,"recipes":[],"jobs":1,"layercake":"9.0.0","clock_ms":1}""" + "\n");
        Assert.That(() => BuildEventLog.Read(other).ToList(), Throws.TypeOf<BuildException>().With.Message.Contains("format 2 of the log is not known here; LayerCake 9.0.0 wrote it"));
    }

    [Test]
    public void A_log_that_is_not_there_is_told() =>
        Assert.That(() => BuildEventLog.Read(_fixture.At("none")).ToList(), Throws.TypeOf<BuildException>().With.Message.StartsWith("cannot read the log: "));

    [Test]
    public void Many_that_add_to_one_log_at_once_lose_no_line()
    {
        const int Writers = 8, Lines = 200;
        var path = _fixture.At("logs", "x.jsonl");
        Parallel.For(0, Writers, new ParallelOptions { MaxDegreeOfParallelism = Writers }, writer =>
        {
            using var log = BuildEventLog.Append(path, TimeProvider.System, out _);
            for (var i = 0; i < Lines; i++)
            {
                log.Take(new StepLine("r", $"s{writer}", $"{i} {new string('x', 300)}"));
            }
        });

        var lines = BuildEventLog.Read(path).Cast<StepLine>().ToList();
        Assert.That(lines, Has.Count.EqualTo(Writers * Lines));
        for (var writer = 0; writer < Writers; writer++)
        {
            Assert.That(lines.Where(line => line.Step == $"s{writer}").Select(line => int.Parse(line.Text.Split(' ')[0])), Is.EqualTo(Enumerable.Range(0, Lines)), "in order");
        }
    }

    [Test]
    public void A_process_that_adds_to_a_log_counts_from_its_start()
    {
        var path = _fixture.At("x.jsonl");
        var clock = BuildEventLog.ClockOf(TimeProvider.System) - 5000;
        using (var log = BuildEventLog.Create(path))
        {
            log.Take(new BuildStarted(["r"], 1, "1.2.3", clock));
        }

        using var added = BuildEventLog.Append(path, TimeProvider.System, out var passed);

        Assert.That(passed, Is.GreaterThanOrEqualTo(TimeSpan.FromSeconds(5)));
    }

    [Test]
    public void A_new_log_takes_the_place_of_an_older_one_which_its_readers_keep()
    {
        var path = _fixture.At("x.jsonl");
        using (var log = BuildEventLog.Create(path))
        {
            log.Take(new StepLine("r", "s", "old"));
        }

        using var reader = BuildEventLog.Read(path).GetEnumerator();
        Assert.That(reader.MoveNext());
        using (var log = BuildEventLog.Create(path))
        {
            log.Take(new StepLine("r", "s", "new"));
            Assert.That(BuildEventLog.Read(path).Cast<StepLine>().Select(line => line.Text), Is.EqualTo(new[] { "new" }), "there at once");
        }

        Assert.That(((StepLine)reader.Current).Text, Is.EqualTo("old"));
        Assert.That(reader.MoveNext(), Is.False);
    }

    [Test]
    public void Progress_passes_first_and_last_and_seldom_between()
    {
        var events = new RecordedEvents();
        var reporter = new StepReporter(new BuildEventStream(TimeProvider.System, EventText.Plain, [events]), "r", "s");
        for (var i = 1; i <= 100_000; i++)
        {
            reporter.Progress("samples", i, 100_000);
        }

        var passed = events.Of<StepProgress>().Select(progress => progress.Done).ToList();
        Assert.That(passed[0], Is.EqualTo(1));
        Assert.That(passed[^1], Is.EqualTo(100_000));
        Assert.That(passed, Has.Count.LessThan(10_000));
    }

    private string WriteLog(params string[] lines)
    {
        var path = _fixture.At($"{Guid.NewGuid():n}.jsonl");
        File.WriteAllText(path, string.Concat(lines));
        return path;
    }
}
