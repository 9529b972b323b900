using System.Runtime.InteropServices;
using LayerCake.Checkpoints;
using LayerCake.Models;
using LayerCake.Testing;

namespace LayerCake.Calibration.Tests;

/// <summary>A golden checkpoint with its calibration samples.</summary>
internal sealed class GoldenModel : IDisposable
{
    private readonly HuggingFaceFolder _folder;

    public GoldenModel(string name)
    {
        Name = name;
        _folder = HuggingFaceFolder.Open(RepositoryFiles.Golden(name, "model"));
        Configuration = ModelConfiguration.Parse(_folder.Config, _folder.Path);
        using var file = SafetensorsFile.Open(RepositoryFiles.Golden(name, "calib_input_ids.safetensors"));
        var tensor = file.Tensors.Single();
        var ids = MemoryMarshal.Cast<byte, long>(file.ReadAll(tensor.Name)).ToArray();
        Samples = [.. ids.Chunk((int)tensor.Shape[1]).Select(sample => sample.Select(id => (int)id).ToArray())];
    }

    public static IEnumerable<string> Names => ["internlm", "llama-gqa", "llama-sharded-bf16"];

    public string Name { get; }

    public ModelConfiguration Configuration { get; }

    public ITensorSource Weights => _folder.Weights;

    public int[][] Samples { get; }

    public CalibrationRequest Request => new() { Configuration = Configuration, Weights = Weights, Samples = Samples, Device = "cpu" };

    public void Dispose() => _folder.Dispose();
}
