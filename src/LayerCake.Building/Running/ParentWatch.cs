using System.Globalization;

namespace LayerCake.Building;

/// <summary>
/// Ends this process when the one that started it is gone, so that a build that was killed leaves no step running. A killed parent tells nobody; the kernel only
/// gives the orphan another parent, and that is what is looked for.
/// </summary>
/// <remarks>
/// Linux also has a signal for a parent's death (PR_SET_PDEATHSIG), but there "parent" means the thread that started the child: a .NET process may start us from a
/// pool thread that ends long before it. So the watch asks, four times a second. Elsewhere than on Unix it does nothing.
/// </remarks>
public sealed class ParentWatch : IDisposable
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(250);

    private readonly ManualResetEvent _stop = new(false);
    private readonly Thread? _thread;

    private ParentWatch(Action orphaned, TimeSpan grace, int generations)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        var ancestors = Ancestors(generations);
        // A thread of its own: a pool that a computation keeps busy would answer late.
        _thread = new Thread(() => Watch(ancestors, orphaned, grace)) { IsBackground = true, Name = "parent watch" };
        _thread.Start();
    }

    /// <param name="orphaned">Called once when the parent is gone: cancel the work here, so that temporary files are removed.</param>
    /// <param name="grace">How long the process may go on after that before it is killed.</param>
    /// <param name="generations">
    /// How far up to look: 1 for the parent alone, 2 also for the parent's parent (a script host that outlives the command that started it), on Linux.
    /// </param>
    public static ParentWatch Start(Action orphaned, TimeSpan grace, int generations = 1) => new(orphaned, grace, generations);

    public void Dispose()
    {
        _stop.Set();
        _thread?.Join();
        _stop.Dispose();
    }

    private void Watch(int[] ancestors, Action orphaned, TimeSpan grace)
    {
        while (!_stop.WaitOne(Poll))
        {
            if (Ancestors(ancestors.Length).AsSpan().SequenceEqual(ancestors))
            {
                continue;
            }

            orphaned();
            if (!_stop.WaitOne(grace))
            {
                _ = NativeMethods.SendSignal(Environment.ProcessId, NativeMethods.Kill);
            }

            return;
        }
    }

    private static int[] Ancestors(int generations)
    {
        var ancestors = new int[generations];
        for (var i = 0; i < generations; i++)
        {
            ancestors[i] = i == 0 ? NativeMethods.ParentProcess() : ancestors[i - 1] <= 1 ? 0 : ParentOf(ancestors[i - 1]);
        }

        return ancestors;
    }

    /// <summary>The parent of another process, from <c>/proc</c>; 0 where it cannot be told.</summary>
    private static int ParentOf(int process)
    {
        try
        {
            // "pid (name) state parent ...", where the name may hold blanks and brackets.
            var text = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{process}/stat"));
            var fields = text[(text.LastIndexOf(')') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
            return int.Parse(fields[1], CultureInfo.InvariantCulture);
        }
        catch (Exception exception) when (StorageErrors.IsStorage(exception) || exception is FormatException or IndexOutOfRangeException)
        {
            return 0;
        }
    }
}
