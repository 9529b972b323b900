using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using LayerCake.Checkpoints;

namespace LayerCake.Models;

/// <summary>
/// Writes a checkpoint of random float16 weights as fast as the disk takes it: pieces of one block of noise, several files at once. Weights are normal with the deviation
/// that models are initialized with, norms are near one, so that activations have a model's magnitudes and stay within float16. The same shape and seed give
/// the same bytes.
/// </summary>
public static class SyntheticCheckpoint
{
    /// <summary>Of all weights but the norms', as Llama and InternLM are initialized.</summary>
    public const double StandardDeviation = 0.02;

    /// <summary>Hugging Face's files are at most 10 GB; smaller ones are written and hashed by more cores at once.</summary>
    private const long MaxFileBytes = 2_000_000_000;

    private const int NoiseLength = 16 << 20;
    private const int StripLength = 1 << 16;
    private const int PieceLength = 4 << 20;
    private const int FilesAtOnce = 8;

    private static readonly JsonSerializerOptions Style = new() { WriteIndented = true };

    /// <summary>Writes config.json, generation_config.json and the weights into a folder, which is made.</summary>
    /// <param name="shape">The sizes.</param>
    /// <param name="folder">Where to.</param>
    /// <param name="seed">Another seed gives other weights.</param>
    /// <param name="progress">Told how many bytes of how many are written, from any thread.</param>
    /// <param name="cancellation">Stops it; files that are not complete vanish.</param>
    /// <returns>Bytes of all weights.</returns>
    /// <exception cref="CheckpointException">A file cannot be written.</exception>
    public static long Write(SyntheticShape shape, string folder, int seed, Action<long, long>? progress, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(shape);
        Directory.CreateDirectory(folder);
        var json = shape.Configuration().ToJsonString(Style) + "\n";
        using var parsed = JsonDocument.Parse(json);
        var configuration = ModelConfiguration.Parse(parsed.RootElement, Path.Combine(folder, "config.json"));
        var tensors = ModelLayout.Tensors(configuration).Select((tensor, index) => (Info: TensorInfo.Of(tensor.Name, DType.F16, [.. tensor.Shape]), Index: index)).ToList();
        var files = Split(tensors);
        var noise = Noise(seed);
        var total = tensors.Sum(tensor => tensor.Info.ByteCount);
        var done = 0L;

        try
        {
            Parallel.For(0, files.Count, new ParallelOptions { MaxDegreeOfParallelism = FilesAtOnce, CancellationToken = cancellation }, file =>
            {
                using var writer = SafetensorsWriter.Create(
                    Path.Combine(folder, FileName(file, files.Count)), [.. files[file].Select(tensor => tensor.Info)], new Dictionary<string, string> { ["format"] = "pt" });
                foreach (var (tensor, index) in files[file])
                {
                    WriteTensor(writer, tensor, new Random(HashCode(seed, index)), noise, bytes => progress?.Invoke(Interlocked.Add(ref done, bytes), total), cancellation);
                }

                writer.Complete();
            });
        }
        catch (AggregateException failures) when (failures.InnerExceptions.OfType<CheckpointException>().FirstOrDefault() is { } failure)
        {
            throw failure;
        }

        if (files.Count > 1)
        {
            WriteIndex(folder, files, total);
        }

        File.WriteAllText(Path.Combine(folder, "generation_config.json"), """{ "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 2 }""" + "\n");
        File.WriteAllText(Path.Combine(folder, "config.json"), json);
        return total;
    }

    private static void WriteTensor(SafetensorsWriter writer, TensorInfo tensor, Random random, Half[] noise, Action<int> written, CancellationToken cancellation)
    {
        var isNorm = tensor.Name.EndsWith("norm.weight", StringComparison.Ordinal);
        var scratch = isNorm ? new Half[tensor.ElementCount] : [];
        for (long first = 0; first < tensor.ElementCount; first += PieceLength)
        {
            cancellation.ThrowIfCancellationRequested();
            var count = (int)Math.Min(PieceLength, tensor.ElementCount - first);
            ReadOnlySpan<Half> values = noise.AsSpan(random.Next(NoiseLength - count), count);
            if (isNorm)
            {
                for (var i = 0; i < count; i++)
                {
                    scratch[i] = (Half)(1 + (2 * (float)values[i]));
                }

                values = scratch;
            }

            writer.WriteChunk(tensor.Name, MemoryMarshal.AsBytes(values));
            written(count * 2);
        }
    }

    /// <summary>Normal values, never zero.</summary>
    private static Half[] Noise(int seed)
    {
        var noise = new Half[NoiseLength];
        Parallel.For(0, NoiseLength / StripLength, strip =>
        {
            var random = new Random(HashCode(seed, -1 - strip));
            var values = noise.AsSpan(strip * StripLength, StripLength);
            for (var i = 0; i < StripLength; i += 2)
            {
                // Box and Muller.
                var radius = StandardDeviation * Math.Sqrt(-2 * Math.Log(1 - random.NextDouble()));
                var (sine, cosine) = Math.SinCos(2 * Math.PI * random.NextDouble());
                (values[i], values[i + 1]) = (NotZero(radius * sine), NotZero(radius * cosine));
            }
        });
        return noise;
    }

    private static Half NotZero(double value) => (Half)value == Half.Zero ? Half.Epsilon : (Half)value;

    private static List<List<(TensorInfo Info, int Index)>> Split(List<(TensorInfo Info, int Index)> tensors)
    {
        var files = new List<List<(TensorInfo, int)>>();
        var room = 0L;
        foreach (var tensor in tensors)
        {
            if (files.Count == 0 || tensor.Info.ByteCount > room)
            {
                files.Add([]);
                room = MaxFileBytes;
            }

            files[^1].Add(tensor);
            room -= tensor.Info.ByteCount;
        }

        return files;
    }

    private static string FileName(int file, int count) => count == 1
        ? "model.safetensors"
        : string.Create(CultureInfo.InvariantCulture, $"model-{file + 1:00000}-of-{count:00000}.safetensors");

    private static void WriteIndex(string folder, List<List<(TensorInfo Info, int Index)>> files, long total)
    {
        var places = files.SelectMany((tensors, file) => tensors.Select(tensor => KeyValuePair.Create(tensor.Info.Name, FileName(file, files.Count))))
            .OrderBy(place => place.Key, StringComparer.Ordinal);
        var index = new { metadata = new { total_size = total }, weight_map = new Dictionary<string, string>(places) };
        File.WriteAllText(Path.Combine(folder, "model.safetensors.index.json"), JsonSerializer.Serialize(index, Style) + "\n");
    }

    /// <summary>The same on every run, unlike <see cref="System.HashCode"/>.</summary>
    private static int HashCode(int seed, int index) => unchecked((seed * 486187739) + (index * 16777619) + 374761393);
}
