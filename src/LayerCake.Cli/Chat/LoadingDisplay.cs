using LayerCake.Cli.Console;
using Spectre.Console;

namespace LayerCake.Cli.Chat;

/// <summary>Says on a terminal that a model is being read; elsewhere nothing, since answers go there.</summary>
internal static class LoadingDisplay
{
    public static T Show<T>(string path, Func<T> load) => ConsoleReporter.IsLive
        ? AnsiConsole.Status().Start($"loading {Markup.Escape(path)}", _ => load())
        : load();
}
