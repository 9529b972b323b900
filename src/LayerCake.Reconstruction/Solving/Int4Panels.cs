using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using LayerCake.Kernels;

namespace LayerCake.Reconstruction;

/// <summary>
/// An int4 weight while it is being found, in the arrangement of <see cref="WeightPanels"/>: codes 0 to 15, and a float16 scale and an integer zero point for
/// every group of inputs of an output. Its value is (code − zero) · scale.
/// </summary>
internal sealed unsafe class Int4Panels : IDisposable
{
    private const int Width = WeightPanels.Width;

    private readonly FloatBuffer _codes;
    private readonly FloatBuffer _scales;
    private readonly FloatBuffer _zeros;

    public Int4Panels(int outputs, int inputs, int groupSize)
    {
        (Outputs, Inputs, GroupSize) = (outputs, inputs, groupSize);
        PanelCount = (outputs + Width - 1) / Width;
        _codes = new FloatBuffer((long)PanelCount * inputs * Width);
        _scales = new FloatBuffer((long)PanelCount * Groups * Width);
        _zeros = new FloatBuffer((long)PanelCount * Groups * Width);
    }

    public int Outputs { get; }

    public int Inputs { get; }

    public int GroupSize { get; }

    public int Groups => Inputs / GroupSize;

    public int PanelCount { get; }

    /// <summary>[input][32], whole numbers from 0 to 15.</summary>
    public float* Codes(int panel) => _codes.Pointer + ((long)panel * Inputs * Width);

    /// <summary>[32], float16 values, not negative.</summary>
    public float* Scales(int panel, int group) => _scales.Pointer + ((((long)panel * Groups) + group) * Width);

    /// <summary>[32], whole numbers from 0 to 15.</summary>
    public float* Zeros(int panel, int group) => _zeros.Pointer + ((((long)panel * Groups) + group) * Width);

    /// <summary>The code of one weight.</summary>
    public ref float Code(int output, int input) => ref Codes(output / Width)[((long)input * Width) + (output % Width)];

    /// <summary>The scale of one output's group.</summary>
    public ref float Scale(int output, int group) => ref Scales(output / Width, group)[output % Width];

    /// <summary>The zero point of one output's group.</summary>
    public ref float Zero(int output, int group) => ref Zeros(output / Width, group)[output % Width];

    /// <summary>The float16 values that the codes stand for.</summary>
    public WeightPanels Dequantize(int threads)
    {
        var weights = new WeightPanels(Outputs, Inputs);
        Parallel.For(0, PanelCount, new ParallelOptions { MaxDegreeOfParallelism = threads }, panel => Values(panel, weights.Panel(panel), rounded: true));
        return weights;
    }

    /// <summary>What a panel's codes stand for, [input][32].</summary>
    /// <param name="rounded">Whether to float16, as the engine's kernel has them, or exactly.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Values(int panel, float* to, bool rounded)
    {
        var codes = Codes(panel);
        for (var group = 0; group < Groups; group++)
        {
            for (var half = 0; half < Width; half += Float16Lanes.Width)
            {
                var (scale, zero) = (Vector512.Load(Scales(panel, group) + half), Vector512.Load(Zeros(panel, group) + half));
                for (long i = (long)group * GroupSize; i < ((long)group + 1) * GroupSize; i++)
                {
                    var value = (Vector512.Load(codes + (i * Width) + half) - zero) * scale;
                    (rounded ? Float16Lanes.Round(value) : value).Store(to + (i * Width) + half);
                }
            }
        }
    }

    public void Dispose()
    {
        _codes.Dispose();
        _scales.Dispose();
        _zeros.Dispose();
    }
}
