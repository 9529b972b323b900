using System.Runtime.InteropServices;
using LayerCake.Building;
using LayerCake.Checkpoints;
using LayerCake.Steps;
using LayerCake.Testing;

namespace LayerCake.Evaluation.Tests;

/// <summary>Golden checkpoints, what is made of them, and the ids they were calibrated with.</summary>
internal static class Golden
{
    /// <summary>[samples][tokens].</summary>
    public static int[][] Ids(string name)
    {
        using var file = SafetensorsFile.Open(RepositoryFiles.Golden(name, "calib_input_ids.safetensors"));
        var tensor = file.Tensors.Single();
        return [.. MemoryMarshal.Cast<byte, long>(file.ReadAll(tensor.Name)).ToArray().Chunk((int)tensor.Shape[1]).Select(row => Array.ConvertAll(row, id => (int)id))];
    }

    /// <summary>Converts a folder's weights to a workspace, with the demo's tokenizer where the folder has none.</summary>
    public static string Convert(TemporaryFolder folder, string model, string name, int ranks, bool isAwq)
    {
        var destination = folder.At($"workspace-{ranks}");
        new ConvertOperation
        {
            ModelName = name,
            ModelPath = model,
            ModelFormat = isAwq ? "awq" : null,
            GroupSize = isAwq ? 128 : 0,
            TensorParallel = ranks,
            TokenizerPath = Path.Combine(RepositoryFiles.DemoModel, "tokenizer.model"),
        }.Publish(destination, SilentReporter.Instance, CancellationToken.None);
        return destination;
    }

    /// <summary>A writable copy of a model folder in which some tensors have other bytes.</summary>
    public static string Alter(TemporaryFolder folder, string model, Action<string, Span<Half>> alter)
    {
        var copy = folder.At("altered");
        Directory.CreateDirectory(copy);
        foreach (var path in Directory.EnumerateFiles(model).Where(path => Path.GetExtension(path) != ".safetensors"))
        {
            File.WriteAllBytes(Path.Combine(copy, Path.GetFileName(path)), File.ReadAllBytes(path));
        }

        using var source = SafetensorsFile.Open(Path.Combine(model, "model.safetensors"));
        using var writer = SafetensorsWriter.Create(Path.Combine(copy, "model.safetensors"), source.Tensors, new Dictionary<string, string> { ["format"] = "pt" });
        foreach (var tensor in source.Tensors)
        {
            var bytes = source.ReadAll(tensor.Name);
            alter(tensor.Name, MemoryMarshal.Cast<byte, Half>(bytes.AsSpan()));
            writer.WriteChunk(tensor.Name, bytes);
        }

        writer.Complete();
        return copy;
    }
}
