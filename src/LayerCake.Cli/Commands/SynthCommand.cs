using System.CommandLine;
using System.Text.Json;
using LayerCake.Cli.Console;
using LayerCake.Cli.Lite;
using LayerCake.Models;
using LayerCake.Recipes;
using LayerCake.Text;

namespace LayerCake.Cli.Commands;

/// <summary><c>layercake synth</c>: a checkpoint of random weights with the sizes of a known model, to time and try recipes where the model itself is not at hand.</summary>
internal static class SynthCommand
{
    public static Command Create()
    {
        var shape = new Option<string>("--shape")
        {
            Description = $"Whose sizes: {string.Join(", ", SyntheticShape.All.Select(known => known.Name))}.",
            Required = true,
            HelpName = "NAME",
        };
        var destination = new Option<string>("--dst") { Description = "The folder for it; made where it is missing, refused where it holds a checkpoint.", Required = true, HelpName = "FOLDER" };
        var layers = new Option<int?>("--layers") { Description = "Fewer or more layers than the model has.", HelpName = "N" };
        var seed = new Option<int>("--seed") { Description = "Another seed gives other weights.", HelpName = "SEED", DefaultValueFactory = _ => 0 };
        layers.Validators.Add(result =>
        {
            if (result.Tokens is [{ Value: var text }] && !(int.TryParse(text, out var count) && count is >= 1 and <= 1000))
            {
                result.AddError($"--layers is '{text}'; it must be a whole number from 1 to 1000");
            }
        });
        var command = new Command("synth", "Writes a checkpoint of random weights with the sizes of a known model, and a small tokenizer.") { shape, destination, layers, seed };
        command.SetAction(async (result, token) =>
        {
            var known = Find(result.GetValue(shape)!);
            known = known with { Layers = result.GetValue(layers) ?? known.Layers };
            await RunAsync(known, result.GetValue(destination)!, result.GetValue(seed), token).ConfigureAwait(false);
            return (int)ExitCode.Success;
        });
        return command;
    }

    private static SyntheticShape Find(string name)
    {
        if (SyntheticShape.All.FirstOrDefault(shape => shape.Name == name) is { } known)
        {
            return known;
        }

        var names = SyntheticShape.All.Select(shape => shape.Name).ToList();
        var near = NearName.Of(name, names);
        throw new UsageException($"--shape: there is no shape '{name}'{(near is null ? "" : $"; did you mean '{near}'?")} There are {string.Join(", ", names)}.");
    }

    private static async Task RunAsync(SyntheticShape shape, string folder, int seed, CancellationToken token)
    {
        OutputFolders.Prepare(folder);
        if (Directory.EnumerateFiles(folder).FirstOrDefault(file => Path.GetExtension(file) is ".safetensors" or ".bin" || Path.GetFileName(file) == "config.json") is { } other)
        {
            throw new UsageException($"--dst {folder} already holds {Path.GetFileName(other)}: random weights are not put beside a checkpoint. Remove it, or give another folder.");
        }

        await ConsoleReporter.RunAsync("synth", reporter => Task.Run(
            () =>
            {
                var started = System.Diagnostics.Stopwatch.GetTimestamp();
                WriteTokenizer(shape, folder);
                var bytes = SyntheticCheckpoint.Write(
                    shape, folder, seed, (done, total) => reporter.Progress("MB", done / 1_000_000, total / 1_000_000), token);
                var seconds = System.Diagnostics.Stopwatch.GetElapsedTime(started).TotalSeconds;
                reporter.Line(FormattableString.Invariant(
                    $"{folder}: {shape.Name}, {shape.Layers} layers, {bytes / 1e9:0.00} GB in {seconds:0.0} s ({bytes / 1e9 / seconds:0.00} GB/s, flushed to the disk)"));
                return true;
            },
            token)).ConfigureAwait(false);
    }

    /// <summary>The demo model's: its ids are in every vocabulary of these shapes.</summary>
    private static void WriteTokenizer(SyntheticShape shape, string folder)
    {
        using (var resource = typeof(SynthCommand).Assembly.GetManifestResourceStream(TokenizerFolder.ModelFileName)!)
        using (var file = File.Create(Path.Combine(folder, TokenizerFolder.ModelFileName)))
        {
            resource.CopyTo(file);
        }

        var settings = new Dictionary<string, object>
        {
            ["tokenizer_class"] = shape.Family == ModelFamily.InternLM ? "InternLMTokenizer" : "LlamaTokenizer",
            ["bos_token"] = "<s>",
            ["eos_token"] = "</s>",
            ["unk_token"] = "<unk>",
            ["pad_token"] = "</s>",
            ["add_bos_token"] = true,
            ["add_eos_token"] = false,
            ["clean_up_tokenization_spaces"] = false,
        };
        File.WriteAllText(Path.Combine(folder, "tokenizer_config.json"), JsonSerializer.Serialize(settings, new JsonSerializerOptions { WriteIndented = true }) + "\n");
    }
}
