using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using LayerCake.Checkpoints;
using LayerCake.Kernels;
using LayerCake.Testing;

namespace LayerCake.Runtime.Tests;

/// <summary>The int8 cache against bytes and values that the engine's own kernels gave.</summary>
internal sealed unsafe class KeyValueCacheTests
{
    [TestCase(0)]
    [TestCase(1)]
    [TestCase(2)]
    [TestCase(3)]
    public void Bytes_and_values_are_those_of_the_engines_kernels(int index)
    {
        using var file = SafetensorsFile.Open(RepositoryFiles.Golden("engine_kernels.safetensors"));
        var pair = MemoryMarshal.Cast<byte, float>(file.ReadAll($"kv.{index}.scale_zp"));
        var scale = new KeyValueScale(pair[0], pair[1]);
        var inputs = MemoryMarshal.Cast<byte, Half>(file.ReadAll($"kv.{index}.input"));
        var bytes = new byte[inputs.Length];
        fixed (byte* to = bytes)
        {
            for (var i = 0; i < inputs.Length; i += 16)
            {
                var value = new float[16];
                for (var lane = 0; lane < 16; lane++)
                {
                    value[lane] = (float)inputs[i + lane];
                }

                ByteElement<Float16Type>.Store(Vector512.Create(value), to + i, scale);
            }
        }

        var order = file.ReadAll("kv.byte_order");
        var decoded = new float[256];
        var prefilled = new float[256];
        fixed (byte* from = order)
        {
            for (var i = 0; i < 256; i += 16)
            {
                ByteElement<Float16Type>.LoadDecode(from + i, Vector512.Create(scale.Scale), Vector512.Create(scale.DecodeOffset)).CopyTo(decoded, i);
                ByteElement<Float16Type>.LoadPrefill(from + i, Vector512.Create(scale.Scale), Vector512.Create(scale.PrefillOffset)).CopyTo(prefilled, i);
            }
        }

        Assert.That(bytes, Is.EqualTo(file.ReadAll($"kv.{index}.stored_byte")));
        Assert.That(decoded, Is.EqualTo(MemoryMarshal.Cast<byte, float>(file.ReadAll($"kv.{index}.all_bytes_dequantized_decode_fp32")).ToArray()));
        Assert.That(
            prefilled,
            Is.EqualTo(MemoryMarshal.Cast<byte, Half>(file.ReadAll($"kv.{index}.all_bytes_dequantized_prefill_fp16")).ToArray().Select(half => (float)half)));
    }

    [Test]
    public void An_int8_cache_takes_half_the_memory_and_changes_logits_a_little()
    {
        var scales = RepositoryFiles.Golden("internlm", "kv_asym_tp1");
        using var plain = TurboMindModel.Load(RepositoryFiles.Golden("internlm", "model"), Models.OnCpu);
        using var int8 = TurboMindModel.Load(
            RepositoryFiles.Golden("internlm", "model"),
            Models.OnCpu with { KeyValueCache = KeyValueCacheType.Int8, KeyValueScalesFolder = scales });
        var ids = Models.CalibrationRows("internlm")[0];
        var deviation = Models.Deviation(Models.AllLogits(plain, ids), Models.AllLogits(int8, ids));

        Assert.That(int8.KeyValueCache, Is.EqualTo(KeyValueCacheType.Int8));
        Assert.That(int8.Memory.CacheBytesPerToken * 2, Is.EqualTo(plain.Memory.CacheBytesPerToken));
        Assert.That(deviation, Is.GreaterThan(1e-6).And.LessThan(0.05));
    }

    [Test]
    public void Scales_of_two_ranks_are_those_of_their_heads()
    {
        using var feed = ModelLoading.Open(RepositoryFiles.Golden("internlm", "model"), Models.OnCpu);
        var scales = KeyValueScales.Read(RepositoryFiles.Golden("internlm", "kv_asym_tp2"), feed.Configuration);
        var second = MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(RepositoryFiles.Golden("internlm", "kv_asym_tp2", "layers.1.past_kv_scale.1.weight")));

        Assert.That(scales.Keys[1][1], Is.EqualTo(new KeyValueScale(second[0], second[1])));
        Assert.That(scales.Values[1][1], Is.EqualTo(new KeyValueScale(second[2], second[3])));
        Assert.That(scales.Keys[1][0], Is.Not.EqualTo(scales.Keys[1][1]));
    }
}
