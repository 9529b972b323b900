using System.Text.Json;

namespace LayerCake.Reporting;

/// <summary>A comparison as JSON, for scripts.</summary>
public static class PackageDifferenceJson
{
    /// <summary>Version of the form. Members are only ever added; the number counts what would break a reader.</summary>
    public const int Format = 1;

    /// <param name="stream">Gets UTF-8 text with a line end.</param>
    /// <param name="difference">The comparison.</param>
    /// <param name="all">Also the tensors that are equal.</param>
    public static void Write(Stream stream, PackageDifference difference, bool all)
    {
        using (var json = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true, NewLine = "\n" }))
        {
            json.WriteStartObject();
            json.WriteNumber("format", Format);
            json.WriteString("a", difference.A);
            json.WriteString("b", difference.B);
            json.WriteBoolean("equal", difference.AreEqual);
            json.WriteString("first", difference.First);
            WriteRecord(json, difference.Record);
            json.WriteStartArray("tensors");
            foreach (var tensor in all ? difference.Tensors : difference.DifferingTensors)
            {
                WriteTensor(json, tensor);
            }

            json.WriteEndArray();
            WriteValues(json, "kv_scales", difference.KeyValueScales);
            WriteValues(json, "settings", difference.Settings);
            json.WriteStartArray("files");
            foreach (var file in difference.Files)
            {
                json.WriteStartObject();
                json.WriteString("path", file.Path);
                json.WriteString("a", file.A);
                json.WriteString("b", file.B);
                json.WriteBoolean("record", file.IsRecord);
                WriteCause(json, file.Cause);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        stream.WriteByte((byte)'\n');
    }

    private static void WriteRecord(Utf8JsonWriter json, RecordDifference? record)
    {
        json.WritePropertyName("why");
        if (record is null)
        {
            json.WriteNullValue();
            return;
        }

        json.WriteStartObject();
        WriteTexts(json, "missing", record.Missing);
        WriteTexts(json, "story", record.Story);
        foreach (var (name, fields) in new[] { ("recipe", record.Recipe), ("versions", record.Versions) })
        {
            json.WriteStartArray(name);
            foreach (var field in fields)
            {
                json.WriteStartObject();
                json.WriteString("field", field.Field);
                json.WriteString("a", field.Old);
                json.WriteString("b", field.New);
                json.WriteEndObject();
            }

            json.WriteEndArray();
        }

        json.WriteStartArray("steps");
        foreach (var step in record.Steps)
        {
            json.WriteStartObject();
            json.WriteString("step", step.Step);
            json.WriteString("a", step.A?.ToString());
            json.WriteString("b", step.B?.ToString());
            json.WriteBoolean("output_differs", step.OutputDiffers);
            WriteTexts(json, "reasons", step.OwnReasons);
            WriteTexts(json, "after", step.ChangedBefore);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteTensor(Utf8JsonWriter json, TensorDifference tensor)
    {
        json.WriteStartObject();
        json.WriteString("name", tensor.Name);
        json.WriteString("change", tensor.Change switch
        {
            TensorChange.Equal => "equal",
            TensorChange.Values => "values",
            TensorChange.Shape => "shape",
            TensorChange.OnlyInA => "only_in_a",
            _ => "only_in_b",
        });
        json.WriteString("a", tensor.A);
        json.WriteString("b", tensor.B);
        if (tensor.Change == TensorChange.Values)
        {
            json.WriteNumber("elements", tensor.Elements);
            json.WriteNumber("differing", tensor.Differing);
            if (tensor.IsPacked)
            {
                json.WriteNumber("scales_differing", tensor.ScalesDiffering);
            }

            WriteFinite(json, "max_absolute", tensor.MaxAbsolute);
            WriteFinite(json, "relative_rms", tensor.RelativeRms);
            json.WriteStartArray("first");
            foreach (var index in tensor.First)
            {
                json.WriteNumberValue(index);
            }

            json.WriteEndArray();
            json.WriteString("first_a", tensor.FirstA);
            json.WriteString("first_b", tensor.FirstB);
        }

        WriteCause(json, tensor.Cause);
        json.WriteEndObject();
    }

    private static void WriteValues(Utf8JsonWriter json, string name, IReadOnlyList<ValueDifference> values)
    {
        json.WriteStartArray(name);
        foreach (var value in values)
        {
            json.WriteStartObject();
            json.WriteString("name", value.Name);
            json.WriteString("a", value.A);
            json.WriteString("b", value.B);
            WriteCause(json, value.Cause);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteCause(Utf8JsonWriter json, Cause? cause)
    {
        if (cause is not null)
        {
            json.WriteString("cause", cause.Text);
            json.WriteBoolean("explained", cause.IsExplained);
        }
    }

    // JSON has no infinities.
    private static void WriteFinite(Utf8JsonWriter json, string name, double value)
    {
        if (double.IsFinite(value))
        {
            json.WriteNumber(name, value);
        }
        else
        {
            json.WriteNull(name);
        }
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
}
