namespace LayerCake.Reconstruction;

/// <summary>How scales of input channels are folded into the norm that gives the input: what of them float16 lets through.</summary>
internal static class NormFolding
{
    /// <summary>The scales that a norm's divided and rounded weight really stands for: those are what linears must make up for.</summary>
    /// <param name="norm">The norm's weight, float16 values.</param>
    public static float[] Realize(ReadOnlySpan<float> norm, float[] wanted)
    {
        var real = new float[wanted.Length];
        for (var i = 0; i < real.Length; i++)
        {
            var divided = (float)(Half)(norm[i] / wanted[i]);
            real[i] = MathF.Abs(divided) >= LinearFolding.LeastNormal && float.IsFinite(divided) ? norm[i] / divided : 1;
        }

        return real;
    }

    /// <summary>Divides a norm's weight by realized scales.</summary>
    public static void Divide(Span<float> norm, float[] scales)
    {
        for (var i = 0; i < scales.Length; i++)
        {
            norm[i] = scales[i] == 1 ? norm[i] : (float)(Half)(norm[i] / scales[i]);
        }
    }
}
