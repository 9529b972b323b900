using System.Text.Json;
using LayerCake.Testing;

namespace LayerCake.Cli.Tests.SharedCaches;

/// <summary>Two machines and a shared cache: what one has built the other fetches, and whatever the cache does, no build is worse than without it.</summary>
public sealed class SharedCacheTests : IDisposable
{
    private static readonly string[] Steps = ["calibrate", "kv_qparams", "auto_awq", "convert", "package"];

    private readonly TemporaryFolder _first = new();
    private readonly TemporaryFolder _second = new();
    private readonly TemporaryFolder _cache = new();

    public void Dispose()
    {
        _first.Dispose();
        _second.Dispose();
        _cache.Dispose();
    }

    [Test]
    public void What_one_machine_built_another_fetches_from_a_folder_and_runs_nothing() => FetchesEverything(_cache.At("shared"), new Dictionary<string, string>());

    [Test]
    public void What_one_machine_built_another_fetches_from_an_S3_server_and_runs_nothing() =>
        FetchesEverything($"{CacheServers.Shared.S3}/{Guid.NewGuid():n}", CacheServers.Shared.S3Environment);

    [Test]
    public void What_one_machine_built_another_fetches_from_an_HTTP_server_and_runs_nothing() =>
        FetchesEverything(CacheServers.Shared.Http, new Dictionary<string, string>());

    [Test]
    public void A_plan_says_what_would_be_fetched_and_explains_against_a_build_of_another_machine()
    {
        var cache = Fill();

        var plan = UndisturbedBuild.Run(_second, ["plan", "--json", .. cache]).Succeeded();
        var explained = UndisturbedBuild.Run(_second, ["plan", "--explain", "--set", "kv_qparams.symmetric=true", .. cache]).Succeeded();

        using var document = JsonDocument.Parse(plan.Output);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(
                document.RootElement.GetProperty("steps").EnumerateArray().Select(step => step.GetProperty("outcome").GetString()),
                Is.All.EqualTo("fetch"));
            Assert.That(explained.Output, Does.Contain("\n  recipe.kv_qparams.symmetric  false → true\n").And.Contain("fields are as in its last build, noted in "));
            Assert.That(Directory.EnumerateFileSystemEntries(_second.Path), Is.Empty, "a plan writes nothing");
        }
    }

    [Test]
    public void A_cache_that_is_only_read_gets_nothing()
    {
        var shared = _cache.At("shared");
        Directory.CreateDirectory(shared);
        UndisturbedBuild.CopyQuantizedStore(_first);

        UndisturbedBuild.Run(_first, ["build", "--cache", shared, "--cache-mode", "read-only"]).Succeeded();

        Assert.That(Directory.EnumerateFiles(shared, "*", SearchOption.AllDirectories), Is.Empty);
    }

    [TestCase("cas", TestName = "Flipped_bytes_in_shared_content_are_noticed_and_the_step_runs")]
    [TestCase("ac", TestName = "Flipped_bytes_in_shared_entries_are_noticed_and_the_step_runs")]
    public void Flipped_bytes(string part)
    {
        var cache = Fill();
        foreach (var file in Directory.EnumerateFiles(_cache.At("shared", part), "*", SearchOption.AllDirectories).ToList())
        {
            var bytes = File.ReadAllBytes(file);
            if (bytes.Length > 0)
            {
                bytes[bytes.Length / 2] ^= 1;
                File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
                File.WriteAllBytes(file, bytes);
            }
        }

        UndisturbedBuild.CopyCalibratedStore(_second);
        var build = UndisturbedBuild.Run(_second, ["build", .. cache]).Succeeded();

        using (Assert.EnterMultipleScope())
        {
            Assert.That(build.Output, Does.Contain("\nauto_awq: ran "));
            Assert.That(build.Error, Does.Contain("warning: "));
            Assert.That(Snapshot.Of(_second.At("artifacts", UndisturbedBuild.RecipeName)), Is.EqualTo(UndisturbedBuild.Package));
        }
    }

    [TestCase("http://127.0.0.1:9/cache")]
    [TestCase("s3://bucket/cache")]
    public void A_cache_that_does_not_answer_costs_a_warning(string location)
    {
        UndisturbedBuild.CopyQuantizedStore(_second);
        var environment = new Dictionary<string, string>
        {
            ["AWS_ENDPOINT_URL_S3"] = "http://127.0.0.1:9", ["AWS_ACCESS_KEY_ID"] = "nobody", ["AWS_SECRET_ACCESS_KEY"] = "not-a-secret", ["AWS_REGION"] = "us-east-1",
        };

        var build = UndisturbedBuild.Run(_second, ["build", "--cache", location], environment: environment).Succeeded();

        using (Assert.EnterMultipleScope())
        {
            Assert.That(build.Error, Does.Contain("warning: ").And.Not.Contain("not-a-secret"));
            Assert.That(Snapshot.Of(_second.At("artifacts", UndisturbedBuild.RecipeName)), Is.EqualTo(UndisturbedBuild.Package));
        }
    }

    [Test]
    public void A_server_that_stops_in_the_middle_of_a_build_does_not_stop_the_build()
    {
        using var servers = CacheServers.StartHttp();
        UndisturbedBuild.CopyCalibratedStore(_first);
        using var process = LayerCakeCommand.Start(_first.Path, ["build", "--cache", servers.Http, .. UndisturbedBuild.RecipeArguments]);
        while (process.StandardOutput.ReadLine() is { } line && !line.StartsWith("auto_awq: ran ", StringComparison.Ordinal))
        {
        }

        servers.StopHttp();
        var build = LayerCakeCommand.End(process).Succeeded();

        using (Assert.EnterMultipleScope())
        {
            Assert.That(build.Error, Does.Contain("warning: "));
            Assert.That(Snapshot.Of(_first.At("artifacts", UndisturbedBuild.RecipeName)), Is.EqualTo(UndisturbedBuild.Package));
        }
    }

    [TestCase("ftp://host/cache")]
    [TestCase("s3://")]
    public void A_location_that_means_nothing_is_refused(string location) =>
        UndisturbedBuild.Run(_first, ["plan", "--cache", location]).WasRefusedWith(ExitCode.Usage, Does.StartWith("layercake: "));

    [Test]
    public void A_mode_that_means_nothing_is_refused() =>
        UndisturbedBuild.Run(_first, ["plan", "--cache-mode", "write"]).WasRefusedWith(
            ExitCode.Usage, Does.StartWith("layercake: --cache-mode is read-only or read-write, not 'write'."));

    /// <summary>Lays out a cache that another machine has built into.</summary>
    private string[] Fill()
    {
        UndisturbedBuild.CopySharedCache(_cache);
        return ["--cache", _cache.At("shared")];
    }

    private void FetchesEverything(string location, IReadOnlyDictionary<string, string> environment)
    {
        var first = UndisturbedBuild.Run(_first, ["build", "--cache", location], environment: environment).Succeeded();
        var second = UndisturbedBuild.Run(_second, ["build", "--cache", location], environment: environment).Succeeded();

        using (Assert.EnterMultipleScope())
        {
            Assert.That(first.Error, Is.Empty);
            Assert.That(second.Error, Is.Empty);
            Assert.That(Steps.Select(step => first.Output.Contains($"{step}: ran ")), Is.All.True, first.Output);
            Assert.That(Steps.Select(step => second.Output.Contains($"{step}: from remote cache")), Is.All.True, second.Output);
            Assert.That(Snapshot.Of(_second.At("artifacts", UndisturbedBuild.RecipeName)), Is.EqualTo(UndisturbedBuild.Package));
        }
    }
}
