using System.Globalization;
using System.Text.Json;
using LayerCake.Recipes;

namespace LayerCake.Building;

/// <summary>
/// The named fields of a key, kept so that they can be stored, shown and compared. It takes the same calls as <see cref="KeyHasher"/>, and its
/// <see cref="Key"/> is made by replaying them, so what is explained is what was hashed.
/// </summary>
public sealed class KeyDocument : IKeyWriter
{
    // A key holds a few levels; a record from outside may not make us recurse further.
    private const int MaxDepth = 32;

    // Values: string, long, bool or KeyDocument.
    private readonly SortedDictionary<string, object> _fields = new(StringComparer.Ordinal);

    /// <summary>The document of what <paramref name="write"/> writes.</summary>
    public static KeyDocument Of(Action<IKeyWriter> write)
    {
        var document = new KeyDocument();
        write(document);
        return document;
    }

    public StepKey Key
    {
        get
        {
            var hasher = new KeyHasher();
            WriteTo(hasher);
            return new StepKey(hasher.ToDigest());
        }
    }

    public void Add(string name, string value) => AddValue(name, value);

    public void Add(string name, long value) => AddValue(name, value);

    public void Add(string name, bool value) => AddValue(name, value);

    public void AddNested(string name, Action<IKeyWriter> write) => AddValue(name, Of(write));

    /// <summary>Writes all fields again, sorted by name.</summary>
    public void WriteTo(IKeyWriter writer)
    {
        foreach (var (name, value) in _fields)
        {
            switch (value)
            {
                case string text:
                    writer.Add(name, text);
                    break;
                case long number:
                    writer.Add(name, number);
                    break;
                case bool flag:
                    writer.Add(name, flag);
                    break;
                case KeyDocument group:
                    writer.AddNested(name, group.WriteTo);
                    break;
            }
        }
    }

    public void WriteJson(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        foreach (var (name, value) in _fields)
        {
            json.WritePropertyName(name);
            switch (value)
            {
                case string text:
                    json.WriteStringValue(text);
                    break;
                case long number:
                    json.WriteNumberValue(number);
                    break;
                case bool flag:
                    json.WriteBooleanValue(flag);
                    break;
                case KeyDocument group:
                    group.WriteJson(json);
                    break;
            }
        }

        json.WriteEndObject();
    }

    /// <exception cref="FormatException">The element holds something that a key cannot.</exception>
    public static KeyDocument FromJson(JsonElement element) => FromJson(element, 0);

    /// <summary>The fields that differ, sorted by name.</summary>
    public static IReadOnlyList<KeyDifference> Diff(KeyDocument old, KeyDocument @new)
    {
        var differences = new List<KeyDifference>();
        Diff("", old, @new, differences);
        return differences;
    }

    private static KeyDocument FromJson(JsonElement element, int depth)
    {
        if (element.ValueKind != JsonValueKind.Object || depth > MaxDepth)
        {
            throw new FormatException("A key document is an object of texts, integers, booleans and such objects.");
        }

        var document = new KeyDocument();
        foreach (var property in element.EnumerateObject())
        {
            object value = property.Value.ValueKind switch
            {
                JsonValueKind.String => property.Value.GetString()!,
                JsonValueKind.Number when property.Value.TryGetInt64(out var number) => number,
                JsonValueKind.True => true,
                JsonValueKind.False => false,
                JsonValueKind.Object => FromJson(property.Value, depth + 1),
                _ => throw new FormatException($"The field '{property.Name}' of a key document is neither text, integer, boolean nor group."),
            };
            if (!document._fields.TryAdd(property.Name, value))
            {
                throw new FormatException($"The field '{property.Name}' of a key document is there twice.");
            }
        }

        return document;
    }

    private static void Diff(string prefix, KeyDocument old, KeyDocument @new, List<KeyDifference> differences)
    {
        var names = new SortedSet<string>(old._fields.Keys, StringComparer.Ordinal);
        names.UnionWith(@new._fields.Keys);
        foreach (var name in names)
        {
            old._fields.TryGetValue(name, out var before);
            @new._fields.TryGetValue(name, out var after);
            if (before is KeyDocument || after is KeyDocument)
            {
                // A group against nothing or a value: every field of the group is new or gone.
                AddScalarDifference(prefix + name, before is KeyDocument ? null : before, after is KeyDocument ? null : after, differences);
                Diff(prefix + name + ".", before as KeyDocument ?? new KeyDocument(), after as KeyDocument ?? new KeyDocument(), differences);
            }
            else
            {
                AddScalarDifference(prefix + name, before, after, differences);
            }
        }
    }

    private static void AddScalarDifference(string field, object? before, object? after, List<KeyDifference> differences)
    {
        if (!Equals(before, after))
        {
            differences.Add(new KeyDifference(field, TextOf(before), TextOf(after)));
        }
    }

    private static string? TextOf(object? value) => value switch
    {
        null => null,
        string text => text,
        bool flag => flag ? "true" : "false",
        _ => ((long)value).ToString(CultureInfo.InvariantCulture),
    };

    private void AddValue(string name, object value)
    {
        if (!_fields.TryAdd(name, value))
        {
            throw new ArgumentException($"The field '{name}' is written twice.", nameof(name));
        }
    }
}
