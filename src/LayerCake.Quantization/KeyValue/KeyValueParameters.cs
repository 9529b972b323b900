using System.Buffers.Binary;
using System.Globalization;
using LayerCake.Checkpoints;

namespace LayerCake.Quantization;

/// <summary>
/// Scale and zero point of one layer's cached keys and values on one rank: q = round((x − zero point) / scale).
/// The zero point is a real number in units of x, and every number is a float16 value, as LMDeploy v0.1.0 computes them.
/// </summary>
public sealed record KeyValueParameters
{
    public required int Layer { get; init; }

    public required int Rank { get; init; }

    public required bool Symmetric { get; init; }

    public required float KeyScale { get; init; }

    public required float KeyZeroPoint { get; init; }

    public required float ValueScale { get; init; }

    public required float ValueZeroPoint { get; init; }

    /// <summary>The file the engine looks for, for example <c>layers.0.past_kv_scale.0.weight</c>.</summary>
    public string FileName => string.Create(CultureInfo.InvariantCulture, $"layers.{Layer}.past_kv_scale.{Rank}.weight");

    /// <summary>The line the original prints. The symmetric one shows no zero points.</summary>
    public string Line => Symmetric
        ? string.Create(CultureInfo.InvariantCulture, $"Layer {Layer} MP {Rank} qparam: {PythonFloat.Format(KeyScale)} \t{PythonFloat.Format(ValueScale)}")
        : string.Create(
            CultureInfo.InvariantCulture,
            $"Layer {Layer} MP {Rank} qparam: \t{PythonFloat.Format(KeyScale)} \t{PythonFloat.Format(KeyZeroPoint)} \t{PythonFloat.Format(ValueScale)} \t{PythonFloat.Format(ValueZeroPoint)}");

    /// <summary>
    /// The file's 16 bytes: key scale, key zero point, value scale, value zero point, float32 little-endian.
    /// Symmetric parameters too: the original writes 8 bytes for them, which the engine refuses.
    /// </summary>
    public byte[] ToBytes()
    {
        var bytes = new byte[16];
        BinaryPrimitives.WriteSingleLittleEndian(bytes, KeyScale);
        BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(4), KeyZeroPoint);
        BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(8), ValueScale);
        BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(12), ValueZeroPoint);
        return bytes;
    }

    /// <summary>Computes the parameters of all layers, layer by layer and within a layer rank by rank.</summary>
    /// <param name="keys">Statistics of the keys; the layer's number is its position, as in the original.</param>
    /// <param name="values">Statistics of the values, of the same layers.</param>
    /// <param name="options">What to compute.</param>
    /// <exception cref="QuantizationException">Heads that do not divide among the ranks, or statistics that give no usable scale.</exception>
    public static IReadOnlyList<KeyValueParameters> Compute(
        OrderedDictionary<string, KeyValueStatistics> keys,
        OrderedDictionary<string, KeyValueStatistics> values,
        KeyValueOptions options)
    {
        ArgumentNullException.ThrowIfNull(keys);
        ArgumentNullException.ThrowIfNull(values);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        if (keys.Count == 0 || !keys.Keys.SequenceEqual(values.Keys, StringComparer.Ordinal))
        {
            throw new QuantizationException(
                $"The key statistics hold {keys.Count} layers and the value statistics {values.Count}, or their names differ: they are not from one calibration. Run calibrate again.");
        }

        var parameters = new List<KeyValueParameters>();
        for (var layer = 0; layer < keys.Count; layer++)
        {
            var (name, key) = keys.GetAt(layer);
            var value = values[name];
            for (var rank = 0; rank < options.TensorParallel; rank++)
            {
                var (keyScale, keyZero) = Range(key, name, "key", rank, options);
                var (valueScale, valueZero) = Range(value, name, "value", rank, options);
                parameters.Add(new KeyValueParameters
                {
                    Layer = layer,
                    Rank = rank,
                    Symmetric = options.Symmetric,
                    KeyScale = keyScale,
                    KeyZeroPoint = keyZero,
                    ValueScale = valueScale,
                    ValueZeroPoint = valueZero,
                });
            }
        }

        return parameters;
    }

    /// <summary>Writes one file per layer and rank into an existing folder and hands every line to <paramref name="line"/> after its file.</summary>
    /// <exception cref="QuantizationException">The folder does not exist or cannot be written.</exception>
    public static void Write(string folder, IReadOnlyList<KeyValueParameters> parameters, Action<string>? line = null)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        if (!Directory.Exists(folder))
        {
            throw new QuantizationException($"The specified TurboMind directory does not exist: {folder}. Give the folder of the converted weights, for example workspace/triton_models/weights.");
        }

        foreach (var item in parameters)
        {
            // Beside its place first: a disk that is full must not cost the file that was there.
            var path = Path.Combine(folder, item.FileName);
            var temporary = string.Create(CultureInfo.InvariantCulture, $"{path}.{Environment.ProcessId}");
            try
            {
                File.WriteAllBytes(temporary, item.ToBytes());
                File.Move(temporary, path, overwrite: true);
            }
            catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
            {
                File.Delete(temporary);
                throw new QuantizationException($"{path} cannot be written: {failure.Message.TrimEnd('.')}. Free space there or choose another folder.", failure) { ConcernsOutput = true };
            }

            line?.Invoke(item.Line);
        }
    }

    private static (float Scale, float ZeroPoint) Range(KeyValueStatistics statistics, string layer, string what, int rank, KeyValueOptions options)
    {
        var ranks = options.TensorParallel;
        if (statistics.Heads % ranks != 0)
        {
            var possible = Enumerable.Range(1, statistics.Heads).Where(degree => statistics.Heads % degree == 0);
            throw new QuantizationException(
                $"{layer} has {statistics.Heads} {what} heads, which do not divide among {ranks} ranks; tensor-parallel degrees that do: {string.Join(", ", possible)}.");
        }

        var count = statistics.Heads / ranks * statistics.HeadDimension;
        var (first, where) = (rank * count, $"the {what} statistics of {layer}, rank {rank}");
        return options.Symmetric
            ? (SymmetricScale(statistics.AbsMax.AsSpan(first, count), where), 0)
            : AsymmetricScale(statistics.Min.AsSpan(first, count), statistics.Max.AsSpan(first, count), where);
    }

    /// <summary>Scalar float16 tensor arithmetic of the original: each operation is rounded to float16.</summary>
    private static (float Scale, float ZeroPoint) AsymmetricScale(ReadOnlySpan<Half> minima, ReadOnlySpan<Half> maxima, string where)
    {
        RequireFinite(minima, "min", where);
        RequireFinite(maxima, "max", where);
        var (min, max) = (Half.PositiveInfinity, Half.NegativeInfinity);
        foreach (var value in minima)
        {
            min = Half.Min(min, value);
        }

        foreach (var value in maxima)
        {
            max = Half.Max(max, value);
        }

        var range = (Half)((float)max - (float)min);
        var sum = (Half)((float)max + (float)min);
        return (RequireUsable((Half)((float)range / 255), $"a range from {PythonFloat.Format((float)min)} to {PythonFloat.Format((float)max)}", where), (float)(Half)((float)sum / 2));
    }

    private static float SymmetricScale(ReadOnlySpan<Half> magnitudes, string where)
    {
        RequireFinite(magnitudes, "absmax", where);
        var largest = Half.Zero;
        foreach (var value in magnitudes)
        {
            largest = Half.Max(largest, value);
        }

        return RequireUsable((Half)((float)largest / 127), $"a largest magnitude of {PythonFloat.Format((float)largest)}", where);
    }

    private static float RequireUsable(Half scale, string from, string where) => scale > Half.Zero && Half.IsFinite(scale)
        ? (float)scale
        : throw new QuantizationException(
            $"{Capitalized(where)} have {from}, which gives the scale {PythonFloat.Format((float)scale)}: no 8-bit cache can be made of it. Check the model and the calibration set.");

    private static void RequireFinite(ReadOnlySpan<Half> values, string statistic, string where)
    {
        foreach (var value in values)
        {
            if (!Half.IsFinite(value))
            {
                throw new QuantizationException(
                    $"{Capitalized(where)} hold {PythonFloat.Format((float)value)} in {statistic}: the calibration overflowed float16 or observed no sample. Check the model and run calibrate again.");
            }
        }
    }

    private static string Capitalized(string text) => string.Concat(text[..1].ToUpperInvariant(), text.AsSpan(1));
}
