using System.Diagnostics;
using LayerCake.Testing;

namespace LayerCake.Cli.Tests.Packages;

/// <summary>
/// A machine as unlike this one as a test can make it: another folder, copies of the model's files in reverse order, another user, home, host name, language,
/// time zone, umask, date, and one processor without AVX-512.
/// </summary>
internal static class OtherSurroundings
{
    /// <summary>A user namespace in which the process is another user and still may read what this one may.</summary>
    private static readonly string[] s_otherUser = ["unshare", "--user", "--map-user=65534", "--map-group=65534"];

    /// <summary>Runs the command there and asserts that it succeeded.</summary>
    public static void Run(TemporaryFolder folder, params string[] arguments)
    {
        var command = Path.Combine(AppContext.BaseDirectory, "layercake");
        string[] other = CanChangeUser() ? s_otherUser : [];
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
            ["DOTNET_EnableAVX512"] = "0",
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

    /// <summary>Not every system has user namespaces, or lets everyone make one.</summary>
    private static bool CanChangeUser()
    {
        try
        {
            var start = new ProcessStartInfo(s_otherUser[0]) { RedirectStandardOutput = true, RedirectStandardError = true };
            foreach (var argument in s_otherUser[1..].Append("true"))
            {
                start.ArgumentList.Add(argument);
            }

            using var process = Process.Start(start)!;
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }
}
