using System.Collections.Immutable;
using System.Globalization;

namespace LayerCake.TurboMind;

/// <summary>The keys of one ini section while they are taken out one by one; what is left at the end is unknown.</summary>
internal sealed class EngineConfigurationValues(string path, string section)
{
    private readonly Dictionary<string, (string Value, int Line)> _values = new(StringComparer.Ordinal);

    public void Load(string text)
    {
        var inSection = false;
        var number = 0;
        foreach (var raw in text.Split('\n'))
        {
            number++;
            var line = raw.Trim();
            if (line.Length == 0 || line[0] is '#' or ';')
            {
                continue;
            }

            if (line[0] == '[')
            {
                if (line != $"[{section}]" || inSection)
                {
                    throw Fault(number, $"'{Shown(line)}' where only one section [{section}] is expected");
                }

                inSection = true;
                continue;
            }

            var separator = line.AsSpan().IndexOfAny('=', ':');
            if (!inSection || separator <= 0)
            {
                throw Fault(number, $"'{Shown(line)}' is not 'key = value' in section [{section}]");
            }

            var key = line[..separator].TrimEnd();
            if (!_values.TryAdd(key, (line[(separator + 1)..].Trim(), number)))
            {
                throw Fault(number, $"key '{Shown(key)}' is given twice (first in line {_values[key].Line})");
            }
        }

        if (!inSection)
        {
            throw new WorkspaceException($"{path} has no section [{section}]: not a TurboMind config.ini");
        }
    }

    public string Required(string key) => Take(key) is { Value.Length: > 0 } found
        ? found.Value
        : throw new WorkspaceException($"{path} lacks a value for '{key}', without which the engine does not start");

    public int RequiredInteger(string key, int least, int most)
    {
        if (!_values.ContainsKey(key))
        {
            Required(key);
        }

        return IntegerOr(key, 0, least, most);
    }

    public int IntegerOr(string key, int otherwise, int least, int most)
    {
        if (Take(key) is not { } found)
        {
            return otherwise;
        }

        // The engine's reader takes decimal and 0x numbers.
        var hexadecimal = found.Value.StartsWith("0x", StringComparison.OrdinalIgnoreCase);
        var parsed = hexadecimal
            ? int.TryParse(found.Value.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value)
            : int.TryParse(found.Value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out value);
        return parsed && value >= least && value <= most
            ? value
            : throw Fault(found.Line, $"{key} = '{Shown(found.Value)}' is not an integer from {least} to {most}");
    }

    public PythonNumber RequiredNumber(string key)
    {
        var text = _values.TryGetValue(key, out var found) ? found.Value : "";
        Required(key);
        return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && double.IsFinite(value)
            ? PythonNumber.Parse(text)
            : throw Fault(found.Line, $"{key} = '{Shown(text)}' is not a number");
    }

    public double NumberOr(string key, double otherwise) => _values.ContainsKey(key) ? RequiredNumber(key).Value : otherwise;

    public WeightType RequiredWeightType(string key)
    {
        var line = _values.TryGetValue(key, out var found) ? found.Line : 0;
        return Required(key) switch
        {
            "fp16" => WeightType.Float16,
            "bf16" => WeightType.BFloat16,
            "int4" => WeightType.Int4,
            var other => throw Fault(line, $"{key} = '{Shown(other)}' is none of fp16, bf16, int4"),
        };
    }

    public ImmutableArray<KeyValuePair<string, string>> TakeOthers(IReadOnlyList<string> keys) =>
        [.. keys.Select(key => (Key: key, Found: Take(key)))
            .Where(pair => pair.Found is not null)
            .OrderBy(pair => pair.Found!.Value.Line)
            .Select(pair => KeyValuePair.Create(pair.Key, pair.Found!.Value.Value))];

    public void RefuseUnknownKeys()
    {
        if (_values.Count > 0)
        {
            var (key, (_, line)) = _values.MinBy(pair => pair.Value.Line);
            throw Fault(line, $"unknown key '{Shown(key)}': the engine would ignore it");
        }
    }

    private static string Shown(string text) => text.Length <= 60 ? text : text[..60] + "…";

    private (string Value, int Line)? Take(string key) => _values.Remove(key, out var found) ? found : null;

    private WorkspaceException Fault(int line, string what) => new($"{path}, line {line}: {what}");
}
