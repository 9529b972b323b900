using System.Runtime.InteropServices;
using LayerCake.Checkpoints;
using LayerCake.Testing;

namespace LayerCake.Evaluation.Tests;

/// <summary>What evaluation passes keys and values through, against what the engine's own kernels stored and read back.</summary>
internal sealed unsafe class Int8CacheTests
{
    [TestCase(0)]
    [TestCase(1)]
    [TestCase(2)]
    [TestCase(3)]
    public void Values_come_back_as_the_engines_prefill_reads_them(int index)
    {
        using var file = SafetensorsFile.Open(RepositoryFiles.Golden("engine_kernels.safetensors"));
        var pair = MemoryMarshal.Cast<byte, float>(file.ReadAll($"kv.{index}.scale_zp"));
        var values = MemoryMarshal.Cast<byte, Half>(file.ReadAll($"kv.{index}.input")).ToArray().Select(half => (float)half).ToArray();
        var readBack = MemoryMarshal.Cast<byte, Half>(file.ReadAll($"kv.{index}.all_bytes_dequantized_prefill_fp16")).ToArray();
        var valueOfByte = file.ReadAll("kv.byte_order").Zip(readBack).ToDictionary(entry => entry.First, entry => (float)entry.Second);
        var expected = file.ReadAll($"kv.{index}.stored_byte").Select(stored => valueOfByte[stored]).ToArray();

        fixed (float* at = values)
        {
            Int8Cache.Restore(at, values.Length, new Int8Range(pair[0], pair[1]));
        }

        Assert.That(values, Is.EqualTo(expected));
    }
}
