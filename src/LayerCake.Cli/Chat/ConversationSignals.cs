using System.Runtime.InteropServices;
using LayerCake.Chat.Terminal;

namespace LayerCake.Cli.Chat;

/// <summary>Ctrl+C goes to the conversation, which ends its answer first; SIGTERM and SIGHUP end it.</summary>
internal sealed class ConversationSignals : IDisposable
{
    private readonly PosixSignalRegistration[] _registrations;

    public ConversationSignals(ChatInterrupts interrupts) => _registrations =
    [
        On(PosixSignal.SIGINT, interrupts.Interrupt),
        On(PosixSignal.SIGTERM, interrupts.End),
        On(PosixSignal.SIGHUP, interrupts.End),
    ];

    public void Dispose()
    {
        foreach (var registration in _registrations)
        {
            registration.Dispose();
        }
    }

    private static PosixSignalRegistration On(PosixSignal signal, Action action) => PosixSignalRegistration.Create(signal, context =>
    {
        context.Cancel = true;
        action();
    });
}
