namespace LayerCake.Quantization.Tests;

/// <summary>Parts in memory.</summary>
internal sealed class MemoryParts : ILayerParts
{
    private readonly Dictionary<string, byte[]> _parts = new(StringComparer.Ordinal);

    /// <summary>What was committed and not removed, sorted.</summary>
    public IReadOnlyList<string> Names
    {
        get
        {
            lock (_parts)
            {
                return [.. _parts.Keys.Order(StringComparer.Ordinal)];
            }
        }
    }

    /// <summary>What a run that goes on has said: finished, of all.</summary>
    public List<(int Finished, int Layers)> Said { get; } = [];

    /// <summary>Called after each commit.</summary>
    public Action<string>? Committed { get; set; }

    public byte[] this[string name]
    {
        get => _parts[name];
        set => _parts[name] = value;
    }

    public Stream? TryOpen(string name)
    {
        lock (_parts)
        {
            return _parts.TryGetValue(name, out var bytes) ? new MemoryStream(bytes, writable: false) : null;
        }
    }

    public ILayerPart Begin(string name) => new Part(this, name);

    public void Remove(string name)
    {
        lock (_parts)
        {
            _parts.Remove(name);
        }
    }

    public void Resumed(int finished, int layers) => Said.Add((finished, layers));

    private sealed class Part(MemoryParts parts, string name) : ILayerPart
    {
        private readonly MemoryStream _stream = new();

        public void Write(ReadOnlySpan<byte> bytes) => _stream.Write(bytes);

        public void Commit()
        {
            lock (parts._parts)
            {
                parts._parts[name] = _stream.ToArray();
            }

            parts.Committed?.Invoke(name);
        }

        public void Dispose() => _stream.Dispose();
    }
}
