using System.Runtime.InteropServices;
using LayerCake.Checkpoints;
using LayerCake.Testing;
using LayerCake.TurboMind;

namespace LayerCake.Reporting.Tests;

/// <summary>A small AWQ checkpoint in memory, to be changed and written as a checkpoint or as a workspace.</summary>
internal sealed class Checkpoint
{
    private readonly OrderedDictionary<string, (TensorInfo Info, byte[] Bytes)> _tensors = new(StringComparer.Ordinal);

    /// <summary>The golden one: 2 layers, hidden size 256, groups of 128.</summary>
    public Checkpoint()
    {
        using var model = HuggingFaceFolder.Open(RepositoryFiles.Golden("internlm", "awq"));
        foreach (var tensor in model.Weights.Tensors)
        {
            _tensors.Add(tensor.Name, (tensor, model.Weights.ReadAll(tensor.Name)));
        }
    }

    public IEnumerable<TensorInfo> Tensors => _tensors.Values.Select(tensor => tensor.Info);

    public Span<T> Values<T>(string name)
        where T : unmanaged => MemoryMarshal.Cast<byte, T>(_tensors[name].Bytes.AsSpan());

    public void Remove(string name) => _tensors.Remove(name);

    public void Replace(TensorInfo info, byte[] bytes) => _tensors[info.Name] = (info, bytes);

    /// <summary>Adds to the 4-bit code of an input and an output, modulo 16.</summary>
    public void ChangeCode(string module, int input, int output, int by)
    {
        ReadOnlySpan<int> shifts = [0, 16, 4, 20, 8, 24, 12, 28];
        var wordsPerRow = (int)_tensors[$"{module}.qweight"].Info.Shape[1];
        ref var word = ref Values<uint>($"{module}.qweight")[(input * wordsPerRow) + (output / 8)];
        var shift = shifts[output % 8];
        var code = (word >> shift) + (uint)by & 15;
        word = (word & ~(15u << shift)) | code << shift;
    }

    public string WriteTo(string folder)
    {
        Directory.CreateDirectory(folder);
        File.Copy(RepositoryFiles.Golden("internlm", "awq", "config.json"), Path.Combine(folder, "config.json"), overwrite: true);
        using var writer = SafetensorsWriter.Create(Path.Combine(folder, "model.safetensors"), [.. Tensors]);
        foreach (var (name, (_, bytes)) in _tensors)
        {
            writer.Write(name, bytes);
        }

        writer.Complete();
        return folder;
    }

    /// <summary>The weights folder of a workspace made of it.</summary>
    public string ConvertTo(string folder, int ranks = 1)
    {
        using var temporary = new TemporaryFolder();
        using var model = HuggingFaceFolder.Open(WriteTo(temporary.At("awq")));
        ConversionPlan.Create(ConversionSource.From(model), new ConversionOptions
        {
            ModelName = "internlm-chat-7b",
            ModelFormat = "awq",
            GroupSize = 128,
            TensorParallel = ranks,
            SpecialTokens = new SpecialTokenIds(1, 2),
        }).WriteWeights(folder);
        return folder;
    }
}
