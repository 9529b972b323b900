using System.Globalization;

namespace LayerCake.Reporting;

/// <summary>A comparison as people read it: why, then what, the largest error first.</summary>
public static class PackageDifferenceText
{
    private const int Shown = 20;

    /// <param name="output">Gets the text.</param>
    /// <param name="difference">The comparison.</param>
    /// <param name="all">All that differs, and the tensors that are equal; else the first twenty of each kind.</param>
    public static void Write(TextWriter output, PackageDifference difference, bool all)
    {
        output.WriteLine($"A  {difference.A}");
        output.WriteLine($"B  {difference.B}");
        output.WriteLine();
        WriteRecord(output, difference.Record);
        WriteTensors(output, difference, all);
        WriteValues(output, "KV scales", difference.KeyValueScales, all);
        WriteValues(output, "settings", difference.Settings, all);
        WriteFiles(output, difference.Files, all);
        output.WriteLine(difference.First is { } first ? Safe($"Different: {first}.") : $"Equal: {Number(difference.Tensors.Count, "tensor")} and all other files.");
    }

    private static void WriteRecord(TextWriter output, RecordDifference? record)
    {
        if (record is null)
        {
            return;
        }

        foreach (var line in record.Missing.Concat(record.Story))
        {
            output.WriteLine(Safe(line));
        }

        if (record.Steps.Any(step => step.KeyDiffers || step.OutputDiffers))
        {
            output.WriteLine();
            output.WriteLine("  step        key A         key B         output   by itself");
            foreach (var step in record.Steps)
            {
                var reasons = step.OwnReasons.Count > 0 ? string.Join(", ", step.OwnReasons) : step.ChangedBefore.Count > 0 ? $"no; after {string.Join(", ", step.ChangedBefore)}" : "";
                output.WriteLine(Safe($"  {step.Step,-11} {step.A?.Short ?? "-",-12}  {step.B?.Short ?? "-",-12}  {(step.OutputDiffers ? "differs" : "same"),-7}  {reasons}").TrimEnd());
            }
        }

        if (record.Missing.Count + record.Story.Count > 0 || record.Steps.Count > 0)
        {
            output.WriteLine();
        }
    }

    private static void WriteTensors(TextWriter output, PackageDifference difference, bool all)
    {
        var differing = difference.DifferingTensors.ToList();
        if (differing.Count == 0 && !all)
        {
            return;
        }

        var rows = (all ? differing : differing.Take(Shown)).ToList();
        var names = Math.Max(6, rows.Select(row => Safe(row.Name).Length).DefaultIfEmpty().Max());
        output.WriteLine($"{Number(differing.Count, "tensor")} of {difference.Tensors.Count} differ{(differing.Count == 1 ? "s" : "")}.");
        if (rows.Count > 0)
        {
            output.WriteLine();
            output.WriteLine($"  {"tensor".PadRight(names)}  {"differ",-26}  {"scales",8}  {"max abs",9}  {"rel RMS",9}  cause");
        }

        foreach (var row in rows)
        {
            var (what, scales, error, rms) = row.Change switch
            {
                TensorChange.OnlyInA => ($"in A only: {row.A}", "", "", ""),
                TensorChange.OnlyInB => ($"in B only: {row.B}", "", "", ""),
                TensorChange.Shape => ($"{row.A} → {row.B}", "", "", ""),
                _ => (Counts(row), row.IsPacked ? Numbers.Count(row.ScalesDiffering) : "", Numbers.Short(row.MaxAbsolute), Numbers.Short(row.RelativeRms)),
            };
            output.WriteLine(Safe($"  {row.Name.PadRight(names)}  {what,-26}  {scales,8}  {error,9}  {rms,9}  {row.Cause?.Text}").TrimEnd());
        }

        WriteRest(output, differing.Count - rows.Count);
        if (all)
        {
            foreach (var tensor in difference.Tensors.Where(tensor => !tensor.Differs))
            {
                output.WriteLine(Safe($"  {tensor.Name.PadRight(names)}  equal"));
            }
        }

        output.WriteLine();
    }

    private static string Counts(TensorDifference row)
    {
        var share = row.Elements == 0 ? 0 : 100.0 * row.Differing / row.Elements;
        return string.Create(CultureInfo.InvariantCulture, $"{row.Differing:N0} {(row.IsPacked ? "codes" : "elements")} ({Percent(share)})");
    }

    private static string Percent(double share) => share switch
    {
        0 => "0 %",
        < 0.1 => "< 0.1 %",
        _ => string.Create(CultureInfo.InvariantCulture, $"{share:0.#} %"),
    };

    private static void WriteValues(TextWriter output, string what, IReadOnlyList<ValueDifference> values, bool all)
    {
        if (values.Count == 0)
        {
            return;
        }

        output.WriteLine($"{values.Count} {what} differ.");
        output.WriteLine();
        var rows = values.Take(all ? int.MaxValue : Shown).ToList();
        var names = rows.Max(row => Safe(row.Name).Length);
        foreach (var row in rows)
        {
            output.WriteLine(Safe($"  {row.Name.PadRight(names)}  {row.A ?? "(none)"} → {row.B ?? "(none)"}  {row.Cause?.Text}").TrimEnd());
        }

        WriteRest(output, values.Count - rows.Count);
        output.WriteLine();
    }

    private static void WriteFiles(TextWriter output, IReadOnlyList<FileDifference> files, bool all)
    {
        if (files.Count == 0)
        {
            return;
        }

        output.WriteLine($"{Number(files.Count, "other file")} differ{(files.Count == 1 ? "s" : "")}.");
        output.WriteLine();
        var rows = files.OrderBy(file => file.IsRecord).Take(all ? int.MaxValue : Shown).ToList();
        var names = rows.Max(row => Safe(row.Path).Length);
        foreach (var row in rows)
        {
            var cause = row.IsRecord ? "tells of the rest" : row.Cause?.Text;
            output.WriteLine(Safe($"  {row.Path.PadRight(names)}  {Short(row.A)} → {Short(row.B)}  {cause}").TrimEnd());
        }

        WriteRest(output, files.Count - rows.Count);
        output.WriteLine();
    }

    private static void WriteRest(TextWriter output, int count)
    {
        if (count > 0)
        {
            output.WriteLine($"  and {Numbers.Count(count)} more (--all shows them)");
        }
    }

    private static string Short(string? digest) => digest is null ? "(none)" : digest.Length == 64 ? digest[..12] : digest;

    private static string Number(int count, string what) => $"{Numbers.Count(count)} {what}{(count == 1 ? "" : "s")}";

    // Names come from files of others; a terminal must not obey them.
    private static string Safe(string text) => string.Concat(text.Select(c => char.IsControl(c) ? '\uFFFD' : c));
}
