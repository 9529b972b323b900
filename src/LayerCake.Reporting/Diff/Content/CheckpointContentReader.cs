using System.Text.RegularExpressions;
using LayerCake.Checkpoints;
using LayerCake.TurboMind;

namespace LayerCake.Reporting;

/// <summary>The tensors of checkpoint folders, of loose checkpoint files and of what steps write.</summary>
internal static partial class CheckpointContentReader
{
    /// <summary>A model folder: one set of names, however it is divided into files.</summary>
    public static void ReadFolder(string path, HeldContent held, HashSet<string> taken)
    {
        HuggingFaceFolder folder;
        try
        {
            folder = HuggingFaceFolder.Open(path);
        }
        catch (CheckpointException) when (!HasWeights(path))
        {
            // Tokenizer and configuration alone.
            return;
        }

        held.Keep(folder);
        taken.UnionWith(folder.WeightFiles);
        AddTensors(folder.Weights, prefix: "", held);
    }

    /// <summary>Any folder, or one file: each checkpoint file's tensors under the file's name, since several may share names.</summary>
    public static void ReadFiles(string path, HeldContent held, HashSet<string> taken)
    {
        var alone = File.Exists(path);
        string[] files = alone ? [path] : [.. Directory.EnumerateFiles(path).Order(StringComparer.Ordinal)];
        foreach (var file in files.Where(file => alone || new FileInfo(file).LinkTarget is null))
        {
            var name = System.IO.Path.GetFileName(file);
            if (KeyValueScale().IsMatch(name) && new FileInfo(file).Length == WeightFile.KeyValueScaleBytes)
            {
                held.KeyValueScales.Add(name, WorkspaceContentReader.Floats(file));
                taken.Add(file);
            }
            else if (IsCheckpoint(name) && Open(file, alone) is { } source)
            {
                held.Keep(source);
                taken.Add(file);
                AddTensors(source, alone ? "" : name + "/", held);
            }
            else if (alone)
            {
                throw new ReportingException($"{held.Path} is neither a .safetensors file nor a torch archive (.bin, .pth, .pt); name such a file or a folder");
            }
        }
    }

    private static void AddTensors(ITensorSource source, string prefix, HeldContent held)
    {
        var names = source.Tensors.Select(tensor => tensor.Name).ToHashSet(StringComparer.Ordinal);
        foreach (var tensor in source.Tensors)
        {
            var (module, part) = Split(tensor.Name);
            if (part is "qzeros" or "scales" && names.Contains(module + ".qweight") && PackedOf(source, module) is not null)
            {
                continue;
            }

            if (part == "qweight" && PackedOf(source, module) is { } packed)
            {
                held.Add(prefix + module, packed);
            }
            else
            {
                held.Add(prefix + tensor.Name, new SourceTensor(source, tensor));
            }
        }
    }

    /// <summary>AWQ's three tensors of a linear, where their shapes and types fit together.</summary>
    private static PackedContent? PackedOf(ITensorSource source, string module)
    {
        if (!source.TryFind($"{module}.qweight", out var codes) || !source.TryFind($"{module}.scales", out var scales) || !source.TryFind($"{module}.qzeros", out var zeros))
        {
            return null;
        }

        var fits = codes is { DType: DType.I32, Shape: [> 0, > 0] } && zeros is { DType: DType.I32, Shape: [> 0, > 0] }
            && scales is { DType: DType.F16 or DType.F32, Shape: [> 0, > 0] }
            && scales.Shape[0] == zeros.Shape[0] && codes.Shape[1] == zeros.Shape[1] && scales.Shape[1] == codes.Shape[1] * 8
            && codes.Shape[0] % scales.Shape[0] == 0;
        return fits
            ? new PackedContent
            {
                Layout = PackedLayout.Rows,
                Inputs = codes.Shape[0],
                Outputs = scales.Shape[1],
                GroupSize = codes.Shape[0] / scales.Shape[0],
                Codes = new SourceTensor(source, codes),
                Scales = new SourceTensor(source, scales),
                Zeros = new SourceTensor(source, zeros),
            }
            : null;
    }

    private static (string Module, string Part) Split(string name)
    {
        var dot = name.LastIndexOf('.');
        return dot < 0 ? ("", name) : (name[..dot], name[(dot + 1)..]);
    }

    /// <summary>A .bin file of a folder may be anything; then it is compared by its digest.</summary>
    private static ITensorSource? Open(string file, bool must)
    {
        try
        {
            return file.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase) ? SafetensorsFile.Open(file) : TorchArchive.Open(file);
        }
        catch (CheckpointException) when (!must)
        {
            return null;
        }
    }

    private static bool IsCheckpoint(string name) => System.IO.Path.GetExtension(name).ToLowerInvariant() is ".safetensors" or ".bin" or ".pth" or ".pt";

    private static bool HasWeights(string path) => Directory.EnumerateFiles(path).Any(file => IsCheckpoint(file));

    [GeneratedRegex(@"^layers\.\d{1,6}\.past_kv_scale\.\d{1,4}\.weight$", RegexOptions.CultureInvariant)]
    private static partial Regex KeyValueScale();
}
