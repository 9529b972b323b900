using System.Collections;
using System.Text.RegularExpressions;

namespace LayerCake.Building;

/// <summary>
/// Takes out of texts what a log that is passed on must not tell: where things lie on this machine, and secrets of its environment. Known folders become the
/// names people know them by, other absolute paths lose all but their last name.
/// </summary>
public sealed partial class EventText
{
    private const int ShortestSecret = 8;
    private const string Hidden = "***";

    private readonly (string Folder, string Name)[] _folders;
    private readonly string[] _secrets;

    private EventText(IEnumerable<KeyValuePair<string, string>> folders, IEnumerable<string> secrets)
    {
        // Of two folders, one inside the other, the inner one is the more telling.
        _folders = [.. folders.Where(pair => pair.Key.Length > 1).OrderByDescending(pair => pair.Key.Length).Select(pair => (pair.Key, pair.Value))];
        _secrets = [.. secrets.Where(secret => secret.Length >= ShortestSecret).Distinct().OrderByDescending(secret => secret.Length)];
    }

    /// <summary>Knows no folders and no secrets.</summary>
    public static EventText Plain { get; } = new([], []);

    /// <param name="folders">Full paths without a separator at the end, and what to call them; "" for the working folder, below which paths are relative.</param>
    /// <param name="environment">The environment; values of variables that are named like secrets are hidden.</param>
    public static EventText For(IEnumerable<KeyValuePair<string, string>> folders, IDictionary environment) => new(folders, SecretsOf(environment));

    public string Of(string text)
    {
        foreach (var secret in _secrets)
        {
            text = text.Replace(secret, Hidden, StringComparison.Ordinal);
        }

        if (text.AsSpan().IndexOfAny('/', '\\') < 0)
        {
            return text;
        }

        foreach (var (folder, name) in _folders)
        {
            text = ReplaceFolder(text, folder, name);
        }

        return AbsolutePath().Replace(text, "…/$1");
    }

    private static IEnumerable<string> SecretsOf(IDictionary environment)
    {
        foreach (DictionaryEntry entry in environment)
        {
            if (entry is { Key: string name, Value: string value } && SecretName().IsMatch(name))
            {
                yield return value;
            }
        }
    }

    private static string ReplaceFolder(string text, string folder, string name)
    {
        for (var at = text.IndexOf(folder, StringComparison.Ordinal); at >= 0; at = text.IndexOf(folder, at, StringComparison.Ordinal))
        {
            var end = at + folder.Length;
            var startsPath = at == 0 || !(char.IsLetterOrDigit(text[at - 1]) || text[at - 1] is '/' or '\\' or '.' or '_' or '-');
            var endsName = end == text.Length || !(char.IsLetterOrDigit(text[end]) || text[end] is '_' or '-' or '.');
            // A full stop may end the sentence.
            endsName |= end < text.Length && text[end] == '.' && (end + 1 == text.Length || text[end + 1] == ' ');
            if (!startsPath || !endsName)
            {
                at = end;
                continue;
            }

            var below = end < text.Length && text[end] is '/' or '\\';
            var shown = name.Length > 0 ? name : below ? "" : ".";
            var rest = below && shown.Length == 0 ? end + 1 : end;
            text = string.Concat(text.AsSpan(0, at), shown, text.AsSpan(rest));
            at += shown.Length;
        }

        return text;
    }

    [GeneratedRegex("TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIAL|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY|SIGNING_?KEY", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex SecretName();

    // A root, at least one folder, and the name: not what follows a scheme (https://...), not "and/or", not a relative path.
    [GeneratedRegex(@"(?<![\w/\\.:~…-])(?:/|[A-Za-z]:[\\/])(?:[^\\/\s'""():;,<>|]+[\\/])+([^\\/\s'""():;,<>|]*)", RegexOptions.CultureInvariant)]
    private static partial Regex AbsolutePath();
}
