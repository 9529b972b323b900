using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using LayerCake.Checkpoints;
using LayerCake.Models;
using LayerCake.Quantization;
using LayerCake.Kernels;
using LayerCake.Torch.Layers;

namespace LayerCake.Reconstruction;

/// <summary>Some activation of all samples in float16, [samples][tokens][channels].</summary>
internal sealed unsafe class HiddenStates : IKeptStates, IDisposable
{
    private const int Piece = 1 << 26;

    private readonly Half* _memory;

    public HiddenStates(int samples, int tokens, int channels)
    {
        (Samples, Tokens, Channels) = (samples, tokens, channels);
        _memory = (Half*)NativeMemory.AlignedAlloc((nuint)ByteCount, 64);
    }

    public int Samples { get; }

    public int Tokens { get; }

    public int Channels { get; }

    public long ByteCount => 2L * Samples * Tokens * Channels;

    public Half* Sample(int sample) => _memory + ((long)sample * Tokens * Channels);

    /// <summary>Reads a sample into rows of float32.</summary>
    /// <param name="channels">Channels of what was written; those of the states where it is 0.</param>
    public void Read(int sample, float* to, nint stride, int channels = 0) =>
        Float16Lanes.LoadRows(Sample(sample), to, stride, Tokens, channels > 0 ? channels : Channels);

    /// <summary>Writes a sample; values are float16 values already.</summary>
    /// <param name="channels">At most those of the states; those where it is 0.</param>
    public void Write(int sample, float* from, nint stride, int channels = 0) =>
        Float16Lanes.StoreRows(from, stride, Sample(sample), Tokens, channels > 0 ? channels : Channels);

    /// <summary>Divides channels by powers of two.</summary>
    /// <param name="factors">As many as channels were written.</param>
    public void Divide(float[] factors, ParallelOptions options)
    {
        if (factors.All(factor => factor == 1))
        {
            return;
        }

        Parallel.For(0, Samples, options, sample =>
        {
            fixed (float* row = new float[factors.Length], divisors = factors)
            {
                for (var token = 0; token < Tokens; token++)
                {
                    Divide(Sample(sample) + ((long)token * factors.Length), divisors, factors.Length, row);
                }
            }
        });
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Divide(Half* values, float* divisors, int count, float* row)
    {
        Float16Lanes.Load(values, row, count);
        var i = 0;
        for (; i <= count - Vector256<float>.Count; i += Vector256<float>.Count)
        {
            (Vector256.Load(row + i) / Vector256.Load(divisors + i)).Store(row + i);
        }

        for (; i < count; i++)
        {
            row[i] /= divisors[i];
        }

        Float16Lanes.RoundSingle(row, values, count);
    }

    public void CopyFrom(HiddenStates other) => NativeMemory.Copy(other._memory, _memory, (nuint)ByteCount);

    public HiddenStates Clone()
    {
        var copy = new HiddenStates(Samples, Tokens, Channels);
        copy.CopyFrom(this);
        return copy;
    }

    /// <summary>Looks the tokens up in the embedding.</summary>
    public static HiddenStates Embed(ITensorSource source, ModelConfiguration configuration, IReadOnlyList<int[]> samples)
    {
        using var rows = new EmbeddingRows(source, configuration, samples);
        var states = new HiddenStates(samples.Count, samples[0].Length, configuration.HiddenSize);
        rows.CopyTo(samples, states._memory);
        return states;
    }

    public void WriteTo(ILayerPart part)
    {
        for (long offset = 0; offset < ByteCount; offset += Piece)
        {
            part.Write(new ReadOnlySpan<byte>((byte*)_memory + offset, (int)Math.Min(Piece, ByteCount - offset)));
        }
    }

    public void ReadFrom(Stream content)
    {
        for (long offset = 0; offset < ByteCount; offset += Piece)
        {
            content.ReadExactly(new Span<byte>((byte*)_memory + offset, (int)Math.Min(Piece, ByteCount - offset)));
        }
    }

    public void Dispose() => NativeMemory.AlignedFree(_memory);
}
