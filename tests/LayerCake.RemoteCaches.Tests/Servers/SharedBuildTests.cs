using System.Collections.Concurrent;
using LayerCake.Building.TestHost;

namespace LayerCake.RemoteCaches.Tests;

/// <summary>Whole builds that share a cache: what one made, another takes; what a cache does wrong, no build notices in its result.</summary>
[TestFixture]
internal sealed class SharedBuildTests
{
    private TemporaryFolder _folder = null!;

    [SetUp]
    public void MakeFolder()
    {
        _folder = new TemporaryFolder();
        File.WriteAllText(_folder.At("input.txt"), $"one two {Guid.NewGuid()}\n");
    }

    [TearDown]
    public void RemoveFolder() => _folder.Dispose();

    [TestCase(CacheKind.Folder)]
    [TestCase(CacheKind.S3)]
    [TestCase(CacheKind.Http)]
    public async Task What_one_machine_built_another_takes_from_the_cache(CacheKind kind)
    {
        var first = await BuildAsync("first", kind.Open(_folder.At("cache")), canWrite: true);
        var second = await BuildAsync("second", kind.Open(_folder.At("cache")), canWrite: false);
        Assert.That(first.Ran, Is.EqualTo(new[] { "numbers", "sums", "bundle" }));
        Assert.That(second.Ran, Is.Empty, string.Join('\n', first.Warnings.Concat(second.Warnings)));
        Assert.That(second.Bytes, Is.EqualTo(first.Bytes));
    }

    [Test]
    public async Task A_cache_that_lies_about_content_never_poisons_a_build()
    {
        using var server = new ScriptedServer(Storing(request: _ => true, read: (path, bytes) =>
        {
            if (path.StartsWith("/cas/", StringComparison.Ordinal) && bytes.Length > 0)
            {
                bytes = [.. bytes];
                bytes[^1] ^= 1;
            }

            return bytes;
        }));
        var honest = await BuildAsync("honest", null, canWrite: false);
        await BuildAsync("first", RemoteCaches.Open(server.Url, Reading.Impatient()), canWrite: true);
        var deceived = await BuildAsync("deceived", RemoteCaches.Open(server.Url, Reading.Impatient()), canWrite: false);
        Assert.That(server.Requests.Any(each => each.StartsWith("GET /cas/", StringComparison.Ordinal)));
        Assert.That(deceived.Ran, Is.EqualTo(new[] { "numbers", "sums", "bundle" }));
        Assert.That(deceived.Bytes, Is.EqualTo(honest.Bytes));
        Assert.That((await BuildAsync("deceived", null, canWrite: false)).Ran, Is.Empty);
    }

    [Test]
    public async Task A_cache_that_gives_one_entry_for_another_never_poisons_a_build()
    {
        byte[]? entry = null;
        using var server = new ScriptedServer(Storing(request: _ => true, read: (path, bytes) => path.StartsWith("/ac/", StringComparison.Ordinal) ? entry ??= bytes : bytes));
        var honest = await BuildAsync("honest", null, canWrite: false);
        await BuildAsync("first", RemoteCaches.Open(server.Url, Reading.Impatient()), canWrite: true);
        var deceived = await BuildAsync("deceived", RemoteCaches.Open(server.Url, Reading.Impatient()), canWrite: false);
        Assert.That(deceived.Ran, Does.Contain("bundle"));
        Assert.That(deceived.Bytes, Is.EqualTo(honest.Bytes));
    }

    [Test]
    public async Task A_cache_that_dies_at_any_request_does_not_break_a_build([Values(0, 1, 2, 3, 5, 8, 13)] int lives)
    {
        using var server = new ScriptedServer(Storing(request: request => request.Number <= lives, read: (_, bytes) => bytes));
        var honest = await BuildAsync("honest", null, canWrite: false);
        var orphaned = await BuildAsync("orphaned", RemoteCaches.Open(server.Url, Reading.Impatient()), canWrite: true);
        Assert.That(orphaned.Bytes, Is.EqualTo(honest.Bytes));
        Assert.That(server.Requests, Has.Count.GreaterThan(lives));
    }

    [Test]
    public async Task A_cache_for_reading_only_is_sent_nothing()
    {
        using var server = new ScriptedServer(Storing(request: _ => true, read: (_, bytes) => bytes));
        await BuildAsync("first", RemoteCaches.Open(server.Url, Reading.Impatient()), canWrite: false);
        Assert.That(server.Requests, Is.Not.Empty.And.None.StartsWith("PUT"));
    }

    /// <summary>A cache server in memory.</summary>
    /// <param name="request">Whether it answers; otherwise it breaks the connection.</param>
    /// <param name="read">What it gives for what it was given at a path.</param>
    private static Func<ScriptedRequest, Task> Storing(Func<ScriptedRequest, bool> request, Func<string, byte[], byte[]> read)
    {
        var objects = new ConcurrentDictionary<string, byte[]>();
        return async asked =>
        {
            if (!request(asked))
            {
                asked.Reset();
            }
            else if (asked.Method == "PUT")
            {
                objects[asked.Path] = await asked.ReadBodyAsync();
                await asked.AnswerAsync(201);
            }
            else if (!objects.TryGetValue(asked.Path, out var bytes))
            {
                await asked.SendRawAsync("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
            }
            else if (asked.Method == "HEAD")
            {
                await asked.SendRawAsync($"HTTP/1.1 200 OK\r\nContent-Length: {bytes.Length}\r\n\r\n");
            }
            else
            {
                await asked.AnswerAsync(200, read(asked.Path, bytes));
            }
        };
    }

    /// <summary>Builds in the store of a machine, and returns which steps ran and every file of the result.</summary>
    private async Task<(string[] Ran, string Bytes, string[] Warnings)> BuildAsync(string machine, IRemoteCache? remote, bool canWrite)
    {
        var warnings = new Warnings();
        using var cache = remote is null ? null : new SharedCache(remote, canWrite, warnings);
        using var store = ArtifactStore.Open(_folder.At(machine, "store"), new StoreOptions { ProgramVersion = "1.2.3" });
        Directory.CreateDirectory(_folder.At(machine));
        var log = _folder.At(machine, "runs");
        File.Delete(log);
        var plan = BuildPlan.Create(SmallBuild.Recipe, new SmallBuild { Input = _folder.At("input.txt"), RunLog = log }.Steps(), store, cache);
        var results = await new StepRunner(store, SilentReporter.Instance, cache).RunAllAsync(plan);
        var tree = string.Join('\n', results.SelectMany(result => result.Record.Tree.Entries).Select(entry => entry.ToString()));
        return (File.Exists(log) ? File.ReadAllLines(log) : [], tree, [.. warnings.Texts]);
    }

    private sealed class Warnings : IBuildReporter
    {
        public ConcurrentQueue<string> Texts { get; } = new();

        public void Line(string text)
        {
        }

        public void Warn(string text) => Texts.Enqueue(text);

        public void Progress(string what, long done, long total)
        {
        }

        public void Waiting(string what, LockOwner? owner)
        {
        }
    }
}
