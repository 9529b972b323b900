using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Text.Json;
using LayerCake.Building;
using LayerCake.Cli.Console;
using LayerCake.Evaluation;
using LayerCake.Recipes;
using LayerCake.Steps;

namespace LayerCake.Cli.Commands;

/// <summary><c>layercake evaluate</c>: perplexity, KL divergence and errors by layer of models side by side, without a recipe.</summary>
internal static class EvaluateCommand
{
    private const int MostThreads = 1024;

    public static Command Create()
    {
        var artifacts = new Argument<string[]>("artifacts")
        {
            HelpName = "FOLDER", Arity = ArgumentArity.OneOrMore, Description = "Workspaces, packages, AWQ checkpoints or source checkpoints of one model.",
        };
        var dataset = new Option<string>("--dataset") { Required = true, HelpName = "FILE", Description = "The text: a .txt file, or a .jsonl file with a text field a line." };
        var baseline = new Option<string?>("--baseline") { HelpName = "FOLDER", Description = "What the others are compared with. Left out: the first of them." };
        var window = Number("--window", "Tokens of a window, BOS included.", 512, 2, 1 << 20);
        var windows = Number("--windows", "The most windows, from the beginning of the text; 0 is all of it.", 0, 0, 1_000_000);
        var threads = Number("--threads", "Windows computed at once; 0 is one per core. Changes no figure.", 0, 0, MostThreads);
        var increase = new Option<string?>("--max-perplexity-increase") { HelpName = "PERCENT", Description = "Exit code 11 where a perplexity is higher than the baseline's by more, for example 25%." };
        var divergence = new Option<string?>("--max-kl") { HelpName = "NATS", Description = "Exit code 11 where a mean KL divergence from the baseline is larger." };
        var against = new Option<string?>("--against") { HelpName = "FILE", Description = "An earlier evaluation.json, of the same protocol, to show the difference from." };
        var output = new Option<string?>("--output") { HelpName = "FOLDER", Description = "Also writes evaluation.json and evaluation.md there." };
        var json = new Option<bool>("--json") { Description = "Prints evaluation.json instead of the table." };
        increase.Validators.Add(result => Check(result, increase, text => Percentage.TryParse(text, out _), "a percentage such as 25%"));
        divergence.Validators.Add(result => Check(result, divergence, text => ParseDivergence(text) is not null, "a number from 0 to 1000"));
        var command = new Command("evaluate", "Measures models side by side on a text: perplexity, KL divergence from the baseline, errors by layer and of the KV cache, memory.")
        {
            artifacts, dataset, baseline, window, windows, threads, increase, divergence, against, output, json,
        };
        command.SetAction(async (result, token) =>
        {
            var earlier = result.GetValue(against) is { } file ? QualityReportJson.Read(file) : null;
            var gates = new QualityGates(
                result.GetValue(increase) is { } text && Percentage.TryParse(text, out var share) ? share.Share : null,
                result.GetValue(divergence) is { } nats ? ParseDivergence(nats) : null);
            using var opened = OpenedModels.Open(result.GetValue(artifacts)!, result.GetValue(baseline));
            var isJson = result.GetValue(json);
            Task<QualityReport> Measure(IBuildReporter reporter) => Task.Run(
                () => EvaluateOperation.Run(
                    opened.Variants, result.GetValue(dataset)!, result.GetValue(window), result.GetValue(windows) is > 0 and var most ? most : null, result.GetValue(threads), reporter, token),
                token);
            var report = isJson
                ? await Measure(WarningReporter.Instance).ConfigureAwait(false)
                : await ConsoleReporter.RunAsync("evaluate", Measure).ConfigureAwait(false);
            return (int)Conclude(report, gates, earlier, result.GetValue(against), result.GetValue(output), isJson);
        });
        return command;
    }

    private static ExitCode Conclude(QualityReport report, QualityGates gates, QualityReport? earlier, string? earlierName, string? output, bool json)
    {
        if (output is not null)
        {
            Directory.CreateDirectory(output);
            EvaluateOperation.Write(report, output, "Evaluation");
        }

        // Every variant but the baseline: who compares several wants to know of each.
        var results = report.Variants.Skip(1).SelectMany(variant => gates.Check(report, variant)).ToList();
        if (json)
        {
            using var stream = System.Console.OpenStandardOutput();
            QualityReportJson.Write(stream, report, writer => WriteGates(writer, results));
        }
        else
        {
            foreach (var result in results)
            {
                System.Console.Out.WriteLine($"  {(result.Passed ? "passed" : "FAILED")}: {result.Name} of {result.Variant} is {result.Value}, at most {result.Limit} is allowed");
            }
        }

        if (earlier is not null)
        {
            report.Protocol.ThrowIfDifferent(earlier.Protocol, "this evaluation", earlierName!);
            WriteDifferences(json ? System.Console.Error : System.Console.Out, report, earlier);
        }

        return results.TrueForAll(result => result.Passed) ? ExitCode.Success : ExitCode.Quality;
    }

    private static void WriteDifferences(TextWriter writer, QualityReport report, QualityReport earlier)
    {
        foreach (var variant in report.Variants)
        {
            if (earlier.Variants.FirstOrDefault(other => other.Name == variant.Name) is { } other)
            {
                writer.WriteLine(string.Create(
                    CultureInfo.InvariantCulture,
                    $"  {variant.Name}: perplexity {other.Perplexity:0.000} → {variant.Perplexity:0.000} ({QualityTable.Change((variant.Perplexity / other.Perplexity) - 1)}), mean KL {other.MeanDivergence:G4} → {variant.MeanDivergence:G4}"));
            }
            else
            {
                writer.WriteLine($"  {variant.Name}: not among the earlier figures");
            }
        }
    }

    private static void WriteGates(Utf8JsonWriter json, IReadOnlyList<GateResult> results)
    {
        json.WriteStartArray("gates");
        foreach (var result in results)
        {
            json.WriteStartObject();
            json.WriteString("name", result.Name);
            json.WriteString("variant", result.Variant);
            json.WriteString("value", result.Value);
            json.WriteString("limit", result.Limit);
            json.WriteBoolean("passed", result.Passed);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static Option<int> Number(string name, string description, int @default, int least, int most)
    {
        var option = new Option<int>(name) { Description = description, HelpName = "N", DefaultValueFactory = _ => @default };
        option.Validators.Add(result =>
        {
            if (result.Tokens is [{ Value: var text }] && !(int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value >= least && value <= most))
            {
                result.AddError(string.Create(CultureInfo.InvariantCulture, $"{name} is '{text}'; it must be a whole number from {least} to {most}"));
            }
        });
        return option;
    }

    private static void Check(OptionResult result, Option<string?> option, Func<string, bool> isGood, string wanted)
    {
        if (result.Tokens is [{ Value: var text }] && !isGood(text))
        {
            result.AddError($"{option.Name} is '{text}'; it must be {wanted}");
        }
    }

    private static double? ParseDivergence(string text) =>
        double.TryParse(text, NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent, CultureInfo.InvariantCulture, out var value) && value is >= 0 and <= 1000 ? value : null;

    /// <summary>The models of a command line, each opened once, and their variants under names of their own.</summary>
    private sealed class OpenedModels : IDisposable
    {
        private readonly List<EvaluatedModel> _models = [];

        public List<EvaluationVariant> Variants { get; } = [];

        public static OpenedModels Open(IReadOnlyList<string> artifacts, string? baseline)
        {
            var opened = new OpenedModels();
            try
            {
                if (baseline is not null)
                {
                    opened._models.Add(EvaluatedModel.Open(baseline));
                    opened.Variants.Add(new EvaluationVariant(opened.NameOf(baseline), opened._models[0]));
                }

                foreach (var artifact in artifacts)
                {
                    var model = EvaluatedModel.Open(artifact);
                    opened._models.Add(model);
                    opened.Variants.AddRange(EvaluateOperation.VariantsOf(model, opened.NameOf(artifact)));
                }

                return opened;
            }
            catch
            {
                opened.Dispose();
                throw;
            }
        }

        public void Dispose() => _models.ForEach(model => model.Dispose());

        /// <summary>The folder's own name; where another has it, the path as given; and a number where even that is not its own.</summary>
        private string NameOf(string path)
        {
            var name = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)));
            return new[] { name, path }.Concat(Enumerable.Range(2, Variants.Count + 1).Select(number => $"{path} ({number})"))
                .First(candidate => Variants.TrueForAll(variant => variant.Name != candidate));
        }
    }
}
