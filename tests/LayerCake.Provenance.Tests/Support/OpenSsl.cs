using System.Diagnostics;

namespace LayerCake.Provenance.Tests;

/// <summary>The openssl command, an independent implementation.</summary>
internal static class OpenSsl
{
    /// <summary>Skips the test where there is none; on CI that is a failure.</summary>
    public static void Require()
    {
        try
        {
            Run(Path.GetTempPath(), "version");
        }
        catch (System.ComponentModel.Win32Exception)
        {
            const string reason = "the command openssl is not on this machine";
            if (Environment.GetEnvironmentVariable("CI") is { Length: > 0 })
            {
                Assert.Fail(reason);
            }

            Assert.Ignore(reason);
        }
    }

    /// <summary>Runs it and asserts that it succeeded.</summary>
    public static string Run(string folder, params string[] arguments)
    {
        var start = new ProcessStartInfo("openssl") { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.That(process.ExitCode, Is.Zero, error.Result);
        return output;
    }
}
