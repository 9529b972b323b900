using System.Security.Cryptography;
using LayerCake.TurboMind;

namespace LayerCake.Reporting;

/// <summary>
/// Compares two packages tensor by tensor and joins what differs to its cause: the fields of the recipe and the inputs that the build records of both name.
/// </summary>
public static class PackageDiff
{
    private static readonly string[] ScaleNames = ["k_scale", "k_zp", "v_scale", "v_zp"];

    /// <summary>Compares two packages, workspaces, checkpoint folders, folders of statistics, or checkpoint files. Reads both, writes nothing.</summary>
    /// <param name="a">The earlier one.</param>
    /// <param name="b">The later one.</param>
    /// <param name="token">Stops it.</param>
    /// <exception cref="ReportingException">One of them is not there, cannot be read, or they are of two kinds.</exception>
    /// <exception cref="Checkpoints.CheckpointException">One of them is a damaged checkpoint.</exception>
    /// <exception cref="WorkspaceException">One of them is a workspace whose config.ini cannot be read.</exception>
    public static PackageDifference Compare(string a, string b, CancellationToken token = default)
    {
        using var left = ContentReader.Open(a);
        using var right = ContentReader.Open(b);
        if (left.Kind != right.Kind && HeldKind.Workspace is var workspace && (left.Kind == workspace || right.Kind == workspace))
        {
            throw new ReportingException(
                $"{(left.Kind == workspace ? a : b)} is a workspace and {(left.Kind == workspace ? b : a)} is none: their tensors have other names and layouts; give two of a kind");
        }

        var causes = CauseFinder.Open(a, b, token);
        var tensors = new TensorComparer(left, right, token).Run();
        return new PackageDifference
        {
            A = a,
            B = b,
            Tensors = [.. tensors.Select(tensor => tensor.Differs ? tensor with { Cause = causes.OfTensor(tensor.Name, FilesOf(left, tensor.Name), FilesOf(right, tensor.Name)) } : tensor)],
            KeyValueScales = [.. Scales(left, right).Select(value => value with { Cause = causes.OfScales() })],
            Settings = [.. Settings(left, right).Select(value => value with { Cause = causes.OfSettings() })],
            Files = [.. Files(left, right, token).Select(file => file.IsRecord ? file : file with { Cause = causes.OfFile(file.Path) })],
            Record = causes.Difference,
        };
    }

    private static List<string> FilesOf(HeldContent side, string name) =>
    [
        .. (side.Packed.TryGetValue(name, out var packed) ? packed.Parts : side.Tensors.TryGetValue(name, out var tensor) ? [tensor] : [])
            .Select(part => part.OwnFile).OfType<string>(),
    ];

    private static IEnumerable<ValueDifference> Scales(HeldContent a, HeldContent b)
    {
        foreach (var file in a.KeyValueScales.Keys.Union(b.KeyValueScales.Keys).OrderBy(NumberedOrder, StringComparer.Ordinal))
        {
            a.KeyValueScales.TryGetValue(file, out var left);
            b.KeyValueScales.TryGetValue(file, out var right);
            for (var i = 0; i < ScaleNames.Length; i++)
            {
                if (left is null || right is null || BitConverter.SingleToInt32Bits(left[i]) != BitConverter.SingleToInt32Bits(right[i]))
                {
                    yield return new ValueDifference($"{file} {ScaleNames[i]}", Text(left, i), Text(right, i));
                }
            }
        }

        static string? Text(float[]? values, int index) => values is null ? null : Numbers.Text(values[index]);

        // layers.10 after layers.9.
        static string NumberedOrder(string file) => string.Join('.', file.Split('.').Select(part => part.All(char.IsAsciiDigit) ? part.PadLeft(8, '0') : part));
    }

    private static IEnumerable<ValueDifference> Settings(HeldContent a, HeldContent b)
    {
        var (left, right) = (a.Settings.ToDictionary(StringComparer.Ordinal), b.Settings.ToDictionary(StringComparer.Ordinal));
        foreach (var key in a.Settings.Concat(b.Settings).Select(setting => setting.Key).Distinct(StringComparer.Ordinal))
        {
            var (old, @new) = (left.GetValueOrDefault(key), right.GetValueOrDefault(key));
            if (old != @new)
            {
                yield return new ValueDifference($"{EngineConfigurationFile.FileName} {key}", old, @new);
            }
        }
    }

    private static IReadOnlyList<FileDifference> Files(HeldContent a, HeldContent b, CancellationToken token)
    {
        var paths = a.Files.Keys.Union(b.Files.Keys).Order(StringComparer.Ordinal).ToList();
        var found = new FileDifference?[paths.Count];
        Threads.For(paths.Count, token, i =>
        {
            var (left, right) = (Identity(a.Files.GetValueOrDefault(paths[i]), token), Identity(b.Files.GetValueOrDefault(paths[i]), token));
            found[i] = left == right ? null : new FileDifference(paths[i], left, right, PackageRecords.IsRecord(paths[i]));
        });
        var differences = found.OfType<FileDifference>().ToList();
        if (a.SettingsFile is { } first && b.SettingsFile is { } second && !Settings(a, b).Any()
            && Identity(new HeldFile(first, false), token) is var one && Identity(new HeldFile(second, false), token) is var other && one != other)
        {
            // The same settings, written in another way.
            differences.Add(new FileDifference(EngineConfigurationFile.FileName, one, other, IsRecord: false));
        }

        return differences;
    }

    private static string? Identity(HeldFile? file, CancellationToken token)
    {
        if (file is null || file.IsLink)
        {
            return file is null ? null : $"link to {file.Path}";
        }

        try
        {
            return FileDigest(file.Path, token);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new ReportingException($"{file.Path} cannot be read: {exception.Message.TrimEnd('.')}", exception);
        }
    }

    /// <summary>SHA-256 of a file in hexadecimal digits.</summary>
    internal static string FileDigest(string path, CancellationToken token)
    {
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 0, FileOptions.SequentialScan);
        using var sha = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = System.Buffers.ArrayPool<byte>.Shared.Rent(1 << 20);
        try
        {
            for (int count; (count = stream.Read(buffer)) > 0;)
            {
                token.ThrowIfCancellationRequested();
                sha.AppendData(buffer.AsSpan(0, count));
            }

            return Convert.ToHexStringLower(sha.GetHashAndReset());
        }
        finally
        {
            System.Buffers.ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
