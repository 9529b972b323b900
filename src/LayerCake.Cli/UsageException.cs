namespace LayerCake.Cli;

/// <summary>A command line that cannot be carried out; the text says what to write instead.</summary>
internal sealed class UsageException(string message) : Exception(message);
