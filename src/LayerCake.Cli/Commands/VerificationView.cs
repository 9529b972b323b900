using System.Globalization;
using System.Text.Json;
using LayerCake.Provenance;

namespace LayerCake.Cli.Commands;

/// <summary>What <c>layercake verify</c> prints.</summary>
/// <param name="report">What was found.</param>
/// <param name="key">The key that was given, if one was.</param>
internal sealed class VerificationView(VerificationReport report, VerificationKey? key)
{
    public void Print(TextWriter output)
    {
        output.WriteLine($"{report.Package}: {(report.IsSound ? "sound" : "REFUSED")}");
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  files      {report.FileCount} of {report.Bytes:N0} bytes, together sha256 {report.Digest}"));
        if (report.Recipe is { } recipe)
        {
            output.WriteLine($"  recipe     {Safe(recipe)}");
        }

        foreach (var (name, digest) in report.Materials.Where(material => !material.Name.Contains('/')))
        {
            output.WriteLine($"  {Safe(name),-9}  sha256 {digest}{(name == Material.Model && report.Revision is { } commit ? $", revision {Safe(commit)}" : "")}");
        }

        output.WriteLine($"  checked    {(report.Checked.Count == 0 ? "nothing could be" : string.Join(", ", report.Checked))}");
        output.WriteLine($"  signature  {Signature}");
        foreach (var note in report.Notes)
        {
            output.WriteLine($"  note       {note}");
        }

        foreach (var finding in report.Findings)
        {
            output.WriteLine($"fault: {finding}");
        }

        if (!report.IsSound)
        {
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{report.Findings.Count} fault{(report.Findings.Count == 1 ? "" : "s")}: do not use this package."));
        }
    }

    /// <summary>
    /// <c>{ "format": 1, "package", "sound", "files", "bytes", "sha256", "recipe", "materials": [ { "name", "sha256" } ], "revision", "checked": [], "signature",
    /// "key", "notes": [], "findings": [ { "kind", "path", "message", "expected", "actual", "witnesses": [] } ] }</c>; members are only ever added.
    /// </summary>
    public void WriteJson(Stream stream)
    {
        using var json = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true, NewLine = "\n" });
        json.WriteStartObject();
        json.WriteNumber("format", 1);
        json.WriteString("package", report.Package);
        json.WriteBoolean("sound", report.IsSound);
        json.WriteNumber("files", report.FileCount);
        json.WriteNumber("bytes", report.Bytes);
        json.WriteString("sha256", report.Digest);
        json.WriteString("recipe", report.Recipe);
        json.WriteStartArray("materials");
        foreach (var (name, digest) in report.Materials)
        {
            json.WriteStartObject();
            json.WriteString("name", name);
            json.WriteString("sha256", digest);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteString("revision", report.Revision);
        WriteTexts(json, "checked", report.Checked);
        json.WriteString("signature", report.Signature switch
        {
            SignatureState.None => "none",
            SignatureState.NotChecked => "not checked",
            SignatureState.Verified => "verified",
            _ => "refused",
        });
        json.WriteString("key", key?.Hint);
        WriteTexts(json, "notes", report.Notes);
        json.WriteStartArray("findings");
        foreach (var finding in report.Findings)
        {
            Write(json, finding);
        }

        json.WriteEndArray();
        json.WriteEndObject();
        json.Flush();
        stream.WriteByte((byte)'\n');
    }

    private string Signature => report.Signature switch
    {
        SignatureState.None => "none: this is integrity only, not who made it",
        SignatureState.NotChecked => "there, not checked: give --key FILE; this is integrity only, not who made it",
        SignatureState.Verified => $"verified: made with the key {key!.Hint} ({key.Curve})",
        _ => $"REFUSED for the key {key!.Hint} ({key.Curve})",
    };

    private static void Write(Utf8JsonWriter json, VerificationFinding finding)
    {
        json.WriteStartObject();
        json.WriteString("kind", finding.Kind.ToString().ToLowerInvariant());
        json.WriteString("path", finding.Path);
        json.WriteString("message", finding.Message);
        json.WriteString("expected", finding.Expected);
        json.WriteString("actual", finding.Actual);
        WriteTexts(json, "witnesses", finding.Witnesses);
        json.WriteEndObject();
    }

    private static void WriteTexts(Utf8JsonWriter json, string name, IReadOnlyList<string> texts)
    {
        json.WriteStartArray(name);
        foreach (var text in texts)
        {
            json.WriteStringValue(text);
        }

        json.WriteEndArray();
    }

    /// <summary>A text of the package's, with what a terminal would act on replaced.</summary>
    private static string Safe(string text) => string.Concat(text.Select(c => char.IsControl(c) ? '\uFFFD' : c));
}
