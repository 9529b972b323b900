using System.Text.Json;

namespace LayerCake.Recipes;

/// <summary>One of a few words.</summary>
internal sealed class ChoiceField<T> : RecipeField<T>
    where T : notnull
{
    private readonly (string Word, T Value)[] _choices;

    public ChoiceField(string section, string name, string description, (string Word, T Value)[] choices)
        : base(section, name, description) => _choices = choices;

    public ChoiceField(string section, string name, string description, (string Word, T Value)[] choices, T @default)
        : base(section, name, description, @default) => _choices = choices;

    /// <summary>Words that are understood and cannot be had, each with the reason that ends the message.</summary>
    public (string Word, string Reason)[] Refused { get; init; } = [];

    /// <summary>The words that some engine of this project can take; the others are read, and refused by a rule with its reason.</summary>
    public IReadOnlyList<string>? Offered { get; init; }

    /// <summary>What the words are, for a list too long to print in every message.</summary>
    public string? Noun { get; init; }

    public override string Wanted => Noun ?? (Words.Count == 1 ? Words[0] : $"one of {string.Join(", ", Words)}");

    private IReadOnlyList<string> Words => Offered ?? [.. _choices.Select(choice => choice.Word)];

    internal override string Format(T value)
    {
        foreach (var choice in _choices)
        {
            if (EqualityComparer<T>.Default.Equals(choice.Value, value))
            {
                return choice.Word;
            }
        }

        throw new ArgumentOutOfRangeException(nameof(value), value, $"{Path} has no word for it.");
    }

    internal override bool TryRead(ScalarNode scalar, out T value, out string problem)
    {
        value = default!;
        if (!scalar.TryReadText(Wanted, out var text, out problem))
        {
            return false;
        }

        foreach (var choice in _choices)
        {
            if (choice.Word == text)
            {
                value = choice.Value;
                return true;
            }
        }

        foreach (var (word, reason) in Refused)
        {
            if (word == text)
            {
                problem = $"is {word}: {reason}";
                return false;
            }
        }

        var near = NearName.Of(text, Words);
        problem = $"is '{Quoting.Clip(text)}'; it must be {Wanted}"
            + (near is not null ? $"; did you mean '{near}'?" : Noun is null ? "" : $". The names are {string.Join(", ", Words)}");
        return false;
    }

    internal override void WriteSchema(Utf8JsonWriter json, bool orNull)
    {
        WriteType(json, "string", orNull);
        json.WriteStartArray("enum");
        foreach (var word in Words)
        {
            json.WriteStringValue(word);
        }

        WriteNull(json, orNull);
        json.WriteEndArray();
        if (!IsRequired)
        {
            json.WriteString("default", Format(Default));
        }
    }
}
