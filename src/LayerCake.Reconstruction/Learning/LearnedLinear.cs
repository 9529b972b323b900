using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace LayerCake.Reconstruction;

/// <summary>
/// One linear's codes and scales while they are learned: w' = (round(clamp(u, 0, 15)) − z) · f16(s · eᵃ), u [outputs, groups, group size], a [outputs, groups, 1].
/// Rounding passes gradients on as if it were not there (straight-through). Zero points stay.
/// </summary>
internal sealed class LearnedLinear : IDisposable
{
    private readonly SolvedLinear _solved;
    private readonly Tensor _scales;
    private readonly Tensor _zeros;

    /// <param name="solved">What was found so far.</param>
    public LearnedLinear(SolvedLinear solved, Device device)
    {
        using var scope = NewDisposeScope();
        _solved = solved;
        var codes = solved.Codes;
        var (outputs, inputs, groups) = (codes.Outputs, codes.Inputs, codes.Groups);
        var start = new float[(long)outputs * inputs];
        var scales = new float[outputs * groups];
        var zeros = new float[outputs * groups];
        for (var output = 0; output < outputs; output++)
        {
            for (var group = 0; group < groups; group++)
            {
                (scales[(output * groups) + group], zeros[(output * groups) + group]) = (codes.Scale(output, group), codes.Zero(output, group));
            }

            for (var input = 0; input < inputs; input++)
            {
                start[((long)output * inputs) + input] = codes.Code(output, input);
            }
        }

        _scales = tensor(scales, ScalarType.Float32).view(outputs, groups, 1).to(device).DetachFromDisposeScope();
        _zeros = tensor(zeros, ScalarType.Float32).view(outputs, groups, 1).to(device).DetachFromDisposeScope();
        Codes = LearnedLayer.Learn(tensor(start, ScalarType.Float32).view(outputs, groups, codes.GroupSize).to(device));
        LogScales = LearnedLayer.Learn(torch.zeros([outputs, groups, 1], ScalarType.Float32, device));
    }

    /// <summary>u.</summary>
    public Parameter Codes { get; }

    /// <summary>a.</summary>
    public Parameter LogScales { get; }

    /// <summary>w', [outputs, inputs] in float32.</summary>
    public Tensor Value()
    {
        var inside = Codes.clamp(0, 15);
        var code = inside + (inside.round() - inside).detach();
        var scale = _scales * LogScales.exp();
        scale = scale + (scale.to(ScalarType.Float16).to(ScalarType.Float32) - scale).detach();
        return ((code - _zeros) * scale).view(_solved.Codes.Outputs, _solved.Codes.Inputs);
    }

    /// <summary>Codes as bytes and scales in float16, as they are now.</summary>
    public (Tensor Codes, Tensor Scales) Snapshot()
    {
        using var scope = NewDisposeScope();
        var codes = Codes.detach().clamp(0, 15).round().to(ScalarType.Byte);
        var scales = (_scales * LogScales.detach().exp()).to(ScalarType.Float16);
        return (codes.MoveToOuterDisposeScope(), scales.MoveToOuterDisposeScope());
    }

    /// <summary>Writes what was learned into the codes that learning began with.</summary>
    /// <param name="weight">The float weight.</param>
    /// <returns>The linear with its weight error.</returns>
    public SolvedLinear Write(Tensor codes, Tensor scales, WeightPanels weight)
    {
        using var scope = NewDisposeScope();
        var to = _solved.Codes;
        var steps = scales.to(ScalarType.Float32).cpu().contiguous().data<float>().ToArray();
        var rows = codes.cpu().contiguous().data<byte>().ToArray();
        var (error, energy) = (0.0, 0.0);
        for (var output = 0; output < to.Outputs; output++)
        {
            for (var group = 0; group < to.Groups; group++)
            {
                to.Scale(output, group) = steps[(output * to.Groups) + group];
            }

            for (var input = 0; input < to.Inputs; input++)
            {
                var code = (float)rows[((long)output * to.Inputs) + input];
                var group = input / to.GroupSize;
                to.Code(output, input) = code;
                var wanted = (double)weight.At(output, input) * _solved.InputScales[input];
                var difference = ((code - to.Zero(output, group)) * to.Scale(output, group)) - wanted;
                error += difference * difference;
                energy += wanted * wanted;
            }
        }

        return _solved with { WeightError = energy > 0 ? error / energy : 0 };
    }

    public void Dispose()
    {
        Codes.Dispose();
        LogScales.Dispose();
        _scales.Dispose();
        _zeros.Dispose();
    }
}
