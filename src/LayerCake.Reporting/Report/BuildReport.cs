using System.Text;

namespace LayerCake.Reporting;

/// <summary>
/// The report of a build as one HTML file: nothing of it is fetched, no script runs in it, and all that comes from a recipe, a log or a file is escaped.
/// </summary>
public static class BuildReport
{
    /// <summary>Where the report of a recipe lies: beside its package, since a package holds nothing of the run that made it.</summary>
    public static string PathFor(string packageFolder) => packageFolder + ".report.html";

    /// <summary>The page's text. The same data give the same bytes.</summary>
    public static string Render(BuildReportData data) => ReportPage.Render(data);

    /// <summary>Writes the page: whole, or what was there stays.</summary>
    /// <exception cref="ReportingException">It cannot be written.</exception>
    public static void Write(string path, BuildReportData data)
    {
        var full = Path.GetFullPath(path);
        var temporary = Path.Combine(Path.GetDirectoryName(full)!, $".{Path.GetFileName(full)}.{Environment.ProcessId}");
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(full)!);
            using (var stream = new FileStream(temporary, FileMode.Create, FileAccess.Write, FileShare.None))
            {
                stream.Write(new UTF8Encoding(encoderShouldEmitUTF8Identifier: false).GetBytes(Render(data)));
                stream.Flush(flushToDisk: true);
            }

            File.Move(temporary, full, overwrite: true);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            if (File.Exists(temporary))
            {
                File.Delete(temporary);
            }

            throw new ReportingException($"the report {path} cannot be written: {exception.Message.TrimEnd('.')}; choose another place", exception);
        }
    }
}
