using System.Buffers.Binary;
using System.Globalization;

namespace LayerCake.TurboMind;

/// <summary>Merges the scales of an int8 KV cache into a workspace and switches the cache on.</summary>
public static class KeyValueScaleFiles
{
    /// <summary>
    /// Copies <c>layers.N.past_kv_scale.R.weight</c> of every layer and rank into the weights folder and sets config.ini's quant_policy.
    /// </summary>
    /// <param name="scalesFolder">Where kv_qparams wrote them.</param>
    /// <param name="weightsFolder">A converted workspace's <c>triton_models/weights</c>.</param>
    /// <param name="quantPolicy">What the engine release calls int8: 4 for LMDeploy 0.0.13 to 0.3.0.</param>
    /// <returns>The configuration as it now is.</returns>
    /// <exception cref="WorkspaceException">A file is missing, of the wrong size or for another number of ranks; or the workspace cannot use it.</exception>
    public static EngineConfiguration Merge(string scalesFolder, string weightsFolder, int quantPolicy)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(quantPolicy, 1);
        var configuration = EngineConfigurationFile.Read(Path.Combine(weightsFolder, EngineConfigurationFile.FileName));
        if (configuration.WeightType == WeightType.BFloat16)
        {
            throw new WorkspaceException(
                $"{weightsFolder} has bf16 weights, with which the engine cannot use an int8 KV cache. Convert to fp16 or int4, or leave kv_qparams out");
        }

        CheckRanks(scalesFolder, configuration);
        var files = new List<(string Name, byte[] Bytes)>();
        for (var layer = 0; layer < configuration.LayerCount; layer++)
        {
            for (var rank = 0; rank < configuration.TensorParallel; rank++)
            {
                var name = WeightFile.KeyValueScale(layer, rank);
                files.Add((name, Read(Path.Combine(scalesFolder, name), "Every layer and rank needs its KV scales")));
            }
        }

        foreach (var (name, bytes) in files)
        {
            OutputFile.WriteBytes(Path.Combine(weightsFolder, name), bytes);
        }

        configuration = configuration with { QuantPolicy = quantPolicy };
        EngineConfigurationFile.Write(weightsFolder, configuration);
        return configuration;
    }

    /// <summary>What is wrong with the content of a scale file, as a phrase, or null.</summary>
    public static string? Fault(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != WeightFile.KeyValueScaleBytes)
        {
            var symmetric = bytes.Length == 8 ? " (8 bytes are the original's symmetric form, on which the engine crashes)" : "";
            return $"{bytes.Length} bytes, not {WeightFile.KeyValueScaleBytes}{symmetric}";
        }

        ReadOnlySpan<string> names = ["k_scale", "k_zp", "v_scale", "v_zp"];
        for (var i = 0; i < names.Length; i++)
        {
            var value = BinaryPrimitives.ReadSingleLittleEndian(bytes[(4 * i)..]);
            if (!float.IsFinite(value) || (i % 2 == 0 && value < 0))
            {
                return string.Create(CultureInfo.InvariantCulture, $"{names[i]} is {value}");
            }
        }

        return null;
    }

    /// <summary>k_scale, k_zp, v_scale and v_zp of a scale file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="need">Why it has to be there, for the message of an error.</param>
    /// <exception cref="WorkspaceException">It cannot be read, or its content cannot be used.</exception>
    public static float[] ReadNumbers(string path, string need)
    {
        var bytes = Read(path, need);
        return [.. Enumerable.Range(0, bytes.Length / sizeof(float)).Select(i => BinaryPrimitives.ReadSingleLittleEndian(bytes.AsSpan(i * sizeof(float))))];
    }

    /// <summary>Scales for more ranks than the weights have were made for another workspace: their ranges are of other heads.</summary>
    private static void CheckRanks(string folder, EngineConfiguration configuration)
    {
        var next = Path.Combine(folder, WeightFile.KeyValueScale(0, configuration.TensorParallel));
        if (File.Exists(next))
        {
            throw new WorkspaceException(
                $"{folder} has KV scales for more than the {configuration.TensorParallel} ranks of the weights: run kv_qparams with num_tp {configuration.TensorParallel}");
        }
    }

    private static byte[] Read(string path, string need)
    {
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1);
            var bytes = new byte[Math.Min(stream.Length, 2 * WeightFile.KeyValueScaleBytes)];
            stream.ReadExactly(bytes);
            return Fault(bytes) is { } fault ? throw new WorkspaceException($"{path}: {fault}. Run kv_qparams again") : bytes;
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new WorkspaceException($"{path} cannot be read: {fault.Message} {need}", fault);
        }
    }
}
