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
/// in front; calibration on windows of 512 drawn with seed 0. The int8 KV cache is measured on the first text.
/// </summary>
internal sealed class MethodTable : IDisposable
{
    private const int Window = 512;

    private readonly string _work = Directory.CreateTempSubdirectory("layercake-methods-").FullName;
    private readonly List<Row> _rows = [];
    private readonly HuggingFaceFolder _model;
    private readonly TokenizerFolder _tokenizer;
    private readonly int[][] _samples;
    private readonly CalibrationStatistics _statistics;

    private MethodTable(string modelFolder, string calibrationText, int samples)
    {
        _model = HuggingFaceFolder.Open(modelFolder);
        _tokenizer = TokenizerFolder.Open(modelFolder);
        _samples = CalibrationSampler.Draw(_tokenizer.EncodeWithSpecialTokens(CalibrationText.Load(calibrationText).Text), samples, Window, 0);
        var (statistics, time) = Timed(() => Calibrator.Run(new CalibrationRequest
        {
            Configuration = ModelConfiguration.Read(_model), Weights = _model.Weights, Samples = _samples, Device = "cpu",
        }));
        _statistics = statistics;
        KeyValueParameters.Write(Scales, KeyValueParameters.Compute(statistics.Keys, statistics.Values, new KeyValueOptions()), _ => { });
        _rows.Add(new Row("float16", modelFolder, null));
        Add("lmdeploy", folder => AwqQuantizer.Run(new AwqRequest
        {
            Model = _model, InputAbsMax = _statistics.Inputs.ToDictionary(entry => entry.Key, entry => entry.Value.AbsMax), OutputFolder = folder,
        }), time);
    }

    private string Scales => Directory.CreateDirectory(Path.Combine(_work, "scales")).FullName;

    /// <param name="efforts">For each method the efforts that are measured.</param>
    public static void Print(
        string modelFolder, string calibrationText, int samples, IReadOnlyList<(ReconstructionMethod Method, ReconstructionEffort Effort)> efforts, IReadOnlyList<string> texts)
    {
        using var table = new MethodTable(modelFolder, calibrationText, samples);
        foreach (var (method, effort) in efforts)
        {
            var name = method == ReconstructionMethod.Rtn ? "rtn" : $"{Reconstructor.NameOf(method)}, {effort.ToString().ToLowerInvariant()}";
            table.Add(name, folder => Reconstructor.Run(
                new ReconstructionRequest { Model = table._model, Method = method, Effort = effort, Samples = table._samples, OutputFolder = folder }));
        }

        table.Print(texts);
    }

    public void Dispose()
    {
        _model.Dispose();
        Directory.Delete(_work, recursive: true);
    }

    private static (T Result, TimeSpan ProcessorTime) Timed<T>(Func<T> run)
    {
        var before = Environment.CpuUsage.TotalTime;
        var result = run();
        return (result, Environment.CpuUsage.TotalTime - before);
    }

    private void Add(string name, Func<string, AwqResult> quantize, TimeSpan before = default)
    {
        var folder = Path.Combine(_work, name.Replace(", ", "-", StringComparison.Ordinal));
        var (_, time) = Timed(() => quantize(folder));
        _rows.Add(new Row(name, folder, before + time));
        Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name}: {(before + time).TotalSeconds:F1} s of processor time"));
    }

    private void Print(IReadOnlyList<string> texts)
    {
        var figures = texts.Select((text, i) => Measure(EvaluationWindows.Load(text, _tokenizer, Window, limit: null), withCache: i == 0)).ToArray();
        var names = texts.Select(text => Path.GetFileNameWithoutExtension(text)!).ToList();
        Console.WriteLine($"| method | processor time | {names[0]} | + int8 KV |{string.Concat(names.Skip(1).Select(name => $" {name} |"))}");
        Console.WriteLine($"| --- | --- | --- |{string.Concat(names.Select(_ => " --- |"))}");
        for (var i = 0; i < _rows.Count; i++)
        {
            var time = _rows[i].ProcessorTime is { } taken ? string.Create(CultureInfo.InvariantCulture, $"{taken.TotalSeconds:F0} s") : "";
            var others = string.Concat(figures.Skip(1).Select(text => $" {Text(text[i].Perplexity)} |"));
            Console.WriteLine($"| {_rows[i].Name} | {time} | {Text(figures[0][i].Perplexity)} | {Text(figures[0][i].WithCache)} |{others}");
        }

        static string Text(double perplexity) => perplexity.ToString("F2", CultureInfo.InvariantCulture);
    }

    private (double Perplexity, double WithCache)[] Measure(EvaluationWindows windows, bool withCache)
    {
        var models = _rows.Select(row => EvaluatedModel.Open(row.Folder, Scales)).ToArray();
        try
        {
            EvaluationVariant[] variants =
            [
                .. _rows.Zip(models, (row, model) => new EvaluationVariant(row.Name, model)),
                .. withCache ? _rows.Zip(models, (row, model) => new EvaluationVariant($"{row.Name} + int8 KV", model, QuantizesCache: true)) : [],
            ];
            var measured = Evaluator.Run(new EvaluationRequest { Windows = windows, Variants = variants }).Variants.Select(variant => variant.Perplexity).ToArray();
            return [.. _rows.Select((_, i) => (measured[i], withCache ? measured[_rows.Count + i] : double.NaN))];
        }
        finally
        {
            Array.ForEach(models, model => model.Dispose());
        }
    }

    private sealed record Row(string Name, string Folder, TimeSpan? ProcessorTime);
}
