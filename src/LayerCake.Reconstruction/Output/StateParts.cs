using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using LayerCake.Quantization;

namespace LayerCake.Reconstruction;

/// <summary>
/// Where a run goes on after an interruption: the sensitivities so far and the hidden states after some layer (<c>states.N</c>). Those before are removed once
/// newer ones are durable. States beyond 64 MB are kept only as often as costs a thirtieth of the time.
/// </summary>
internal sealed class StateParts(ILayerParts? parts, long stateBytes)
{
    private const long SmallStates = 64L << 20;
    private const int Rarity = 30;
    private const int MostReportBytes = 64 << 20;

    private int _kept = -1;
    private long _keptAt;
    private TimeSpan _took;

    /// <summary>Finds the last layer after which an earlier run kept its states.</summary>
    /// <param name="layers">Layers of the model.</param>
    /// <param name="isFinished">Whether a layer itself was kept.</param>
    /// <param name="states">Gets the states.</param>
    /// <param name="sensitivities">What was kept of the layers before.</param>
    /// <returns>How many layers need not be computed.</returns>
    public int Restore(int layers, Func<int, bool> isFinished, IReadOnlyList<IKeptStates> states, out IReadOnlyList<Sensitivity> sensitivities)
    {
        var whole = 0;
        while (parts is not null && whole < layers && isFinished(whole))
        {
            whole++;
        }

        for (var finished = whole; finished > 0; finished--)
        {
            using var content = parts!.TryOpen(NameOf(finished - 1));
            if (content is not null && ReadReport(content) is { } report && content.Length - content.Position == stateBytes)
            {
                foreach (var state in states)
                {
                    state.ReadFrom(content);
                }

                _kept = finished - 1;
                sensitivities = report;
                return finished;
            }
        }

        sensitivities = [];
        return 0;
    }

    /// <summary>Keeps the states after a layer, if it is time.</summary>
    public void Keep(int layer, IReadOnlyList<IKeptStates> states, IReadOnlyList<Sensitivity> sensitivities)
    {
        if (parts is null || (stateBytes > SmallStates && _keptAt != 0 && Stopwatch.GetElapsedTime(_keptAt) < _took * Rarity))
        {
            return;
        }

        var started = Stopwatch.GetTimestamp();
        using (var part = parts.Begin(NameOf(layer)))
        {
            WriteReport(part, sensitivities);
            foreach (var state in states)
            {
                state.WriteTo(part);
            }

            part.Commit();
        }

        if (_kept >= 0)
        {
            parts.Remove(NameOf(_kept));
        }

        (_kept, _keptAt, _took) = (layer, Stopwatch.GetTimestamp(), Stopwatch.GetElapsedTime(started));
    }

    private static string NameOf(int layer) => string.Create(CultureInfo.InvariantCulture, $"states.{layer}");

    private static void WriteReport(ILayerPart part, IReadOnlyList<Sensitivity> sensitivities)
    {
        var text = new StringBuilder();
        foreach (var (linear, method, bits, error) in sensitivities)
        {
            text.Append(CultureInfo.InvariantCulture, $"{linear}\t{method}\t{bits}\t{error:R}\n");
        }

        var bytes = Encoding.UTF8.GetBytes(text.ToString());
        Span<byte> length = stackalloc byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(length, bytes.Length);
        part.Write(length);
        part.Write(bytes);
    }

    /// <summary>Null where it is not what <see cref="WriteReport"/> writes.</summary>
    private static List<Sensitivity>? ReadReport(Stream content)
    {
        Span<byte> length = stackalloc byte[sizeof(int)];
        if (content.ReadAtLeast(length, length.Length, throwOnEndOfStream: false) != length.Length
            || BinaryPrimitives.ReadInt32LittleEndian(length) is not (>= 0 and <= MostReportBytes and var count)
            || content.Length - content.Position < count)
        {
            return null;
        }

        var bytes = new byte[count];
        content.ReadExactly(bytes);
        var sensitivities = new List<Sensitivity>();
        foreach (var line in Encoding.UTF8.GetString(bytes).Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            if (line.Split('\t') is not [var linear, var method, var bitsText, var errorText]
                || !int.TryParse(bitsText, NumberStyles.None, CultureInfo.InvariantCulture, out var bits)
                || !double.TryParse(errorText, NumberStyles.Float, CultureInfo.InvariantCulture, out var error))
            {
                return null;
            }

            sensitivities.Add(new Sensitivity(linear, method, bits, error));
        }

        return sensitivities;
    }
}
