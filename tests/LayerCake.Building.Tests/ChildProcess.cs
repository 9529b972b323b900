using System.Diagnostics;
using LayerCake.Building.TestHost;

namespace LayerCake.Building.Tests;

/// <summary>The small build in a process of its own.</summary>
internal static class ChildProcess
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(4);

    public static string Host { get; } = typeof(SmallBuild).Assembly.Location;

    public static Process Start(BuildFixture fixture, string? fault, params string[] arguments)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath is { } path && Path.GetFileNameWithoutExtension(path) == "dotnet" ? path : "dotnet")
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.ArgumentList.Add(Host);
        start.ArgumentList.Add($"store={fixture.StoreRoot}");
        start.ArgumentList.Add($"input={fixture.Input}");
        start.ArgumentList.Add($"log={fixture.RunLog}");
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        // Small programs start faster without waiting for better code.
        start.Environment["DOTNET_TieredPGO"] = "0";
        start.Environment["DOTNET_TieredCompilation"] = "1";
        start.Environment.Remove(FaultHook.Variable);
        if (fault is not null)
        {
            start.Environment[FaultHook.Variable] = fault;
        }

        return Process.Start(start)!;
    }

    public static async Task<(int ExitCode, string Output)> EndAsync(Process process)
    {
        using var limit = new CancellationTokenSource(Limit);
        var output = process.StandardOutput.ReadToEndAsync(limit.Token);
        var errors = process.StandardError.ReadToEndAsync(limit.Token);
        await process.WaitForExitAsync(limit.Token);
        return (process.ExitCode, await output + await errors);
    }

    public static async Task<(int ExitCode, string Output)> RunAsync(BuildFixture fixture, string? fault, params string[] arguments)
    {
        using var process = Start(fixture, fault, arguments);
        return await EndAsync(process);
    }

    /// <summary>Waits until something is so, for some minutes at most.</summary>
    public static async Task UntilAsync(Func<bool> condition, string what)
    {
        using var limit = new CancellationTokenSource(Limit);
        while (!condition())
        {
            Assert.That(limit.IsCancellationRequested, Is.False, $"waited a minute until {what}");
            await Task.Delay(10, CancellationToken.None);
        }
    }
}
