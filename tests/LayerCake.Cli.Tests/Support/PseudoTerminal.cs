using System.Diagnostics;
using System.Text;

namespace LayerCake.Cli.Tests;

/// <summary>
/// The real command on a terminal of its own: <c>script</c> makes a pseudo-terminal, whose keyboard and screen are here. What is typed appears on the screen too, as on
/// every terminal; lines end in CR LF.
/// </summary>
internal sealed class PseudoTerminal : IDisposable
{
    public const char CtrlC = '\u0003';
    public const char CtrlD = '\u0004';

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);

    private readonly Process _process;
    private readonly StringBuilder _screen = new();
    private readonly Decoder _decoder = new UTF8Encoding(false).GetDecoder();
    private readonly byte[] _buffer = new byte[4096];

    public PseudoTerminal(string workingFolder, IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string> environment)
    {
        var command = string.Join(' ', arguments.Prepend(LayerCakeCommand.Executable).Select(Quoted));
        var start = new ProcessStartInfo("script", ["--quiet", "--return", "--flush", "--command", $"exec {command}", "/dev/null"])
        {
            WorkingDirectory = workingFolder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["TERM"] = "xterm";
        start.Environment["SHELL"] = "/bin/sh";
        start.Environment.Remove("CI");
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        _process = Process.Start(start)!;
    }

    /// <summary>All that has appeared, line ends as LF.</summary>
    public string Screen => _screen.ToString();

    /// <summary>Types on the keyboard; Enter is LF.</summary>
    public void Type(string keys)
    {
        _process.StandardInput.BaseStream.Write(Encoding.UTF8.GetBytes(keys));
        _process.StandardInput.BaseStream.Flush();
    }

    /// <summary>Waits until something has appeared after a place on the screen.</summary>
    /// <returns>The place after it.</returns>
    public async Task<int> SeeAsync(string text, int from = 0)
    {
        using var limit = new CancellationTokenSource(Limit);
        int found;
        while ((found = Screen.IndexOf(text, from, StringComparison.Ordinal)) < 0)
        {
            Assert.That(await ReadAsync(limit.Token), Is.True, $"'{text}' does not appear on the screen:\n{Screen}");
        }

        return found + text.Length;
    }

    /// <summary>Reads on until the command has ended.</summary>
    /// <returns>Its exit code.</returns>
    public async Task<ExitCode> EndAsync()
    {
        using var limit = new CancellationTokenSource(Limit);
        while (await ReadAsync(limit.Token))
        {
        }

        await _process.WaitForExitAsync(limit.Token);
        return (ExitCode)_process.ExitCode;
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
        }

        _process.Dispose();
    }

    private static string Quoted(string word) => $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'";

    private async Task<bool> ReadAsync(CancellationToken cancellationToken)
    {
        var count = await _process.StandardOutput.BaseStream.ReadAsync(_buffer, cancellationToken);
        var characters = new char[_decoder.GetCharCount(_buffer, 0, count, flush: count == 0)];
        _decoder.GetChars(_buffer, 0, count, characters, 0, flush: count == 0);
        _screen.Append(new string(characters).Replace("\r", "", StringComparison.Ordinal));
        return count > 0;
    }
}
