using System.Runtime.InteropServices;
using LayerCake.Checkpoints;
using LayerCake.Testing;
using LayerCake.TurboMind;

namespace LayerCake.Runtime.Tests;

/// <summary>Golden checkpoints, and workspaces converted from them.</summary>
internal static class Models
{
    public static RuntimeOptions OnCpu { get; } = new() { Device = RuntimeDevice.Cpu, Threads = 2 };

    public static TurboMindModel Tiny(RuntimeOptions? options = null) => TurboMindModel.Load(RepositoryFiles.DemoModel, options ?? OnCpu);

    /// <summary>Writes the weights folder of a workspace.</summary>
    public static void Convert(string model, string target, int ranks = 1, WeightType? type = null, bool isAwq = false)
    {
        using var folder = HuggingFaceFolder.Open(model);
        ConversionPlan.Create(
            ConversionSource.From(folder),
            new ConversionOptions
            {
                ModelName = "internlm-chat-7b",
                ModelFormat = isAwq ? "awq" : "hf",
                GroupSize = isAwq ? 128 : 0,
                TensorParallel = ranks,
                WeightType = type,
                SpecialTokens = new SpecialTokenIds(1, 2),
            }).WriteWeights(target);
    }

    /// <summary>A golden model's AWQ folder, with the configuration it lacks.</summary>
    public static void CopyAwq(string name, string target)
    {
        Directory.CreateDirectory(target);
        foreach (var file in Directory.EnumerateFiles(RepositoryFiles.Golden(name, "awq")))
        {
            File.Copy(file, Path.Combine(target, Path.GetFileName(file)));
        }

        File.Copy(RepositoryFiles.Golden(name, "model", "config.json"), Path.Combine(target, "config.json"), overwrite: true);
    }

    /// <summary>The first two rows of a golden model's calibration batch.</summary>
    public static int[][] CalibrationRows(string name)
    {
        using var file = SafetensorsFile.Open(RepositoryFiles.Golden(name, "calib_input_ids.safetensors"));
        var tensor = file.Tensors.Single();
        return [.. MemoryMarshal.Cast<byte, long>(file.ReadAll(tensor.Name)).ToArray().Select(id => (int)id).Chunk((int)tensor.Shape[1]).Take(2)];
    }

    public static float[] GoldenLogits(string name)
    {
        using var file = SafetensorsFile.Open(RepositoryFiles.Golden(name, "logits_fp16_first2.safetensors"));
        return MemoryMarshal.Cast<byte, float>(file.ReadAll(file.Tensors.Single().Name)).ToArray();
    }

    public static float[] AllLogits(TurboMindModel model, ReadOnlySpan<int> ids)
    {
        var all = new List<float>();
        model.Logits(ids, (position, logits) =>
        {
            Assert.That(position * model.Configuration.VocabularySize, Is.EqualTo(all.Count));
            all.AddRange(logits);
        });
        return [.. all];
    }

    public static async Task<int[]> Generate(Session session, int[] ids, GenerationOptions options, CancellationToken cancellation = default)
    {
        var tokens = new List<int>();
        await foreach (var token in session.GenerateAsync(ids, options, cancellation))
        {
            tokens.Add(token.Id);
        }

        return [.. tokens];
    }

    /// <summary>Ids of the demo model's text, made up but fixed.</summary>
    public static int[] Prompt(int seed, int length)
    {
        var random = new Random(seed);
        return [1, .. Enumerable.Range(0, length - 1).Select(_ => random.Next(300, 4000))];
    }

    /// <summary>The largest difference as a share of the largest value.</summary>
    public static double Deviation(float[] expected, float[] actual)
    {
        Assert.That(actual, Has.Length.EqualTo(expected.Length));
        var largest = expected.Max(MathF.Abs);
        return expected.Zip(actual).Max(pair => MathF.Abs(pair.First - pair.Second)) / largest;
    }
}
