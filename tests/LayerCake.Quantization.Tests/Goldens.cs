using System.Runtime.InteropServices;
using LayerCake.Checkpoints;
using LayerCake.Testing;

namespace LayerCake.Quantization.Tests;

/// <summary>The checkpoints in tests/golden that the original has quantized.</summary>
internal static class Goldens
{
    public static readonly string[] Models = ["internlm", "llama-gqa", "llama-sharded-bf16"];

    public static string WorkDir(string model) => RepositoryFiles.Golden(model, "work_dir");

    public static HuggingFaceFolder Open(string model) => HuggingFaceFolder.Open(RepositoryFiles.Golden(model, "model"));

    public static Half[] ReadHalves(this ITensorSource source, string name) => MemoryMarshal.Cast<byte, Half>(source.ReadAll(name)).ToArray();

    /// <summary>Bits, so that NaN equals NaN and 0 differs from −0.</summary>
    public static ushort[] Bits(this ReadOnlySpan<Half> values) => MemoryMarshal.Cast<Half, ushort>(values).ToArray();

    public static ushort[] Bits(this Half[] values) => ((ReadOnlySpan<Half>)values).Bits();
}
