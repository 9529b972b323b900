using System.Globalization;
using System.Text;

namespace LayerCake.Quantization;

/// <summary>
/// How much each linear lost by going to 4 bits, as a table beside a quantized checkpoint: a name and √(Σ(w' − w)² / Σw²) a line, w being the smoothed weight and
/// w' what its codes stand for. No reader of checkpoints takes the file for a part of one.
/// </summary>
public static class WeightErrorFile
{
    public const string Name = "weight_errors.tsv";

    private const string Header = "linear\trelative_rms_error";

    // 32 layers of seven linears take 16 kB.
    private const long MaxBytes = 16 << 20;

    /// <summary>Writes the file into a folder; the same errors give the same bytes.</summary>
    /// <exception cref="QuantizationException">It cannot be written.</exception>
    public static void Write(string folder, IReadOnlyList<LinearError> linears)
    {
        ArgumentNullException.ThrowIfNull(linears);
        var text = new StringBuilder(Header).Append('\n');
        foreach (var linear in linears)
        {
            text.Append(CultureInfo.InvariantCulture, $"{linear.Name}\t{Math.Sqrt(linear.RelativeError):G6}\n");
        }

        var path = Path.Combine(folder, Name);
        try
        {
            File.WriteAllText(path, text.ToString());
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new QuantizationException($"{path} cannot be written: {failure.Message.TrimEnd('.')}. Free space there or choose another folder.", failure) { ConcernsOutput = true };
        }
    }

    /// <summary>Reads a file of <see cref="Write"/>: names and relative root mean square errors, in the order of the layers.</summary>
    /// <exception cref="QuantizationException">It cannot be read, or it is no such file.</exception>
    public static IReadOnlyList<KeyValuePair<string, double>> Read(string path)
    {
        string[] lines;
        try
        {
            lines = new FileInfo(path).Length <= MaxBytes ? File.ReadAllLines(path) : [];
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new QuantizationException($"{path} cannot be read: {failure.Message.TrimEnd('.')}. Run auto_awq again.", failure);
        }

        var errors = new List<KeyValuePair<string, double>>();
        for (var i = 1; i < lines.Length && lines[0] == Header; i++)
        {
            if (lines[i].Split('\t') is not [{ Length: > 0 } name, var text]
                || !double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var error) || !double.IsFinite(error) || error < 0)
            {
                throw new QuantizationException($"{path}, line {i + 1}: a name and an error are expected. Run auto_awq again.");
            }

            errors.Add(KeyValuePair.Create(name, error));
        }

        return lines is [Header, ..] ? errors : throw new QuantizationException($"{path} is no table of weight errors. Run auto_awq again.");
    }
}
