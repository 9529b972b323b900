using System.Diagnostics;
using LayerCake.Testing;

namespace LayerCake.Cli.Tests.Interruptions;

/// <summary>
/// The demo recipe as it is, killed at 200 random moments (20 cases of 10): nothing half-made is left in place, and the next build gives the bytes of an
/// undisturbed one. Some 20 minutes: <c>dotnet test tests/LayerCake.Cli.Tests --filter FullyQualifiedName~DemoKillTests -- NUnit.ExplicitMode=Relaxed</c>.
/// </summary>
[Category("Slow")]
[Explicit]
[NonParallelizable] // builds beside each other would all be killed early in their work
public sealed class DemoKillTests
{
    private const string Name = "internlm-tiny-w4kv8";
    private const int KillsOfACase = 10;

    private static readonly string[] Build = ["build", "--recipe", RepositoryFiles.Recipes($"{Name}.yaml")];

    private static string s_package = "";
    private static TimeSpan s_duration;

    [OneTimeSetUp]
    public static void BuildUndisturbed()
    {
        using var folder = new TemporaryFolder();
        var started = Stopwatch.GetTimestamp();
        LayerCakeCommand.Run(folder.Path, Build).Succeeded();
        s_duration = Stopwatch.GetElapsedTime(started);
        s_package = Snapshot.Of(folder.At("artifacts", Name));
    }

    [Test]
    public void A_build_of_the_demo_killed_at_a_random_moment_and_run_again_gives_the_bytes_of_an_undisturbed_one([Range(1, 20)] int seed)
    {
        var random = new Random(seed);
        for (var kill = 0; kill < KillsOfACase; kill++)
        {
            using var folder = new TemporaryFolder();
            var moment = s_duration * random.NextDouble();
            using (var process = LayerCakeCommand.Start(folder.Path, Build))
            {
                if (!process.WaitForExit(moment))
                {
                    process.Kill();
                }

                LayerCakeCommand.End(process);
            }

            var package = folder.At("artifacts", Name);
            Assert.That(Directory.Exists(package) ? Snapshot.Of(package) : s_package, Is.EqualTo(s_package), $"half made after a kill at {moment}");

            LayerCakeCommand.Run(folder.Path, Build).Succeeded();

            using (Assert.EnterMultipleScope())
            {
                Assert.That(Snapshot.Of(package), Is.EqualTo(s_package), $"other bytes after a kill at {moment}");
                Assert.That(Directory.EnumerateFileSystemEntries(folder.At("artifacts", ".cache", "tmp")), Is.Empty, $"left behind after a kill at {moment}");
            }
        }
    }
}
