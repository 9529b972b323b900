using System.Runtime.InteropServices;
using LayerCake.Checkpoints;
using LayerCake.Testing;

namespace LayerCake.Kernels.Tests;

internal sealed unsafe class DecodeAttentionTests
{
    private const float Scale = 0.0123f;
    private const float ZeroPoint = -0.37f;

    [Test]
    public void Scores_and_sums_are_the_same_bits_at_every_vector_width(
        [Values] CacheType type, [Values(128, 256, 512)] int width, [Values(16, 48, 128)] int headSize, [Values(1, 3)] int heads, [Values(1, 70)] int count)
    {
        var random = new Random(9);
        var bytes = new byte[count * headSize * (type == CacheType.Int8 ? 1 : 2)];
        random.NextBytes(bytes);
        if (type != CacheType.Int8)
        {
            foreach (ref var half in MemoryMarshal.Cast<byte, ushort>(bytes.AsSpan()))
            {
                var value = random.NextSingle() - 0.5f;
                half = type == CacheType.Float16 ? BitConverter.HalfToUInt16Bits((Half)value) : (ushort)(BitConverter.SingleToUInt32Bits(value) >> 16);
            }
        }

        var queries = Enumerable.Range(0, heads * headSize).Select(_ => random.NextSingle() - 0.5f).ToArray();
        var stride = count + 3;
        var scores = new float[heads * stride];
        var results = Enumerable.Repeat(0.25f, heads * headSize).ToArray();
        fixed (byte* data = bytes)
        fixed (float* query = queries, score = scores, result = results)
        {
            var tokens = Tokens(data, count, headSize, type);
            DecodeAttention.Scores(tokens, query, heads, score, stride, width);
            DecodeAttention.AddValues(tokens, score, stride, heads, result, width);
        }

        var cached = Enumerable.Range(0, count * headSize).Select(i => Value(bytes, i, type)).ToArray();
        for (var head = 0; head < heads; head++)
        {
            var sums = Enumerable.Repeat(0.25f, headSize).ToArray();
            for (var token = 0; token < count; token++)
            {
                var lanes = new float[16];
                for (var i = 0; i < headSize; i++)
                {
                    lanes[i % 16] = MathF.FusedMultiplyAdd(queries[(head * headSize) + i], cached[(token * headSize) + i], lanes[i % 16]);
                }

                var four = Enumerable.Range(0, 4).Select(i => (lanes[i] + lanes[i + 8]) + (lanes[i + 4] + lanes[i + 12])).ToArray();
                var score = (four[0] + four[2]) + (four[1] + four[3]);
                Assert.That(scores[(head * stride) + token], Is.EqualTo(score));
                for (var i = 0; i < headSize; i++)
                {
                    sums[i] = MathF.FusedMultiplyAdd(score, cached[(token * headSize) + i], sums[i]);
                }
            }

            Assert.That(results.AsSpan(head * headSize, headSize).ToArray(), Is.EqualTo(sums));
        }
    }

    [Test]
    public void Bytes_stand_for_the_engines_own_values([Values(0, 1, 2, 3)] int parameters, [Values(128, 256, 512)] int width)
    {
        using var golden = SafetensorsFile.Open(RepositoryFiles.Golden("engine_kernels.safetensors"));
        var pair = MemoryMarshal.Cast<byte, float>(golden.ReadAll($"kv.{parameters}.scale_zp")).ToArray();
        var bytes = golden.ReadAll("kv.byte_order");
        var expected = MemoryMarshal.Cast<byte, float>(golden.ReadAll($"kv.{parameters}.all_bytes_dequantized_decode_fp32")).ToArray();
        var one = 1f;
        var values = new float[256];
        fixed (byte* data = bytes)
        fixed (float* result = values)
        {
            var token = new CachedTokens
            {
                Data = data,
                Count = 1,
                HeadSize = 256,
                Type = CacheType.Int8,
                Scale = pair[0],
                Offset = MathF.FusedMultiplyAdd(-32896f, pair[0], pair[1]),
            };
            DecodeAttention.AddValues(token, &one, 1, 1, result, width);
        }

        Assert.That(values, Is.EqualTo(expected));
    }

    private static CachedTokens Tokens(byte* data, int count, int headSize, CacheType type) => new()
    {
        Data = data,
        Count = count,
        HeadSize = headSize,
        Type = type,
        Scale = Scale,
        Offset = MathF.FusedMultiplyAdd(-32896f, Scale, ZeroPoint),
    };

    private static float Value(byte[] bytes, int index, CacheType type) => type switch
    {
        CacheType.Int8 => MathF.FusedMultiplyAdd(32768 + bytes[index], Scale, MathF.FusedMultiplyAdd(-32896f, Scale, ZeroPoint)),
        CacheType.Float16 => (float)MemoryMarshal.Cast<byte, Half>(bytes)[index],
        _ => BitConverter.UInt32BitsToSingle((uint)MemoryMarshal.Cast<byte, ushort>(bytes)[index] << 16),
    };
}
