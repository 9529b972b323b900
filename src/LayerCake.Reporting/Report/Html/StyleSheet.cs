using System.Security.Cryptography;
using System.Text;

namespace LayerCake.Reporting;

/// <summary>The page's one style sheet, and the policy that lets nothing else in: no script, no request, no other style.</summary>
internal static class StyleSheet
{
    public static string Text { get; } = Read();

    public static string Policy { get; } =
        $"default-src 'none'; style-src 'sha256-{Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(Text)))}'; base-uri 'none'; form-action 'none'";

    private static string Read()
    {
        using var stream = typeof(StyleSheet).Assembly.GetManifestResourceStream("report.css")!;
        using var reader = new StreamReader(stream, Encoding.UTF8);
        return reader.ReadToEnd();
    }
}
