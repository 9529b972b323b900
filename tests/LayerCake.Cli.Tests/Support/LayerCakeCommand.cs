using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using LayerCake.Building;

namespace LayerCake.Cli.Tests;

/// <summary>The real command, as a process of its own.</summary>
internal static class LayerCakeCommand
{
    public const int Interrupt = 2;
    public const int Quit = 3;
    public const int Kill = 9;
    public const int Terminate = 15;

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(10);
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false);

    /// <summary>The command in its own folder, where it is compiled ahead of time; the copy beside the tests is not, and takes twice the time to start.</summary>
    public static string Executable { get; } = Path.GetFullPath(Path.Combine(
        AppContext.BaseDirectory, "..", "..", "LayerCake.Cli", new DirectoryInfo(AppContext.BaseDirectory).Name, "layercake"));

    public static CommandResult Run(string workingFolder, params string[] arguments) => Run(workingFolder, arguments, input: "", fault: null);

    public static CommandResult Run(
        string workingFolder,
        IReadOnlyList<string> arguments,
        string input = "",
        string? fault = null,
        IReadOnlyDictionary<string, string>? environment = null)
    {
        using var process = Start(workingFolder, arguments, fault, environment);
        return End(process, input);
    }

    public static Process Start(
        string workingFolder, IReadOnlyList<string> arguments, string? fault = null, IReadOnlyDictionary<string, string>? environment = null)
    {
        var start = new ProcessStartInfo(Executable)
        {
            WorkingDirectory = workingFolder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardInputEncoding = Utf8,
            StandardOutputEncoding = Utf8,
            StandardErrorEncoding = Utf8,
        };
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        foreach (var name in start.Environment.Keys.Where(name => name.StartsWith("LAYERCAKE_", StringComparison.Ordinal) && name != "LAYERCAKE_LIBTORCH").ToList())
        {
            start.Environment.Remove(name);
        }

        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }

        if (fault is not null)
        {
            start.Environment[FaultHook.Variable] = fault;
        }

        return Process.Start(start)!;
    }

    /// <summary>Waits for the end; what is still printed is read meanwhile.</summary>
    public static CommandResult End(Process process, string input = "")
    {
        using var limit = new CancellationTokenSource(Limit);
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(limit.Token);
            var error = process.StandardError.ReadToEndAsync(limit.Token);
            try
            {
                process.StandardInput.Write(input);
                process.StandardInput.Close();
            }
            catch (IOException)
            {
                // It ended without reading what it was given.
            }

            process.WaitForExitAsync(limit.Token).GetAwaiter().GetResult();
            return new CommandResult(process.ExitCode, output.GetAwaiter().GetResult(), error.GetAwaiter().GetResult());
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }
    }

    public static void Signal(Process process, int signal) => Assert.That(SendSignal(process.Id, signal), Is.Zero, "the process is still there");

    [DllImport("libc", EntryPoint = "kill")]
    private static extern int SendSignal(int process, int signal);
}
