using System.Diagnostics;
using LayerCake.Testing;

namespace LayerCake.Cake.Tests;

/// <summary>
/// A folder that Cake takes for the repository: scripts and sources are copies of the checkout's, artifacts are its own. The layercake command
/// is the one built in the checkout, and so are the compiled scripts, unless the folder is to begin without them.
/// </summary>
internal sealed class CakeFolder : IDisposable
{
    private static readonly string[] Copied =
        ["build.cake", "build", "cake.config", ".config", "global.json", "src", "Directory.Build.props", "Directory.Build.targets", "Directory.Packages.props"];

    private readonly TemporaryFolder _folder = new();

    public CakeFolder(bool withCommand = true, bool withScripts = true)
    {
        foreach (var name in Copied)
        {
            Copy(System.IO.Path.Combine(RepositoryFiles.Root, name), _folder.At(name));
        }

        Directory.CreateSymbolicLink(_folder.At("recipes"), RepositoryFiles.Recipes());
        if (withCommand)
        {
            Directory.CreateDirectory(_folder.At("artifacts", "cake", "modules"));
            Directory.CreateSymbolicLink(_folder.At("artifacts", "bin"), Artifact("bin"));
            File.Copy(Artifact("cake", "command.stamp"), _folder.At("artifacts", "cake", "command.stamp"));
            File.Copy(Artifact("cake", "modules", "Cake.LayerCake.Module.dll"), _folder.At("artifacts", "cake", "modules", "Cake.LayerCake.Module.dll"));
            if (withScripts)
            {
                // Not what runs of other processes are compiling.
                foreach (var scripts in Directory.EnumerateDirectories(Artifact("cake", "scripts")).Where(scripts => !System.IO.Path.GetFileName(scripts).StartsWith("run-", StringComparison.Ordinal)))
                {
                    Copy(scripts, _folder.At("artifacts", "cake", "scripts", System.IO.Path.GetFileName(scripts)));
                }
            }
        }
    }

    public string Path => _folder.Path;

    public string At(params string[] parts) => _folder.At(parts);

    /// <summary>Restores the tool and builds the command in the checkout, if that has not been done.</summary>
    public static void PrepareCheckout()
    {
        var restored = Start(RepositoryFiles.Root, ["tool", "restore"]).Finish();
        Assert.That(restored.ExitCode, Is.Zero, restored.Text);
        do
        {
            // A second run where the first has built the module that keeps compiled scripts.
            var built = Start(RepositoryFiles.Root, ["cake", "--recipe", "internlm-tiny-fp16", "--target", "convert"]).Finish();
            Assert.That(built.ExitCode, Is.Zero, built.Text);
        }
        while (!Directory.Exists(Artifact("cake", "scripts")));
    }

    public CakeRun Cake(params string[] arguments) => Begin(arguments).Finish();

    public RunningCake Begin(params string[] arguments) => Start(Path, ["cake", .. arguments]);

    /// <summary>Every file below the folder with size and time of its last change; links are not followed.</summary>
    public IReadOnlyList<string> Snapshot() =>
    [
        .. new DirectoryInfo(Path).EnumerateFileSystemInfos("*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint })
            .Select(entry => $"{entry.FullName} {entry.LastWriteTimeUtc.Ticks} {(entry as FileInfo)?.Length}")
            .Order(StringComparer.Ordinal),
    ];

    public void Dispose() => _folder.Dispose();

    private static void Copy(string source, string destination)
    {
        if (Directory.Exists(source))
        {
            Directory.CreateDirectory(destination);
            foreach (var entry in Directory.EnumerateFileSystemEntries(source))
            {
                Copy(entry, System.IO.Path.Combine(destination, System.IO.Path.GetFileName(entry)));
            }
        }
        else if (File.Exists(source))
        {
            File.Copy(source, destination);
        }
    }

    private static string Artifact(params string[] parts) => System.IO.Path.Combine([RepositoryFiles.Root, "artifacts", .. parts]);

    private static RunningCake Start(string folder, IEnumerable<string> arguments)
    {
        var info = new ProcessStartInfo("dotnet")
        {
            WorkingDirectory = folder,
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var argument in arguments)
        {
            info.ArgumentList.Add(argument);
        }

        info.Environment["NO_COLOR"] = "1";
        info.Environment["DOTNET_NOLOGO"] = "1";
        return new RunningCake(Process.Start(info)!);
    }
}

/// <summary>How a run ended and what it printed, both streams in one text.</summary>
internal sealed record CakeRun(int ExitCode, string Text);

/// <summary>A run that goes on beside the test.</summary>
internal sealed class RunningCake
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(10);

    private readonly System.Text.StringBuilder _text = new();

    public RunningCake(Process process)
    {
        Process = process;
        process.OutputDataReceived += (_, line) => Add(line.Data);
        process.ErrorDataReceived += (_, line) => Add(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    public Process Process { get; }

    public string Text
    {
        get
        {
            lock (_text)
            {
                return _text.ToString();
            }
        }
    }

    public CakeRun Finish()
    {
        if (!Process.WaitForExit(Limit))
        {
            Process.Kill(entireProcessTree: true);
            Assert.Fail($"still running after {Limit}:\n{Text}");
        }

        Process.WaitForExit();
        return new CakeRun(Process.ExitCode, Text);
    }

    private void Add(string? line)
    {
        if (line is not null)
        {
            lock (_text)
            {
                _text.Append(line).Append('\n');
            }
        }
    }
}
