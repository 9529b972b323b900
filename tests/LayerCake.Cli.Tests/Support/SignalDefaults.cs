using System.Runtime.InteropServices;

namespace LayerCake.Cli.Tests;

/// <summary>
/// A shell without job control starts what it runs in the background with Ctrl+C ignored, and every process below inherits that: the commands that the tests
/// interrupt would not notice. The default is put back here, so that a test run in the background tests the same.
/// </summary>
[SetUpFixture]
public sealed class SignalDefaults
{
    private const nint Default = 0;
    private const nint Ignored = 1;

    [OneTimeSetUp]
    public void Restore()
    {
        foreach (var signal in new[] { LayerCakeCommand.Interrupt, LayerCakeCommand.Quit })
        {
            // Not where the test host listens itself: its handler is not inherited anyway.
            if (SetHandler(signal, Default) is var before && before != Ignored && before != Default)
            {
                SetHandler(signal, before);
            }
        }
    }

    [DllImport("libc", EntryPoint = "signal")]
    private static extern nint SetHandler(int signal, nint handler);
}
