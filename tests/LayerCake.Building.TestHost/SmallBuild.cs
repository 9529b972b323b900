using System.Globalization;

namespace LayerCake.Building.TestHost;

/// <summary>
/// A build of three steps that writes files in folders, one that may be run, a link and an empty folder: <c>numbers</c> repeats its input, <c>sums</c> reads that,
/// <c>bundle</c> joins both.
/// </summary>
public sealed class SmallBuild
{
    public const string Recipe = "small";

    public required string Input { get; init; }

    /// <summary>A file that gets one line per step that really runs.</summary>
    public string? RunLog { get; init; }

    /// <summary>While this file is there, <c>numbers</c> does not end.</summary>
    public string? Gate { get; init; }

    public int Scale { get; init; } = 3;

    public string Title { get; init; } = "bundle";

    public IReadOnlyList<IBuildStep> Steps() =>
    [
        new SmallStep
        {
            Name = "numbers",
            Inputs = [StepInput.File("text", Input)],
            Options = key => key.Add("scale", Scale),
            Action = NumbersAsync,
        },
        new SmallStep { Name = "sums", DependsOn = ["numbers"], Action = SumsAsync },
        new SmallStep
        {
            Name = "bundle",
            DependsOn = ["numbers", "sums"],
            Options = key => key.Add("title", Title),
            Action = BundleAsync,
        },
    ];

    private async Task NumbersAsync(StepContext context, CancellationToken token)
    {
        Note("numbers");
        while (Gate is not null && File.Exists(Gate))
        {
            await Task.Delay(20, token);
        }

        var text = await File.ReadAllTextAsync(Input, token);
        for (var i = 0; i < Scale; i++)
        {
            var folder = Directory.CreateDirectory(Path.Combine(context.OutputFolder, "parts"));
            await File.WriteAllTextAsync(Path.Combine(folder.FullName, $"{i}.txt"), string.Concat(Enumerable.Repeat(text, i + 1)), token);
        }
    }

    private async Task SumsAsync(StepContext context, CancellationToken token)
    {
        Note("sums");
        long sum = 0;
        foreach (var path in Directory.EnumerateFiles(Path.Combine(context.InputFolder("numbers"), "parts")).Order(StringComparer.Ordinal))
        {
            sum += new FileInfo(path).Length;
        }

        await File.WriteAllTextAsync(Path.Combine(context.OutputFolder, "sum"), sum.ToString(CultureInfo.InvariantCulture), token);
    }

    private async Task BundleAsync(StepContext context, CancellationToken token)
    {
        Note("bundle");
        var output = context.OutputFolder;
        Directory.CreateDirectory(Path.Combine(output, "data", "empty"));
        foreach (var path in Directory.EnumerateFiles(Path.Combine(context.InputFolder("numbers"), "parts")))
        {
            File.Copy(path, Path.Combine(output, "data", Path.GetFileName(path)));
        }

        await File.WriteAllTextAsync(Path.Combine(output, "title"), Title + "\n" + await File.ReadAllTextAsync(Path.Combine(context.InputFolder("sums"), "sum"), token), token);
        var script = Path.Combine(output, "run.sh");
        await File.WriteAllTextAsync(script, "#!/bin/sh\n", token);
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(script, (UnixFileMode)0x1ed); // rwxr-xr-x
            Directory.CreateDirectory(Path.Combine(output, "model"));
            File.CreateSymbolicLink(Path.Combine(output, "model", "data"), "../data");
        }
    }

    private void Note(string step)
    {
        if (RunLog is not null)
        {
            File.AppendAllText(RunLog, step + "\n");
        }
    }
}
