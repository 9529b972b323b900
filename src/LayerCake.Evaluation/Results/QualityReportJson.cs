using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace LayerCake.Evaluation;

/// <summary>
/// The file evaluation.json. Figures are written with six significant digits. The same measurement gives the same bytes: no times, no names of machines, no paths.
/// </summary>
public static class QualityReportJson
{
    private const int Format = 1;
    private const long LargestFile = 64L << 20;

    /// <summary>The file's bytes.</summary>
    public static byte[] Write(QualityReport report)
    {
        using var stream = new MemoryStream();
        Write(stream, report, writeMore: null);
        return stream.ToArray();
    }

    /// <summary>Writes the file's content.</summary>
    /// <param name="stream">Takes it.</param>
    /// <param name="report">What was measured.</param>
    /// <param name="writeMore">Writes further members of the root object; null for none.</param>
    public static void Write(Stream stream, QualityReport report, Action<Utf8JsonWriter>? writeMore)
    {
        using (var json = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            json.WriteNumber("format", Format);
            WriteProtocol(json, report.Protocol);
            json.WriteStartArray("variants");
            foreach (var variant in report.Variants)
            {
                WriteVariant(json, report, variant);
            }

            json.WriteEndArray();
            json.WriteStartArray("layers");
            foreach (var layer in report.Layers)
            {
                WriteLayer(json, layer);
            }

            json.WriteEndArray();
            WriteCache(json, report);
            json.WriteNumber("context_length", report.ContextLength);
            writeMore?.Invoke(json);
            json.WriteEndObject();
        }

        stream.WriteByte((byte)'\n');
    }

    /// <summary>Reads a file.</summary>
    /// <exception cref="EvaluationException">It is missing, too large or not an evaluation.json.</exception>
    public static QualityReport Read(string path)
    {
        try
        {
            if (new FileInfo(path).Length > LargestFile)
            {
                throw new EvaluationException($"{path} is no evaluation.json: it has more than {LargestFile >> 20} MiB.");
            }

            return Parse(File.ReadAllBytes(path), path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new EvaluationException($"{path} cannot be read: {exception.Message}", exception);
        }
    }

    /// <summary>Reads a file's content; <paramref name="name"/> is what errors call it.</summary>
    /// <exception cref="EvaluationException">It is not an evaluation.json.</exception>
    public static QualityReport Parse(ReadOnlyMemory<byte> content, string name)
    {
        try
        {
            using var document = JsonDocument.Parse(content);
            var root = document.RootElement;
            var format = root.GetProperty("format").GetInt32();
            if (format != Format)
            {
                throw new EvaluationException(string.Create(CultureInfo.InvariantCulture, $"{name} has format {format}; this program reads {Format}. Measure again."));
            }

            var cache = root.GetProperty("kv_cache");
            var report = new QualityReport
            {
                Protocol = ReadProtocol(root.GetProperty("protocol")),
                Variants = [.. root.GetProperty("variants").EnumerateArray().Select(ReadVariant)],
                Layers = [.. root.GetProperty("layers").EnumerateArray().Select(ReadLayer)],
                CacheVariant = Text(cache, "variant"),
                CacheTokens = cache.GetProperty("tokens").GetInt64(),
                Heads = [.. cache.GetProperty("heads").EnumerateArray().Select(ReadHead)],
                Outliers = [.. cache.GetProperty("outliers").EnumerateArray().Select(ReadOutlier)],
                ContextLength = root.GetProperty("context_length").GetInt32(),
            };
            return report.Variants.Count > 0 ? report : throw new EvaluationException($"{name} has no variants.");
        }
        catch (Exception exception) when (exception is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new EvaluationException($"{name} is no evaluation.json: {exception.Message}", exception);
        }
    }

    private static void WriteProtocol(Utf8JsonWriter json, EvaluationProtocol protocol)
    {
        json.WriteStartObject("protocol");
        json.WriteString("dataset_sha256", protocol.DatasetSha256);
        json.WriteString("ids_sha256", protocol.IdsSha256);
        json.WriteNumber("window", protocol.Window);
        json.WriteNumber("stride", protocol.Stride);
        json.WriteString("bos", protocol.Bos);
        json.WriteNumber("windows", protocol.Windows);
        json.WriteNumber("tokens", protocol.Tokens);
        json.WriteString("dtype", protocol.DType);
        json.WriteString("device", protocol.Device);
        json.WriteString("numerics", protocol.Numerics);
        json.WriteEndObject();
    }

    private static EvaluationProtocol ReadProtocol(JsonElement json) => new()
    {
        DatasetSha256 = Text(json, "dataset_sha256"),
        IdsSha256 = Text(json, "ids_sha256"),
        Window = json.GetProperty("window").GetInt32(),
        Stride = json.GetProperty("stride").GetInt32(),
        Bos = Text(json, "bos"),
        Windows = json.GetProperty("windows").GetInt32(),
        Tokens = json.GetProperty("tokens").GetInt64(),
        DType = Text(json, "dtype"),
        Device = Text(json, "device"),
        Numerics = Text(json, "numerics"),
    };

    private static void WriteVariant(Utf8JsonWriter json, QualityReport report, VariantFigures variant)
    {
        json.WriteStartObject();
        json.WriteString("name", variant.Name);
        json.WriteString("weights", variant.Weights);
        json.WriteString("kv_cache", variant.Cache);
        Write(json, "perplexity", variant.Perplexity);
        Write(json, "perplexity_increase", report.PerplexityIncrease(variant));
        Write(json, "kl_mean", variant.MeanDivergence);
        Write(json, "kl_max", variant.LargestDivergence);
        json.WriteStartObject("kl_max_at");
        json.WriteNumber("window", variant.LargestWindow);
        json.WriteNumber("position", variant.LargestPosition);
        json.WriteEndObject();
        Write(json, "top1_agreement", variant.TopAgreement);
        json.WriteNumber("weight_bytes", variant.WeightBytes);
        json.WriteNumber("kv_bytes_per_token", variant.CacheBytesPerToken);
        json.WriteNumber("kv_bytes_at_context", variant.CacheBytesPerToken * report.ContextLength);
        json.WriteStartObject("by_position");
        WriteList(json, "perplexity", variant.PerplexityByPosition);
        WriteList(json, "kl_mean", variant.DivergenceByPosition);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static VariantFigures ReadVariant(JsonElement json) => new()
    {
        Name = Text(json, "name"),
        Weights = Text(json, "weights"),
        Cache = Text(json, "kv_cache"),
        Perplexity = Number(json, "perplexity"),
        MeanDivergence = Number(json, "kl_mean"),
        LargestDivergence = Number(json, "kl_max"),
        LargestWindow = json.GetProperty("kl_max_at").GetProperty("window").GetInt32(),
        LargestPosition = json.GetProperty("kl_max_at").GetProperty("position").GetInt32(),
        TopAgreement = Number(json, "top1_agreement"),
        WeightBytes = json.GetProperty("weight_bytes").GetInt64(),
        CacheBytesPerToken = json.GetProperty("kv_bytes_per_token").GetInt64(),
        PerplexityByPosition = List(json.GetProperty("by_position"), "perplexity"),
        DivergenceByPosition = List(json.GetProperty("by_position"), "kl_mean"),
    };

    private static void WriteLayer(Utf8JsonWriter json, LayerFigures layer)
    {
        json.WriteStartObject();
        json.WriteNumber("layer", layer.Layer);
        json.WriteString("variant", layer.Variant);
        Write(json, "state_error", layer.StateError);
        if (layer.OutputError is { } output)
        {
            Write(json, "output_error", output);
            json.WriteStartObject("weight_errors");
            foreach (var (linear, error) in layer.WeightErrors.OrderBy(pair => pair.Key, StringComparer.Ordinal))
            {
                Write(json, linear, error);
            }

            json.WriteEndObject();
        }

        json.WriteEndObject();
    }

    private static LayerFigures ReadLayer(JsonElement json) => new(
        json.GetProperty("layer").GetInt32(),
        Text(json, "variant"),
        Number(json, "state_error"),
        json.TryGetProperty("output_error", out _) ? Number(json, "output_error") : null,
        json.TryGetProperty("weight_errors", out var weights)
            ? weights.EnumerateObject().Select(error => KeyValuePair.Create(error.Name, Number(weights, error.Name))).ToDictionary(StringComparer.Ordinal)
            : new Dictionary<string, double>());

    private static void WriteCache(Utf8JsonWriter json, QualityReport report)
    {
        json.WriteStartObject("kv_cache");
        json.WriteString("variant", report.CacheVariant);
        json.WriteNumber("tokens", report.CacheTokens);
        json.WriteStartArray("heads");
        foreach (var head in report.Heads)
        {
            json.WriteStartObject();
            json.WriteNumber("layer", head.Layer);
            json.WriteString("kind", KindName(head.Kind));
            json.WriteNumber("head", head.Head);
            Write(json, "int8", head.Int8);
            Write(json, "int8_symmetric", head.Int8Symmetric);
            Write(json, "int4", head.Int4);
            Write(json, "int4_symmetric", head.Int4Symmetric);
            if (head.Stored is { } stored)
            {
                Write(json, "stored_int8", stored);
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartArray("outliers");
        foreach (var outlier in report.Outliers)
        {
            json.WriteStartObject();
            json.WriteNumber("layer", outlier.Layer);
            json.WriteString("kind", KindName(outlier.Kind));
            json.WriteNumber("head", outlier.Head);
            json.WriteNumber("channel", outlier.Channel);
            Write(json, "largest", outlier.Largest);
            Write(json, "largest_of_others", outlier.LargestOfOthers);
            Write(json, "others_error", outlier.OthersError);
            Write(json, "others_error_without", outlier.OthersErrorWithout);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static HeadErrors ReadHead(JsonElement json) => new(
        json.GetProperty("layer").GetInt32(), Kind(json), json.GetProperty("head").GetInt32(),
        Number(json, "int8"), Number(json, "int8_symmetric"), Number(json, "int4"), Number(json, "int4_symmetric"),
        json.TryGetProperty("stored_int8", out _) ? Number(json, "stored_int8") : null);

    private static OutlierChannel ReadOutlier(JsonElement json) => new(
        json.GetProperty("layer").GetInt32(), Kind(json), json.GetProperty("head").GetInt32(), json.GetProperty("channel").GetInt32(),
        Number(json, "largest"), Number(json, "largest_of_others"), Number(json, "others_error"), Number(json, "others_error_without"));

    private static KeyValueKind Kind(JsonElement json) => Text(json, "kind") switch
    {
        "key" => KeyValueKind.Key,
        "value" => KeyValueKind.Value,
        var other => throw new FormatException($"a cache has keys and values, and no '{other}'"),
    };

    private static string KindName(KeyValueKind kind) => kind == KeyValueKind.Key ? "key" : "value";

    private static string Text(JsonElement json, string name) => json.GetProperty(name).GetString() ?? throw new FormatException($"'{name}' is null");

    private static double Number(JsonElement json, string name) => ValueOf(json.GetProperty(name));

    private static IReadOnlyList<double> List(JsonElement json, string name) => [.. json.GetProperty(name).EnumerateArray().Select(ValueOf)];

    private static double ValueOf(JsonElement value) => value.ValueKind == JsonValueKind.Null ? double.NaN : value.GetDouble();

    private static void WriteList(Utf8JsonWriter json, string name, IReadOnlyList<double> values)
    {
        json.WriteStartArray(name);
        foreach (var value in values)
        {
            WriteValue(json, value);
        }

        json.WriteEndArray();
    }

    private static void Write(Utf8JsonWriter json, string name, double value)
    {
        json.WritePropertyName(name);
        WriteValue(json, value);
    }

    private static void WriteValue(Utf8JsonWriter json, double value)
    {
        if (double.IsFinite(value))
        {
            json.WriteRawValue(double.Parse(value.ToString("G6", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture).ToString("R", CultureInfo.InvariantCulture));
        }
        else
        {
            json.WriteNullValue();
        }
    }
}
