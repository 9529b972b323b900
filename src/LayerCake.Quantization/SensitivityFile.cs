using System.Globalization;
using System.Text;

namespace LayerCake.Quantization;

/// <summary>
/// The error of what every linear gives, by method and bits, as a table beside a quantized checkpoint: a linear, a method, bits and an error a line. It shows which
/// linear hurts, and what more bits would help. Of the lines of a linear the last is how it was quantized. No reader of checkpoints takes the file for a part of one.
/// </summary>
public static class SensitivityFile
{
    public const string Name = "sensitivity.tsv";

    private const string Header = "linear\tmethod\tbits\trelative_output_error";

    // 80 layers of seven linears with five lines each take 150 kB.
    private const long MaxBytes = 64 << 20;

    /// <summary>Writes the file into a folder; the same errors give the same bytes.</summary>
    /// <exception cref="QuantizationException">It cannot be written.</exception>
    public static void Write(string folder, IReadOnlyList<Sensitivity> sensitivities)
    {
        ArgumentNullException.ThrowIfNull(sensitivities);
        var text = new StringBuilder(Header).Append('\n');
        foreach (var (linear, method, bits, error) in sensitivities)
        {
            text.Append(CultureInfo.InvariantCulture, $"{linear}\t{method}\t{bits}\t{error:G5}\n");
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

    /// <summary>Reads a file of <see cref="Write"/>.</summary>
    /// <exception cref="QuantizationException">It cannot be read, or it is no such file.</exception>
    public static IReadOnlyList<Sensitivity> Read(string path)
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

        if (lines is not [Header, ..])
        {
            throw new QuantizationException($"{path} is no table of sensitivities. Run auto_awq again.");
        }

        var sensitivities = new List<Sensitivity>();
        for (var i = 1; i < lines.Length; i++)
        {
            if (lines[i].Split('\t') is not [{ Length: > 0 } linear, { Length: > 0 } method, var bitsText, var errorText]
                || !int.TryParse(bitsText, NumberStyles.None, CultureInfo.InvariantCulture, out var bits) || bits is < 1 or > 16
                || !double.TryParse(errorText, NumberStyles.Float, CultureInfo.InvariantCulture, out var error) || !double.IsFinite(error) || error < 0)
            {
                throw new QuantizationException($"{path}, line {i + 1}: a linear, a method, bits and an error are expected. Run auto_awq again.");
            }

            sensitivities.Add(new Sensitivity(linear, method, bits, error));
        }

        return sensitivities;
    }
}
