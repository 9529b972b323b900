using System.Diagnostics;
using System.Text.Json;
using LayerCake.Testing;

namespace LayerCake.Cli.Tests;

/// <summary>
/// The demo recipe with few samples and without evaluate, built once without any disturbance: what every other build of it is compared with, and stores to start from.
/// </summary>
[SetUpFixture]
public sealed class UndisturbedBuild
{
    public const string RecipeName = "internlm-tiny-w4kv8";

    private static readonly Lazy<UndisturbedBuild> Shared = new(() => new UndisturbedBuild().Build());

    private static readonly Lazy<TemporaryFolder> Uploaded = new(Upload);

    private TemporaryFolder? _folder;
    private Dictionary<string, string> _keys = [];

    internal static string[] RecipeArguments { get; } =
    [
        "--recipe", RepositoryFiles.Recipes($"{RecipeName}.yaml"), "--set", "calibrate.samples=2", "--set", "calibrate.sequence_length=64",
        "--set", "auto_awq.method=lmdeploy", "--set", "evaluate=null",
    ];

    /// <summary>The finished workspace, as text.</summary>
    internal static string Package => Snapshot.Of(PackageFolder);

    internal static string PackageFolder => Shared.Value._folder!.At("artifacts", RecipeName);

    /// <summary>How long the build took.</summary>
    internal static TimeSpan Duration => Shared.Value.Elapsed;

    private TimeSpan Elapsed { get; set; }

    /// <summary>A step's key, in hexadecimal.</summary>
    internal static string KeyOf(string step) => Shared.Value._keys[step];

    /// <summary>Lays out a store that holds the result of every step. The workspace is not in place.</summary>
    internal static void CopyStore(TemporaryFolder folder) => Copy(Shared.Value._folder!.At("artifacts", ".cache"), folder);

    /// <summary>Lays out a store that holds the statistics, so that a build from there needs no libtorch.</summary>
    internal static void CopyCalibratedStore(TemporaryFolder folder) => Copy(Shared.Value._folder!.At("calibrated"), folder);

    /// <summary>Lays out a store that holds the results of all steps but convert and package.</summary>
    internal static void CopyQuantizedStore(TemporaryFolder folder) => Copy(Shared.Value._folder!.At("quantized"), folder);

    /// <summary>Lays out a shared cache with the results of all steps, in <c>shared</c> below the folder.</summary>
    internal static void CopySharedCache(TemporaryFolder folder) => CopyFolder(Uploaded.Value.At("shared"), folder.At("shared"));

    /// <summary>Runs a command over the recipe with <c>artifacts</c> below the folder.</summary>
    internal static CommandResult Run(
        TemporaryFolder folder, string[] command, string? fault = null, IReadOnlyDictionary<string, string>? environment = null) =>
        LayerCakeCommand.Run(folder.Path, [.. command, .. RecipeArguments], fault: fault, environment: environment);

    /// <summary>Runs the build to its end and asserts that the workspace has the bytes of the undisturbed one, and that nothing is left beside it.</summary>
    internal static CommandResult AssertCompletes(TemporaryFolder folder)
    {
        var result = Run(folder, ["build"]).Succeeded();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(Snapshot.Of(folder.At("artifacts", RecipeName)), Is.EqualTo(Package));
            Assert.That(Directory.EnumerateFileSystemEntries(folder.At("artifacts", ".cache", "tmp")), Is.Empty);
            Assert.That(Directory.EnumerateFileSystemEntries(folder.At("artifacts"), $".{RecipeName}*"), Is.Empty);
        }

        return result;
    }

    [OneTimeTearDown]
    public void RemoveShared()
    {
        if (Shared.IsValueCreated)
        {
            Shared.Value._folder!.Dispose();
        }

        if (Uploaded.IsValueCreated)
        {
            Uploaded.Value.Dispose();
        }
    }

    private static TemporaryFolder Upload()
    {
        var folder = new TemporaryFolder();
        Run(folder, ["build", "--cache", folder.At("shared")]).Succeeded();
        return folder;
    }

    private UndisturbedBuild Build()
    {
        _folder = new TemporaryFolder(onDisk: true);
        var started = Stopwatch.GetTimestamp();
        Run(_folder, ["step", "calibrate"]).Succeeded();
        CopyFolder(_folder.At("artifacts", ".cache"), _folder.At("calibrated"));
        Run(_folder, ["step", "kv_qparams"]).Succeeded();
        Run(_folder, ["step", "auto_awq"]).Succeeded();
        CopyFolder(_folder.At("artifacts", ".cache"), _folder.At("quantized"));
        Run(_folder, ["build"]).Succeeded();
        Elapsed = Stopwatch.GetElapsedTime(started);
        using var plan = JsonDocument.Parse(Run(_folder, ["plan", "--json"]).Succeeded().Output);
        _keys = plan.RootElement.GetProperty("steps").EnumerateArray()
            .ToDictionary(step => step.GetProperty("name").GetString()!, step => step.GetProperty("key").GetString()!);
        return this;
    }

    private static void Copy(string store, TemporaryFolder folder)
    {
        Directory.CreateDirectory(folder.At("artifacts"));
        CopyFolder(store, folder.At("artifacts", ".cache"));
    }

    private static void CopyFolder(string source, string destination)
    {
        Directory.CreateDirectory(destination);
        foreach (var path in Directory.EnumerateFileSystemEntries(source))
        {
            var target = Path.Combine(destination, Path.GetFileName(path));
            if (Directory.Exists(path))
            {
                CopyFolder(path, target);
            }
            else
            {
                File.Copy(path, target);
            }
        }
    }
}
