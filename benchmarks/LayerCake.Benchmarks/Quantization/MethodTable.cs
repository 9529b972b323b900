using System.Diagnostics;
using System.Globalization;
using LayerCake.Calibration;
using LayerCake.Checkpoints;
using LayerCake.Evaluation;
using LayerCake.Models;
using LayerCake.Quantization;
using LayerCake.Reconstruction;
using LayerCake.Text;

namespace LayerCake.Benchmarks.Quantization;

/// <summary>
/// Quantizes a model with every method and effort and measures each on texts, as the table of docs/quantization.md has them: non-overlapping windows of 511 tokens with BOS
/// in front; calibration on windows of 512 drawn with seed 0.
/// </summary>
internal static class MethodTable
{
    private const int Window = 512;

    public static void Print(string modelFolder, string calibrationText, int samples, int? windows, IReadOnlyList<string> texts)
    {
        using var model = HuggingFaceFolder.Open(modelFolder);
        var tokenizer = TokenizerFolder.Open(modelFolder);
        var drawn = CalibrationSampler.Draw(tokenizer.EncodeWithSpecialTokens(CalibrationText.Load(calibrationText).Text), samples, Window, 0);
        var work = Directory.CreateTempSubdirectory("layercake-methods-").FullName;
        try
        {
            var rows = new List<(string Name, string Folder, TimeSpan Time)> { ("float16", modelFolder, TimeSpan.Zero) };
            Add("lmdeploy", folder => RunOriginal(model, drawn, folder));
            Add("rtn", folder => Run(model, ReconstructionMethod.Rtn, ReconstructionEffort.Fast, drawn, folder));
            foreach (var method in new[] { ReconstructionMethod.Awq, ReconstructionMethod.Gptq })
            {
                foreach (var effort in Enum.GetValues<ReconstructionEffort>())
                {
                    Add($"{Reconstructor.NameOf(method)}, {effort.ToString().ToLowerInvariant()}", folder => Run(model, method, effort, drawn, folder));
                }
            }

            Console.WriteLine($"| method | seconds | {string.Join(" | ", texts.Select(Path.GetFileName))} |");
            Console.WriteLine($"| --- | --- | {string.Join(" | ", texts.Select(_ => "---"))} |");
            var figures = texts.Select(text => Measure(rows, EvaluationWindows.Load(text, tokenizer, Window, windows))).ToArray();
            for (var i = 0; i < rows.Count; i++)
            {
                var perplexities = figures.Select(text => text[i].ToString("F2", CultureInfo.InvariantCulture));
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| {rows[i].Name} | {rows[i].Time.TotalSeconds:F1} | {string.Join(" | ", perplexities)} |"));
            }

            void Add(string name, Action<string> quantize)
            {
                var folder = Path.Combine(work, name.Replace(", ", "-", StringComparison.Ordinal));
                var started = Stopwatch.GetTimestamp();
                quantize(folder);
                rows.Add((name, folder, Stopwatch.GetElapsedTime(started)));
            }
        }
        finally
        {
            Directory.Delete(work, recursive: true);
        }
    }

    private static double[] Measure(List<(string Name, string Folder, TimeSpan Time)> rows, EvaluationWindows windows)
    {
        var models = rows.Select(row => EvaluatedModel.Open(row.Folder)).ToArray();
        try
        {
            var variants = rows.Zip(models, (row, model) => new EvaluationVariant(row.Name, model)).ToArray();
            return [.. Evaluator.Run(new EvaluationRequest { Windows = windows, Variants = variants }).Variants.Select(variant => variant.Perplexity)];
        }
        finally
        {
            Array.ForEach(models, model => model.Dispose());
        }
    }

    private static void Run(HuggingFaceFolder model, ReconstructionMethod method, ReconstructionEffort effort, int[][] samples, string folder) =>
        Reconstructor.Run(new ReconstructionRequest { Model = model, Method = method, Effort = effort, Samples = samples, OutputFolder = folder });

    private static void RunOriginal(HuggingFaceFolder model, int[][] samples, string folder)
    {
        var statistics = Calibrator.Run(new CalibrationRequest
        {
            Configuration = ModelConfiguration.Read(model), Weights = model.Weights, Samples = samples, Device = "cpu",
        });
        AwqQuantizer.Run(new AwqRequest
        {
            Model = model,
            InputAbsMax = statistics.Inputs.ToDictionary(entry => entry.Key, entry => entry.Value.AbsMax),
            OutputFolder = folder,
        });
    }
}
