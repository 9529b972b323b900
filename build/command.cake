// Builds the layercake command, and the module that makes Cake's script cache safe, when their sources changed.
using System.Diagnostics;
using System.Security.Cryptography;

public enum CommandState
{
    /// <summary>It was built from these sources.</summary>
    Current,

    /// <summary>It was built just now.</summary>
    Built,

    /// <summary>It would have to be built, which a dry run does not do.</summary>
    Missing,
}

public static class LayerCakeCommand
{
    public static string Root(ICakeContext context) => context.Environment.WorkingDirectory.FullPath;

    public static string Executable(ICakeContext context) => System.IO.Path.Combine(
        Root(context), "artifacts", "bin", "LayerCake.Cli", "release", OperatingSystem.IsWindows() ? "layercake.exe" : "layercake");

    /// <summary>The arguments of a verb over the recipe: what Cake was given goes on to the command.</summary>
    public static List<string> Arguments(string verb, BuildArguments arguments)
    {
        var command = new List<string> { verb, "--recipe", arguments.Recipe };
        foreach (var entry in arguments.Overrides)
        {
            command.Add("--set");
            command.Add(entry);
        }

        command.AddRange(arguments.Passed);
        if (arguments.Force)
        {
            command.Add("--force");
        }

        return command;
    }

    public static ProcessStartInfo StartInfo(ICakeContext context, IEnumerable<string> command, bool redirect, bool waits = false)
    {
        var info = new ProcessStartInfo(Executable(context))
        {
            WorkingDirectory = Root(context),
            UseShellExecute = false,
            RedirectStandardInput = waits,
            RedirectStandardOutput = redirect,
            RedirectStandardError = redirect,
        };
        foreach (var argument in command)
        {
            info.ArgumentList.Add(argument);
        }

        return info;
    }

    /// <summary>Makes the command ready, unless this is a dry run.</summary>
    public static CommandState Prepare(ICakeContext context, BuildArguments arguments)
    {
        var root = Root(context);
        var stampFile = System.IO.Path.Combine(root, "artifacts", "cake", "command.stamp");
        var executable = Executable(context);
        if (IsCurrent(stampFile, executable, root))
        {
            return CommandState.Current;
        }

        if (arguments.LookOnly)
        {
            context.Information(
                "Dry run: the layercake command is not built for these sources yet, so the plan is not known. A run without --dryrun or --tree builds it.");
            return CommandState.Missing;
        }

        // Several cold starts at once: one builds, the others wait and find it done.
        System.IO.Directory.CreateDirectory(System.IO.Path.Combine(root, "artifacts", "cake"));
        using var held = WaitForLock(context, System.IO.Path.Combine(root, "artifacts", "cake", "command.lock"));
        if (!IsCurrent(stampFile, executable, root))
        {
            Build(context, root);
            var temporary = $"{stampFile}.{Environment.ProcessId}";
            System.IO.File.WriteAllText(temporary, Stamp(root));
            System.IO.File.Move(temporary, stampFile, overwrite: true);
        }

        return CommandState.Built;
    }

    private static bool IsCurrent(string stampFile, string executable, string root)
    {
        try
        {
            return System.IO.File.Exists(executable) && System.IO.File.ReadAllText(stampFile) == Stamp(root);
        }
        catch (System.IO.IOException)
        {
            return false;
        }
    }

    private static void Build(ICakeContext context, string root)
    {
        context.Information("Building the layercake command...");
        var clock = Stopwatch.StartNew();
        Dotnet(context, root, "build", "src/LayerCake.Cli", "--configuration", "Release", "--nologo", "--verbosity", "quiet", "-consoleloggerparameters:NoSummary");
        var cakeCore = $"-p:CakeCore={typeof(ICakeContext).Assembly.Location}";
        Dotnet(context, root, "build", "build/Cake.LayerCake.Module", cakeCore, "--configuration", "Release", "--nologo", "--verbosity", "quiet", "-consoleloggerparameters:NoSummary");

        const string module = "Cake.LayerCake.Module.dll";
        var folder = System.IO.Path.Combine(root, "artifacts", "cake", "modules");
        System.IO.Directory.CreateDirectory(folder);
        var temporary = System.IO.Path.Combine(folder, $"{module}.{Environment.ProcessId}");
        System.IO.File.Copy(System.IO.Path.Combine(root, "artifacts", "bin", "Cake.LayerCake.Module", "release", module), temporary, overwrite: true);
        System.IO.File.Move(temporary, System.IO.Path.Combine(folder, module), overwrite: true);
        context.Information("Built in {0:0.0} s.", clock.Elapsed.TotalSeconds);
    }

    private static void Dotnet(ICakeContext context, string root, params string[] arguments)
    {
        var builder = new ProcessArgumentBuilder();
        foreach (var argument in arguments)
        {
            builder.AppendQuoted(argument);
        }

        var exitCode = context.StartProcess("dotnet", new ProcessSettings { Arguments = builder, WorkingDirectory = root });
        if (exitCode != 0)
        {
            throw new CakeException($"'dotnet {string.Join(' ', arguments)}' failed with exit code {exitCode}; its messages are above.");
        }
    }

    private static System.IO.FileStream WaitForLock(ICakeContext context, string path)
    {
        for (var told = false; ; told = true)
        {
            try
            {
                // The system releases it when its owner dies, however it dies.
                return new System.IO.FileStream(path, System.IO.FileMode.OpenOrCreate, System.IO.FileAccess.ReadWrite, System.IO.FileShare.None);
            }
            catch (System.IO.IOException)
            {
                if (!told)
                {
                    context.Information("Another run is building the layercake command; waiting for it...");
                }

                System.Threading.Thread.Sleep(200);
            }
        }
    }

    /// <summary>Digest of every source file that goes into the command: content, not time stamps.</summary>
    private static string Stamp(string root)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes($"{Environment.Version} {Environment.GetEnvironmentVariable("TorchBackend")}\n"));
        var files = new[] { "src", "build" }
            .SelectMany(folder => System.IO.Directory.EnumerateFiles(System.IO.Path.Combine(root, folder), "*", System.IO.SearchOption.AllDirectories))
            .Concat(System.IO.Directory.EnumerateFiles(root, "Directory.*"))
            .Append(System.IO.Path.Combine(root, "global.json"))
            .Where(file => !file.EndsWith(".cake", StringComparison.Ordinal))
            .OrderBy(file => file, StringComparer.Ordinal);
        foreach (var file in files)
        {
            var content = System.IO.File.ReadAllBytes(file);
            hash.AppendData(Encoding.UTF8.GetBytes($"{System.IO.Path.GetRelativePath(root, file).Replace('\\', '/')}\n{content.Length}\n"));
            hash.AppendData(content);
        }

        return Convert.ToHexString(hash.GetHashAndReset()).ToLowerInvariant();
    }
}
