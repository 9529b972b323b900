using System.Diagnostics.CodeAnalysis;

namespace LayerCake.Recipes;

/// <summary>Rules of the texts in a recipe: names, sources, files. Each has the same rule as patterns for the JSON schema.</summary>
internal static class RecipeTexts
{
    private const string HubPrefix = "hf:";
    private const string HubPart = "[A-Za-z0-9][A-Za-z0-9._-]{0,95}";

    // A path: no scheme, no '~' (nothing expands it), no backslash or control character, no space at an end.
    private const string PathPattern = @"(?![A-Za-z][A-Za-z0-9+.-]+:)(?![~ ])[^\\\u0000-\u001f\u007f]*[^ \\\u0000-\u001f\u007f]";

    // Folders that builds of the project itself use below artifacts.
    private static readonly string[] s_reserved = ["bin", "obj", "publish", "package"];

    private static readonly string[] s_namedSets = ["ptb", "c4", "wikitext2", "pileval"];

    public static readonly string[] NamePatterns =
    [
        "^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$",
        @"[^.]$",
        "^(?!([Bb][Ii][Nn]|[Oo][Bb][Jj]|[Pp][Uu][Bb][Ll][Ii][Ss][Hh]|[Pp][Aa][Cc][Kk][Aa][Gg][Ee])$)",
    ];

    public static readonly string[] SourcePatterns = [$"^({HubPrefix}{HubPart}/{HubPart}(@[A-Za-z0-9][A-Za-z0-9._/-]{{0,199}})?|{PathPattern})$"];

    public static readonly string[] DatasetPatterns = [$"^({string.Join('|', s_namedSets)}|(?=.*\\.(txt|jsonl)$){PathPattern})$"];

    public static readonly string BasePattern = $"^(?=.*\\.ya?ml$){PathPattern}$";

    public static bool ParseName(string text, [NotNullWhen(true)] out string? name, out string problem)
    {
        name = text;
        problem = "";
        if (!IsHubPart(text, 100))
        {
            problem = $"is '{Quoting.Clip(text)}'; it must be {TopFields.Name.Rule}";
        }
        else if (text.EndsWith('.'))
        {
            problem = $"is '{Quoting.Clip(text)}'; a folder name that ends with '.' cannot exist everywhere";
        }
        else if (s_reserved.Contains(text, StringComparer.OrdinalIgnoreCase))
        {
            problem = $"is '{text}', a folder that builds of LayerCake itself use; choose another";
        }

        return problem.Length == 0;
    }

    public static bool ParseSource(string text, [NotNullWhen(true)] out ModelSource? source, out string problem)
    {
        source = null;
        if (text.StartsWith(HubPrefix, StringComparison.Ordinal))
        {
            return ParseHub(text, out source, out problem);
        }

        if (!IsPath(text, out problem))
        {
            if (text.Contains("://", StringComparison.Ordinal))
            {
                problem = $"is '{Quoting.Clip(text)}'; addresses are not read: write hf:organization/name@revision for a model of the hub, or a folder";
            }

            return false;
        }

        source = new FolderSource(text);
        return true;
    }

    public static bool ParseDataset(string text, [NotNullWhen(true)] out CalibrationSource? dataset, out string problem)
    {
        dataset = null;
        problem = "";
        if (s_namedSets.Contains(text))
        {
            dataset = new NamedCalibrationSet(text);
            return true;
        }

        var jsonLines = text.EndsWith(".jsonl", StringComparison.Ordinal);
        if (!jsonLines && !text.EndsWith(".txt", StringComparison.Ordinal))
        {
            var near = NearName.Of(text, s_namedSets);
            problem = $"is '{Quoting.Clip(text)}'; it must be {CalibrateFields.Dataset.Rule}" + (near is null ? "" : $"; did you mean '{near}'?");
            return false;
        }

        if (!IsPath(text, out problem))
        {
            return false;
        }

        dataset = new CalibrationFile(text, jsonLines);
        return true;
    }

    private static bool ParseHub(string text, out ModelSource? source, out string problem)
    {
        source = null;
        var rest = text[HubPrefix.Length..];
        var at = rest.IndexOf('@');
        var revision = at < 0 ? null : rest[(at + 1)..];
        var parts = (at < 0 ? rest : rest[..at]).Split('/');
        if (parts.Length != 2 || !parts.All(part => IsHubPart(part, 96)) || (revision is not null && !IsRevision(revision)))
        {
            problem = $"is '{Quoting.Clip(text)}'; a model of the hub is written hf:organization/name@revision, "
                + "the revision a commit, tag or branch";
            return false;
        }

        source = new HubSource(parts[0], parts[1], revision);
        problem = "";
        return true;
    }

    public static bool IsPath(string text, out string problem)
    {
        problem = text switch
        {
            "" => "is an empty text",
            _ when text[0] == ' ' || text[^1] == ' ' => $"is '{Quoting.Clip(text)}', with a space at an end",
            _ when text[0] == '~' => $"is '{Quoting.Clip(text)}'; '~' is not expanded: write the whole path",
            _ when text.Contains('\\') => $"is '{Quoting.Clip(text)}'; write '/' between folders, which works everywhere",
            _ when text.Any(c => c is < ' ' or '\x7f') => $"is '{Quoting.Clip(text)}', with a control character in it",
            _ when HasScheme(text) => $"is '{Quoting.Clip(text)}'; only files and folders of this machine are read",
            _ => "",
        };
        return problem.Length == 0;
    }

    // Two letters at least, so that the drive of "C:/models" is none.
    private static bool HasScheme(string text)
    {
        var colon = text.IndexOf(':');
        return colon >= 2 && char.IsAsciiLetter(text[0]) && text[..colon].All(c => char.IsAsciiLetterOrDigit(c) || c is '+' or '.' or '-');
    }

    private static bool IsHubPart(string text, int longest) => text.Length >= 1 && text.Length <= longest && char.IsAsciiLetterOrDigit(text[0])
        && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-');

    private static bool IsRevision(string text) => text.Length is >= 1 and <= 200 && char.IsAsciiLetterOrDigit(text[0])
        && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-' or '/');
}
