using System.Runtime.InteropServices;
using LayerCake.TurboMind;

namespace LayerCake.Reporting;

/// <summary>The tensors, KV scales and settings of a workspace. A weight file of a wrong size stays among the other files.</summary>
internal static class WorkspaceContentReader
{
    private const string Codes = ".qweight";
    private const string ScalesZeros = ".scales_zeros";
    private const int TileSide = 32;

    public static void Read(string path, HeldContent held, HashSet<string> taken)
    {
        var listing = WorkspaceListing.Read(path);
        var sound = listing.Entries.Where(entry => entry is { DType: not null, Fault: null }).ToDictionary(entry => entry.Name, StringComparer.Ordinal);
        foreach (var entry in listing.Entries.Where(entry => sound.ContainsKey(entry.Name)))
        {
            var file = PathOf(entry.Name);
            // A link out of the package is compared as a link.
            if (new FileInfo(file).LinkTarget is not null)
            {
                continue;
            }

            taken.Add(file);
            if (entry.Name.Contains(".past_kv_scale.", StringComparison.Ordinal))
            {
                held.KeyValueScales.Add(entry.Name, Floats(file));
            }
            else if (entry.Name.EndsWith(ScalesZeros, StringComparison.Ordinal) && sound.ContainsKey(Module(entry.Name, ScalesZeros) + Codes))
            {
                // Read with its codes.
            }
            else if (entry.Name.EndsWith(Codes, StringComparison.Ordinal) && sound.TryGetValue(Module(entry.Name, Codes) + ScalesZeros, out var scales)
                && IsWhole(listing.Configuration.GroupSize, entry))
            {
                held.Add(Module(entry.Name, Codes), new PackedContent
                {
                    Layout = PackedLayout.Tiles,
                    Inputs = entry.Shape[0] * TileSide,
                    Outputs = entry.Shape[1] * TileSide,
                    GroupSize = listing.Configuration.GroupSize,
                    Codes = Tensor(entry),
                    Scales = Tensor(scales),
                });
            }
            else
            {
                held.Add(entry.Name, Tensor(entry));
            }
        }

        held.SettingsFile = PathOf(EngineConfigurationFile.FileName);
        taken.Add(held.SettingsFile);
        held.Settings.AddRange(EngineConfigurationFile.Values(listing.Configuration).Select(field => KeyValuePair.Create(field.Key, field.Value)));

        string PathOf(string name) => System.IO.Path.Combine(listing.WeightsPath, name);

        FileTensor Tensor(WorkspaceEntry entry) => new(PathOf(entry.Name), entry.DType!.Value, entry.Shape, entry.ByteCount);
    }

    /// <summary>The four numbers of a KV scale file.</summary>
    public static float[] Floats(string file)
    {
        var bytes = File.ReadAllBytes(file);
        return bytes.Length == WeightFile.KeyValueScaleBytes
            ? MemoryMarshal.Cast<byte, float>(bytes).ToArray()
            : throw new ReportingException($"{file} has {bytes.Length} bytes, not the {WeightFile.KeyValueScaleBytes} of KV scales");
    }

    // Codes whose inputs are no whole groups are compared as plain words.
    private static bool IsWhole(int groupSize, WorkspaceEntry entry) =>
        groupSize > 0 && groupSize % TileSide == 0 && entry.Shape is [> 0 and var rows, > 0, _] && rows * TileSide % groupSize == 0;

    private static string Module(string name, string extension) => name[..^extension.Length];
}
