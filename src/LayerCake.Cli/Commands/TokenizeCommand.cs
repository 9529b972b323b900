using System.CommandLine;
using System.Text;
using System.Text.Json;
using LayerCake.Text;

namespace LayerCake.Cli.Commands;

/// <summary><c>layercake tokenize</c>: one JSON string a line in, one JSON array of ids a line out, or the reverse.</summary>
internal static class TokenizeCommand
{
    public static Command Create()
    {
        var model = new Argument<string>("model") { HelpName = "MODEL_OR_FOLDER", Description = "A SentencePiece model file, or a model folder that holds tokenizer.model." };
        var decode = new Option<bool>("--decode") { Description = "Read JSON arrays of ids and write JSON strings." };
        var special = new Option<bool>("--add-special-tokens")
        {
            Description = "Put the tokens around each text that the folder's tokenizer_config.json asks for (BOS for InternLM and Llama).",
        };
        var command = new Command("tokenize", "Turns JSON strings from standard input, one a line, into JSON arrays of token ids, one a line.")
        {
            model, decode, special,
        };
        command.SetAction((result, cancellationToken) =>
        {
            Run(result.GetValue(model)!, result.GetValue(decode), result.GetValue(special), cancellationToken);
            return Task.FromResult((int)ExitCode.Success);
        });
        return command;
    }

    private static void Run(string model, bool decode, bool addSpecialTokens, CancellationToken cancellationToken)
    {
        var folder = Directory.Exists(model) ? TokenizerFolder.Open(model) : null;
        if (addSpecialTokens && folder is null)
        {
            throw new UsageException("--add-special-tokens needs a model folder: its JSON files say which tokens go around a text.");
        }

        var tokenizer = folder?.Tokenizer ?? SentencePieceTokenizer.Load(model);
        Func<string, int[]> encode = addSpecialTokens ? folder!.EncodeWithSpecialTokens : tokenizer.Encode;

        using var input = new StreamReader(System.Console.OpenStandardInput(), new UTF8Encoding(false, throwOnInvalidBytes: true));
        using var output = new StreamWriter(System.Console.OpenStandardOutput(), new UTF8Encoding(false)) { NewLine = "\n" };
        var number = 0;
        while (ReadLine(input, number + 1) is { } line)
        {
            cancellationToken.ThrowIfCancellationRequested();
            number++;
            if (line.Length > 0)
            {
                output.WriteLine(decode ? JsonText(tokenizer.Decode(Ids(line, number))) : $"[{string.Join(", ", encode(Text(line, number)))}]");
            }
        }
    }

    private static string? ReadLine(StreamReader input, int number)
    {
        try
        {
            return input.ReadLine();
        }
        catch (DecoderFallbackException)
        {
            throw new UsageException($"standard input, near line {number}: not UTF-8.");
        }
    }

    private static string Text(string line, int number)
    {
        try
        {
            using var document = JsonDocument.Parse(line);
            if (document.RootElement.ValueKind == JsonValueKind.String)
            {
                return document.RootElement.GetString()!;
            }
        }
        catch (Exception failure) when (failure is JsonException or InvalidOperationException)
        {
            // Not JSON, or half of a surrogate pair: told below.
        }

        throw new UsageException($"standard input, line {number}: a JSON string is wanted, for example \"Hello\".");
    }

    private static List<int> Ids(string line, int number)
    {
        try
        {
            using var document = JsonDocument.Parse(line);
            if (document.RootElement.ValueKind == JsonValueKind.Array)
            {
                return [.. document.RootElement.EnumerateArray().Select(id => id.GetInt32())];
            }
        }
        catch (Exception failure) when (failure is JsonException or InvalidOperationException or FormatException)
        {
            // Not JSON, or not whole numbers: told below.
        }

        throw new UsageException($"standard input, line {number}: a JSON array of token ids is wanted, for example [1, 29871].");
    }

    private static string JsonText(string text)
    {
        var buffer = new System.Buffers.ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            writer.WriteStringValue(text);
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }
}
