using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.IO.Hashing;

namespace LayerCake.Checkpoints;

/// <summary>
/// A file of <c>torch.save</c> (.bin, .pth, .pt; PyTorch 1.6 or later): a zip of raw storages and a pickle that describes them. The pickle is read by a
/// reader of our own that makes tensors, dictionaries, sequences, numbers and texts and nothing else; no code in it can run.
/// As a tensor source it lists every tensor: those of the outermost dictionary by their key, those of nested dictionaries and lists by the path of keys
/// joined with '/', for example <c>absmax/model.layers.0</c>. Safe for concurrent reads.
/// </summary>
public sealed class TorchArchive : ITensorSource
{
    /// <summary>The name of a tensor that was saved by itself, without a dictionary around it.</summary>
    private const string BareTensorName = "tensor";

    private const long MaxPickleByteCount = 64L << 20;
    private const int MaxDepth = 64;
    private const int MaxNameLength = 1024;

    /// <summary>Values passed on the way to all tensors. A pickle can refer to the same list many times at each of many levels.</summary>
    private const int MaxVisitCount = 2_000_000;

    private readonly InputFile _file;
    private readonly Dictionary<string, (TensorInfo Info, TorchTensor Tensor)> _byName;

    private TorchArchive(InputFile file, TorchValue root, ImmutableArray<(TensorInfo Info, TorchTensor Tensor)> tensors)
    {
        _file = file;
        Root = root;
        Tensors = [.. tensors.Select(tensor => tensor.Info)];
        _byName = new Dictionary<string, (TensorInfo, TorchTensor)>(tensors.Length, StringComparer.Ordinal);
        foreach (var tensor in tensors)
        {
            if (!_byName.TryAdd(tensor.Info.Name, tensor))
            {
                throw new CheckpointException($"{file.Path}: two tensors would be called '{tensor.Info.Name}'. Save the state dict with keys that have no '/'.");
            }
        }
    }

    public string Path => _file.Path;

    /// <summary>The saved value as it is nested.</summary>
    public TorchValue Root { get; }

    public IReadOnlyList<TensorInfo> Tensors { get; }

    /// <summary>Reads the directory and the pickle and checks every tensor against its storage; no tensor is read.</summary>
    /// <exception cref="CheckpointException">Not a torch archive, cut off, contradictory, or it asks for a Python global that is not plain data.</exception>
    public static TorchArchive Open(string path)
    {
        var file = InputFile.Open(path);
        try
        {
            ForeignContent.Refuse(file, ExpectedContent.TorchArchive);
            var entries = ZipDirectory.Read(file);
            var prefix = FindPrefix(file, entries);
            RequireLittleEndian(file, entries, prefix);
            var pickle = ReadPickle(file, entries[$"{prefix}/data.pkl"]);
            var root = Unpickler.Read(path, pickle, new TorchObjects(path, prefix, entries));
            return new TorchArchive(file, root, new Collector(path).Collect(root));
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>True for zips and torch's older format, by the first bytes; other files are better opened as safetensors, whose errors are clearer.</summary>
    internal static bool LooksLikeOne(string path)
    {
        using var file = InputFile.Open(path);
        return System.IO.Path.GetExtension(path) is ".bin" or ".pth" or ".pt" || file.Head(4).AsSpan().StartsWith("PK"u8);
    }

    public bool TryFind(string name, [NotNullWhen(true)] out TensorInfo? tensor)
    {
        var found = _byName.TryGetValue(name, out var pair);
        tensor = pair.Info;
        return found;
    }

    public void Read(string name, long byteOffset, Span<byte> destination)
    {
        if (!_byName.TryGetValue(name, out var pair))
        {
            throw TensorReading.Absent(this, name);
        }

        TensorReading.RequireRange(this, pair.Info, byteOffset, destination.Length);
        ReadUnchecked(pair.Tensor, byteOffset, destination);
    }

    /// <summary>Reads bytes of a tensor found below <see cref="Root"/>, as if it were contiguous.</summary>
    /// <exception cref="CheckpointException">The range leaves the tensor, or the file is shorter than its directory said.</exception>
    public void Read(TorchTensor tensor, long byteOffset, Span<byte> destination)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        TensorReading.RequireRange(this, new TensorInfo($"storage {tensor.Storage.Key}", tensor.DType, tensor.Shape, tensor.ByteCount), byteOffset, destination.Length);
        ReadUnchecked(tensor, byteOffset, destination);
    }

    public void Dispose() => _file.Dispose();

    private void ReadUnchecked(TorchTensor tensor, long byteOffset, Span<byte> destination)
    {
        if (StridedGather.IsContiguous(tensor))
        {
            _file.ReadExactly(tensor.Storage.FileOffset + (tensor.StorageOffset * tensor.DType.ByteSize()) + byteOffset, destination);
        }
        else
        {
            StridedGather.Read(_file, tensor, byteOffset, destination);
        }
    }

    /// <summary>The one folder that torch.save puts everything in: the file's name at the time, or "archive".</summary>
    private static string FindPrefix(InputFile file, Dictionary<string, ZipEntry> entries)
    {
        var prefixes = entries.Keys
            .Where(name => name.EndsWith("/data.pkl", StringComparison.Ordinal) && name.IndexOf('/') == name.Length - "/data.pkl".Length)
            .Select(name => name[..^"/data.pkl".Length])
            .ToList();
        if (prefixes is not [var prefix])
        {
            throw new CheckpointException(
                $"{file.Path} is a zip archive, but not one of torch.save: it has {prefixes.Count} records '<name>/data.pkl' instead of one. If it holds a model folder, unpack it and name the folder.");
        }

        if (entries.ContainsKey($"{prefix}/constants.pkl"))
        {
            throw new CheckpointException($"{file.Path} is a TorchScript program (torch.jit.save), not a state dict. Save the module's state_dict() with torch.save.");
        }

        return prefix;
    }

    private static void RequireLittleEndian(InputFile file, Dictionary<string, ZipEntry> entries, string prefix)
    {
        // PyTorch 2.1 began to write it; before, everything was little-endian in practice.
        if (!entries.TryGetValue($"{prefix}/byteorder", out var entry))
        {
            return;
        }

        Span<byte> order = stackalloc byte[6];
        if (entry.ByteCount == order.Length)
        {
            file.ReadExactly(entry.DataOffset, order);
        }

        if (!order.SequenceEqual("little"u8))
        {
            throw new CheckpointException($"{file.Path} was saved on a big-endian machine, which is not read here. Load and save it again with PyTorch on a little-endian one.");
        }
    }

    private static byte[] ReadPickle(InputFile file, ZipEntry entry)
    {
        if (entry.ByteCount > MaxPickleByteCount)
        {
            throw new CheckpointException($"{file.Path}: its pickle has {entry.ByteCount} bytes; at most {MaxPickleByteCount} are read. It is not a plain state dict.");
        }

        var pickle = GC.AllocateUninitializedArray<byte>((int)entry.ByteCount);
        file.ReadExactly(entry.DataOffset, pickle);
        return Crc32.HashToUInt32(pickle) == entry.Crc32
            ? pickle
            : throw new CheckpointException($"{file.Path}: the checksum of its pickle does not match. The file is damaged; download or copy it again.");
    }

    /// <summary>Names every tensor below the root by its path.</summary>
    private sealed class Collector(string path)
    {
        private readonly ImmutableArray<(TensorInfo Info, TorchTensor Tensor)>.Builder _tensors = ImmutableArray.CreateBuilder<(TensorInfo, TorchTensor)>();
        private int _visitCount;

        public ImmutableArray<(TensorInfo Info, TorchTensor Tensor)> Collect(TorchValue root)
        {
            Visit(root, "", 0);
            return _tensors.ToImmutable();
        }

        private void Visit(TorchValue value, string name, int depth)
        {
            if (depth > MaxDepth || ++_visitCount > MaxVisitCount)
            {
                throw new CheckpointException($"{path}: its values are nested deeper than {MaxDepth} levels or refer to each other too often. It is not a plain state dict.");
            }

            if (name.Length > MaxNameLength)
            {
                throw new CheckpointException($"{path}: a tensor's name has more than {MaxNameLength} characters ('{name[..60]}...'). It is not a plain state dict.");
            }

            switch (value)
            {
                case TorchTensor tensor:
                    _tensors.Add((new TensorInfo(depth == 0 ? BareTensorName : name, tensor.DType, tensor.Shape, tensor.ByteCount), tensor));
                    break;
                case TorchDictionary dictionary:
                    foreach (var (key, item) in dictionary.Entries)
                    {
                        Visit(item, depth == 0 ? key : $"{name}/{key}", depth + 1);
                    }

                    break;
                case TorchSequence sequence:
                    for (var index = 0; index < sequence.Items.Count; index++)
                    {
                        Visit(sequence.Items[index], depth == 0 ? $"{index}" : $"{name}/{index}", depth + 1);
                    }

                    break;
            }
        }
    }
}
