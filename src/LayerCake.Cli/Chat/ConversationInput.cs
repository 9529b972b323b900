using Microsoft.Win32.SafeHandles;

namespace LayerCake.Cli.Chat;

/// <summary>Standard input as bytes.</summary>
internal static class ConversationInput
{
    /// <summary>
    /// From a terminal the lines as the system gives them, which edits them as every program's; .NET's own editor would replace what is not UTF-8 before anyone sees it.
    /// </summary>
    public static Stream Open() => OperatingSystem.IsWindows() || System.Console.IsInputRedirected
        ? System.Console.OpenStandardInput()
        : new FileStream(new SafeFileHandle(0, ownsHandle: false), FileAccess.Read, bufferSize: 0);
}
