using System.Globalization;
using System.Text;
using System.Text.Json;

namespace LayerCake.Text;

/// <summary>What tokenizer_config.json, special_tokens_map.json and added_tokens.json of a model folder say; each may be missing.</summary>
internal sealed record SpecialTokenSettings
{
    private const string ConfigName = "tokenizer_config.json";
    private const string MapName = "special_tokens_map.json";
    private const string AddedName = "added_tokens.json";

    public bool AddsBos { get; private init; } = true;

    public bool AddsEos { get; private init; }

    public IReadOnlyList<AddedToken> AddedTokens { get; private init; } = [];

    private string Folder { get; init; } = string.Empty;

    private NamedToken Bos { get; init; }

    private NamedToken Eos { get; init; }

    /// <exception cref="TokenizerException">A file is not JSON, or a value has a wrong type.</exception>
    public static SpecialTokenSettings Read(string folder)
    {
        var config = ReadObject(folder, ConfigName);
        var map = ReadObject(folder, MapName);
        var added = new SortedDictionary<int, AddedToken>();
        AddFrom(ReadObject(folder, AddedName), Path.Combine(folder, AddedName), added);
        AddFromDecoder(config, Path.Combine(folder, ConfigName), added);

        return new SpecialTokenSettings
        {
            Folder = folder,
            AddsBos = Flag(config, "add_bos_token", Path.Combine(folder, ConfigName)) ?? true,
            AddsEos = Flag(config, "add_eos_token", Path.Combine(folder, ConfigName)) ?? false,
            AddedTokens = [.. added.Values],
            Bos = Token(config, "bos_token", Path.Combine(folder, ConfigName)).Or(Token(map, "bos_token", Path.Combine(folder, MapName))),
            Eos = Token(config, "eos_token", Path.Combine(folder, ConfigName)).Or(Token(map, "eos_token", Path.Combine(folder, MapName))),
        };
    }

    public int BosIdOr(SentencePieceTokenizer tokenizer) => IdOf(Bos, tokenizer, "bos_token", tokenizer.BosId);

    public int EosIdOr(SentencePieceTokenizer tokenizer) => IdOf(Eos, tokenizer, "eos_token", tokenizer.EosId);

    private static JsonElement? ReadObject(string folder, string name)
    {
        string path = Path.Combine(folder, name);
        if (!File.Exists(path))
        {
            return null;
        }

        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(path).AsMemory().TrimStart("\uFEFF"u8));
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? document.RootElement.Clone()
                : throw new TokenizerException($"{path}: the file is not a JSON object. Download it again.");
        }
        catch (JsonException exception)
        {
            throw new TokenizerException(
                string.Create(CultureInfo.InvariantCulture, $"{path}:{(exception.LineNumber ?? 0) + 1}: not valid JSON. Download the file again."),
                exception);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new TokenizerException($"{path}: the file cannot be read: {exception.Message}", exception);
        }
    }

    private static bool? Flag(JsonElement? config, string key, string path)
    {
        if (config is not { } root || !root.TryGetProperty(key, out var value) || value.ValueKind == JsonValueKind.Null)
        {
            return null;
        }

        return value.ValueKind is JsonValueKind.True or JsonValueKind.False
            ? value.GetBoolean()
            : throw new TokenizerException($"{path}: \"{key}\" is neither true nor false.");
    }

    /// <summary>A token by name: a string, an object with a "content" string, or null for none.</summary>
    private static NamedToken Token(JsonElement? file, string key, string path)
    {
        if (file is not { } root || !root.TryGetProperty(key, out var value))
        {
            return default;
        }

        if (value.ValueKind == JsonValueKind.Null)
        {
            return new NamedToken(IsSaid: true, Content: null);
        }

        var content = value.ValueKind == JsonValueKind.Object && value.TryGetProperty("content", out var inner) ? inner : value;
        return new NamedToken(IsSaid: true, StringOf(content, $"{path}: \"{key}\""));
    }

    private static void AddFrom(JsonElement? file, string path, SortedDictionary<int, AddedToken> added)
    {
        if (file is not { } root)
        {
            return;
        }

        foreach (var token in root.EnumerateObject())
        {
            if (token.Value.ValueKind != JsonValueKind.Number || !token.Value.TryGetInt32(out int id) || id < 0)
            {
                throw new TokenizerException($"{path}: \"{NameOf(token, path)}\" has no token id.");
            }

            added[id] = new AddedToken(id, NameOf(token, path), IsSpecial: false);
        }
    }

    private static void AddFromDecoder(JsonElement? config, string path, SortedDictionary<int, AddedToken> added)
    {
        if (config is not { } root || !root.TryGetProperty("added_tokens_decoder", out var decoder))
        {
            return;
        }

        if (decoder.ValueKind != JsonValueKind.Object)
        {
            throw new TokenizerException($"{path}: \"added_tokens_decoder\" is not an object.");
        }

        foreach (var token in decoder.EnumerateObject())
        {
            string key = NameOf(token, path);
            if (!int.TryParse(key, NumberStyles.None, CultureInfo.InvariantCulture, out int id)
                || token.Value.ValueKind != JsonValueKind.Object
                || !token.Value.TryGetProperty("content", out var content))
            {
                throw new TokenizerException($"{path}: the entry \"{key}\" of \"added_tokens_decoder\" is not a token id with a \"content\".");
            }

            bool isSpecial = token.Value.TryGetProperty("special", out var special) && special.ValueKind == JsonValueKind.True;
            string text = StringOf(content, $"{path}: the content of added token {key}");
            added[id] = new AddedToken(id, text, isSpecial);
        }
    }

    private static string StringOf(JsonElement value, string what)
    {
        try
        {
            return value.ValueKind == JsonValueKind.String ? value.GetString()! : throw new TokenizerException($"{what} is not a string.");
        }
        catch (InvalidOperationException exception)
        {
            // A \u escape of half a surrogate pair.
            throw new TokenizerException($"{what} has an escape that is no Unicode character.", exception);
        }
    }

    private static string NameOf(JsonProperty property, string path)
    {
        try
        {
            return property.Name;
        }
        catch (InvalidOperationException exception)
        {
            throw new TokenizerException($"{path}: a name has an escape that is no Unicode character.", exception);
        }
    }

    private int IdOf(NamedToken token, SentencePieceTokenizer tokenizer, string key, int fromModel)
    {
        if (!token.IsSaid)
        {
            return fromModel;
        }

        if (token.Content is null)
        {
            return -1;
        }

        // Added tokens come before the pieces of the model, as in Transformers.
        var added = AddedTokens.FirstOrDefault(candidate => candidate.Content == token.Content);
        int id = added?.Id ?? tokenizer.PieceToId(token.Content);
        return id == tokenizer.UnknownId && tokenizer.IdToPiece(id) != token.Content
            ? throw new TokenizerException(
                $"{Folder}: the {key} \"{token.Content}\" of {ConfigName} or {MapName} is neither a piece of {TokenizerFolder.ModelFileName} nor an added token.")
            : id;
    }

    /// <summary>A token that a file names; said to be none when the content is null.</summary>
    private readonly record struct NamedToken(bool IsSaid, string? Content)
    {
        public NamedToken Or(NamedToken other) => IsSaid ? this : other;
    }
}
