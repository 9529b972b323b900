using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Runtime.InteropServices;
using LayerCake.Checkpoints;

namespace LayerCake.Evaluation;

/// <summary>
/// An AWQ checkpoint as the float16 checkpoint that it stands for: in place of each linear's <c>qweight</c>, <c>qzeros</c> and <c>scales</c> there is a
/// <c>weight</c> [outputs, inputs], w = float16((q − z) · s), with s rounded to float16 as convert stores it. The inner source is owned.
/// </summary>
internal sealed class AwqTensorSource : ITensorSource
{
    private const string Codes = ".qweight";

    // Nibble p of a word, lowest first, is this column of its eight.
    private static ReadOnlySpan<int> ColumnOfNibble => [0, 2, 4, 6, 1, 3, 5, 7];

    private readonly ITensorSource _inner;
    private readonly Dictionary<string, TensorInfo> _weights = new(StringComparer.Ordinal);

    public AwqTensorSource(ITensorSource inner)
    {
        _inner = inner;
        var tensors = new List<TensorInfo>();
        foreach (var tensor in inner.Tensors)
        {
            if (tensor.Name.EndsWith(Codes, StringComparison.Ordinal))
            {
                var weight = WeightOf(tensor);
                _weights.Add(weight.Name, weight);
                tensors.Add(weight);
            }
            else if (!tensor.Name.EndsWith(".qzeros", StringComparison.Ordinal) && !tensor.Name.EndsWith(".scales", StringComparison.Ordinal))
            {
                tensors.Add(tensor);
            }
        }

        Tensors = tensors;
    }

    public string Path => _inner.Path;

    public IReadOnlyList<TensorInfo> Tensors { get; }

    /// <summary>Whether a source holds packed int4 weights.</summary>
    public static bool IsAwq(ITensorSource source) => source.Tensors.Any(tensor => tensor.Name.EndsWith(Codes, StringComparison.Ordinal));

    public bool TryFind(string name, [NotNullWhen(true)] out TensorInfo? tensor) => _weights.TryGetValue(name, out tensor) || _inner.TryFind(name, out tensor);

    public void Read(string name, long byteOffset, Span<byte> destination)
    {
        if (!_weights.TryGetValue(name, out var weight))
        {
            _inner.Read(name, byteOffset, destination);
            return;
        }

        if (byteOffset < 0 || byteOffset > weight.ByteCount - destination.Length)
        {
            throw new CheckpointException($"{Path}: bytes {byteOffset} to {byteOffset + destination.Length} were asked of tensor '{name}', which has {weight.ByteCount}.");
        }

        MemoryMarshal.AsBytes<Half>(Dequantize(weight)).Slice(checked((int)byteOffset), destination.Length).CopyTo(destination);
    }

    public void Dispose() => _inner.Dispose();

    private TensorInfo WeightOf(TensorInfo codes)
    {
        var name = codes.Name[..^Codes.Length];
        var zeros = _inner.Find(name + ".qzeros");
        var scales = _inner.Find(name + ".scales");
        var sound = codes is { DType: DType.I32, Shape.Length: 2 } && zeros is { DType: DType.I32, Shape.Length: 2 }
            && scales is { DType: DType.F16 or DType.F32, Shape.Length: 2 }
            && codes.Shape[1] * 8 == scales.Shape[1] && zeros.Shape[0] == scales.Shape[0] && zeros.Shape[1] == codes.Shape[1]
            && scales.Shape[0] > 0 && codes.Shape[0] % scales.Shape[0] == 0
            && 2 * codes.Shape[0] * scales.Shape[1] <= Array.MaxLength;
        return sound
            ? TensorInfo.Of(name + ".weight", DType.F16, scales.Shape[1], codes.Shape[0])
            : throw new EvaluationException(
                $"{Path}: {codes}, {zeros} and {scales} do not make one AWQ linear. int32 qweight [inputs, outputs / 8], int32 qzeros [groups, outputs / 8] and "
                + "float scales [groups, outputs] are read.");
    }

    private Half[] Dequantize(TensorInfo weight)
    {
        var name = weight.Name[..^".weight".Length];
        var (outputs, inputs) = ((int)weight.Shape[0], (int)weight.Shape[1]);
        var codes = Words(name + Codes);
        var zeros = Words(name + ".qzeros");
        var scales = Scales(name + ".scales");
        var groupSize = inputs / (scales.Length / outputs);
        var words = outputs / 8;
        var result = GC.AllocateUninitializedArray<Half>(outputs * inputs);
        Parallel.For(0, words, word =>
        {
            for (var nibble = 0; nibble < 8; nibble++)
            {
                var output = (8 * word) + ColumnOfNibble[nibble];
                var row = result.AsSpan(output * inputs, inputs);
                for (var group = 0; group * groupSize < inputs; group++)
                {
                    var zero = (int)(zeros[(group * words) + word] >> (4 * nibble)) & 15;
                    var scale = scales[(group * outputs) + output];
                    for (var input = group * groupSize; input < (group + 1) * groupSize; input++)
                    {
                        row[input] = (Half)(((int)((codes[(input * words) + word] >> (4 * nibble)) & 15) - zero) * scale);
                    }
                }
            }
        });
        return result;
    }

    private uint[] Words(string name)
    {
        var words = MemoryMarshal.Cast<byte, uint>(_inner.ReadAll(name)).ToArray();
        if (!BitConverter.IsLittleEndian)
        {
            BinaryPrimitives.ReverseEndianness(words, words);
        }

        return words;
    }

    /// <summary>The scales as float16 values.</summary>
    private float[] Scales(string name)
    {
        var bytes = _inner.ReadAll(name);
        var scales = _inner.Find(name).DType == DType.F16
            ? Array.ConvertAll(MemoryMarshal.Cast<byte, Half>(bytes).ToArray(), value => (float)value)
            : Array.ConvertAll(MemoryMarshal.Cast<byte, float>(bytes).ToArray(), value => (float)(Half)value);
        return Array.TrueForAll(scales, float.IsFinite)
            ? scales
            : throw new EvaluationException(string.Create(
                CultureInfo.InvariantCulture, $"{Path}: {name} holds infinities or NaN, or values beyond float16's range. Quantize the model again."));
    }
}
