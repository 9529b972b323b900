using System.Diagnostics;
using LayerCake.Testing;

namespace LayerCake.Cli.Tests.Packages;

/// <summary>
/// A machine as unlike this one as a test can make it: another folder, copies of the model's files in reverse order, another user, home, host name, language,
/// time zone, umask, date, and one processor.
/// </summary>
internal static class OtherSurroundings
{
    private const string User = "65534";

    /// <summary>Runs the command there and asserts that it succeeded.</summary>
    public static void Run(TemporaryFolder folder, params string[] arguments)
    {
        var command = Path.Combine(AppContext.BaseDirectory, "layercake");
        string[] other = CanChangeUser(folder, command) ? ["setpriv", $"--reuid={User}", $"--regid={User}", "--clear-groups"] : [];
        var start = new ProcessStartInfo("sh") { WorkingDirectory = folder.Path, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in (string[])["-c", "umask 077; exec \"$@\"", "sh", .. other, command, .. arguments])
        {
            start.ArgumentList.Add(argument);
        }

        foreach (var name in start.Environment.Keys.Where(name => name.StartsWith("LAYERCAKE_", StringComparison.Ordinal)).ToList())
        {
            start.Environment.Remove(name);
        }

        foreach (var (name, value) in new Dictionary<string, string>
        {
            ["USER"] = "someone-else",
            ["LOGNAME"] = "someone-else",
            ["HOME"] = folder.Path,
            ["HOSTNAME"] = "another-host",
            ["LANG"] = "tr_TR.UTF-8",
            ["LC_ALL"] = "tr_TR.UTF-8",
            ["TZ"] = "Pacific/Kiritimati",
            ["SOURCE_DATE_EPOCH"] = "1000000000",
            ["DOTNET_PROCESSOR_COUNT"] = "1",
            ["OMP_NUM_THREADS"] = "1",
            ["SECRET_TOKEN"] = Secret,
        })
        {
            start.Environment[name] = value;
        }

        using var process = Process.Start(start)!;
        LayerCakeCommand.End(process).Succeeded();
    }

    /// <summary>A value of the environment that may be nowhere in what is made.</summary>
    public const string Secret = "a-token-that-nobody-may-see";

    /// <summary>Only root can, and only where that user may run the command.</summary>
    private static bool CanChangeUser(TemporaryFolder folder, string command)
    {
        if (Environment.UserName != "root" || !File.Exists("/usr/bin/setpriv"))
        {
            return false;
        }

        Start("chown", "-R", User, folder.Path);
        return Start("/usr/bin/setpriv", $"--reuid={User}", $"--regid={User}", "--clear-groups", command, "--version") == 0;
    }

    private static int Start(string command, params string[] arguments)
    {
        var start = new ProcessStartInfo(command) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        using var process = Process.Start(start)!;
        process.WaitForExit();
        return process.ExitCode;
    }
}
