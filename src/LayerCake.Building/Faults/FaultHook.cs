using System.Globalization;

namespace LayerCake.Building;

/// <summary>The fault hooks of the program: none, or the one that an environment variable asks for.</summary>
public static class FaultHook
{
    /// <summary>The environment variable: <c>LAYERCAKE_FAULT=record.written</c> or <c>LAYERCAKE_FAULT=blob.published:3</c>.</summary>
    public const string Variable = "LAYERCAKE_FAULT";

    /// <summary>Does nothing.</summary>
    public static IFaultHook None { get; } = new NoFault();

    /// <summary>
    /// The hook for the variable's value: kills the process, as <c>kill -9</c> does, at the n-th passing of the point (n from 1, default 1).
    /// No value, no fault.
    /// </summary>
    /// <param name="value">What <see cref="Variable"/> holds.</param>
    /// <param name="morePoints">Points beyond <see cref="FaultPoints.All"/>, of the steps themselves.</param>
    /// <exception cref="BuildException">The value names no known point or no number.</exception>
    public static IFaultHook Parse(string? value, IReadOnlyList<string>? morePoints = null)
    {
        if (string.IsNullOrEmpty(value))
        {
            return None;
        }

        var colon = value.LastIndexOf(':');
        var point = colon < 0 ? value : value[..colon];
        var passing = 1;
        if (colon >= 0 && !(int.TryParse(value.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out passing) && passing > 0))
        {
            throw new BuildException($"{Variable}={value}: after the colon stands a number from 1, the passing at which to stop");
        }

        if (!FaultPoints.All.Contains(point) && morePoints?.Contains(point) != true)
        {
            throw new BuildException($"{Variable}={value}: no such point; the points are {string.Join(", ", [.. FaultPoints.All, .. morePoints ?? []])}");
        }

        return new KillAt(point, passing);
    }

    private sealed class NoFault : IFaultHook
    {
        public void Pass(string point)
        {
        }
    }

    private sealed class KillAt(string wanted, int passing) : IFaultHook
    {
        private int _passed;

        public void Pass(string point)
        {
            if (point != wanted || Interlocked.Increment(ref _passed) != passing)
            {
                return;
            }

            if (!OperatingSystem.IsWindows())
            {
                _ = NativeMethods.SendSignal(Environment.ProcessId, NativeMethods.Kill);
            }

            Environment.FailFast($"{FaultHook.Variable}: stopped at {point}.");
        }
    }
}
