using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using LayerCake.Checkpoints;
using LayerCake.TurboMind;

namespace LayerCake.Cli.Commands;

/// <summary><c>layercake inspect</c>: what a checkpoint, an archive or a workspace holds, from headers alone.</summary>
internal static class InspectCommand
{
    public static Command Create()
    {
        var path = new Argument<string>("path")
        {
            HelpName = "FILE_OR_FOLDER",
            Description = "A .safetensors file, a torch archive (.bin, .pth, .pt), an index, a model folder, or a TurboMind workspace.",
        };
        var json = new Option<bool>("--json") { Description = "Prints the listing as JSON." };
        var command = new Command("inspect", "Lists the tensors of a checkpoint, archive or workspace: name, element type, shape, bytes. Reads headers only.")
        {
            path, json,
        };
        command.SetAction((result, _) =>
        {
            var holding = Open(result.GetValue(path)!);
            if (result.GetValue(json))
            {
                using var output = System.Console.OpenStandardOutput();
                WriteJson(output, holding);
            }
            else
            {
                Print(System.Console.Out, holding);
            }

            return Task.FromResult((int)(holding.Faults.Count == 0 ? ExitCode.Success : ExitCode.Input));
        });
        return command;
    }

    private static Holding Open(string path)
    {
        var isWorkspace = WorkspacePaths.IsWorkspace(path) || File.Exists(Path.Combine(path, EngineConfigurationFile.FileName));
        return isWorkspace ? Holding.Of(WorkspaceListing.Read(path)) : Holding.Of(CheckpointListing.Of(path));
    }

    private static void Print(TextWriter output, Holding holding)
    {
        output.WriteLine($"{holding.Path}: {holding.Format}");
        foreach (var (key, value) in holding.Metadata)
        {
            output.WriteLine($"  {key}: {value}");
        }

        output.WriteLine();
        var names = Math.Max(4, holding.Tensors.Select(tensor => tensor.Name.Length).DefaultIfEmpty().Max());
        output.WriteLine($"  {"name".PadRight(names)}  dtype  {"shape",-20} {"bytes",14}  file");
        foreach (var tensor in holding.Tensors)
        {
            var shape = $"[{string.Join(", ", tensor.Shape)}]";
            output.WriteLine(
                $"  {tensor.Name.PadRight(names)}  {tensor.DType,-5}  {shape,-20} {tensor.Bytes.ToString("N0", CultureInfo.InvariantCulture),14}  {tensor.File}");
        }

        output.WriteLine();
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{holding.Tensors.Count} tensors, {holding.Tensors.Sum(tensor => tensor.Bytes):N0} bytes"));
        foreach (var fault in holding.Faults)
        {
            output.WriteLine($"fault: {fault}");
        }
    }

    private static void WriteJson(Stream stream, Holding holding)
    {
        using var json = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true, NewLine = "\n" });
        json.WriteStartObject();
        json.WriteString("path", holding.Path);
        json.WriteString("format", holding.Format);
        json.WriteStartObject("metadata");
        foreach (var (key, value) in holding.Metadata)
        {
            json.WriteString(key, value);
        }

        json.WriteEndObject();
        json.WriteNumber("total_bytes", holding.Tensors.Sum(tensor => tensor.Bytes));
        json.WriteStartArray("tensors");
        foreach (var tensor in holding.Tensors)
        {
            json.WriteStartObject();
            json.WriteString("name", tensor.Name);
            json.WriteString("dtype", tensor.DType);
            json.WriteStartArray("shape");
            foreach (var dimension in tensor.Shape)
            {
                json.WriteNumberValue(dimension);
            }

            json.WriteEndArray();
            json.WriteNumber("bytes", tensor.Bytes);
            json.WriteString("file", tensor.File);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartArray("faults");
        foreach (var fault in holding.Faults)
        {
            json.WriteStringValue(fault);
        }

        json.WriteEndArray();
        json.WriteEndObject();
        json.Flush();
        stream.WriteByte((byte)'\n');
    }

    /// <summary>What a checkpoint and a workspace have in common to list.</summary>
    private sealed record Holding(
        string Path, string Format, IReadOnlyDictionary<string, string> Metadata, IReadOnlyList<HeldTensor> Tensors, IReadOnlyList<string> Faults)
    {
        public static Holding Of(CheckpointListing listing) => new(
            listing.Path,
            listing.Format switch
            {
                CheckpointFormat.Safetensors => "safetensors",
                CheckpointFormat.TorchArchive => "torch archive",
                CheckpointFormat.WeightIndex => "weight index",
                CheckpointFormat.HuggingFaceFolder => "Hugging Face folder",
                _ => "folder of checkpoint files",
            },
            listing.Metadata,
            [.. listing.Tensors.Select(tensor => new HeldTensor(
                tensor.Info.Name, tensor.Info.DType.ToString(), tensor.Info.Shape, tensor.Info.ByteCount, tensor.File))],
            []);

        public static Holding Of(WorkspaceListing listing) => new(
            listing.Path,
            "TurboMind workspace",
            EngineConfigurationFile.Values(listing.Configuration).ToDictionary(field => field.Key, field => field.Value),
            [.. listing.Entries.Select(entry => new HeldTensor(entry.Name, entry.DType?.ToString() ?? "?", entry.Shape, entry.ByteCount, entry.Name))],
            listing.Faults);
    }

    private sealed record HeldTensor(string Name, string DType, IReadOnlyList<long> Shape, long Bytes, string File);
}
