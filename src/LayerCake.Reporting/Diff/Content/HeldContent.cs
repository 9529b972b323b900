namespace LayerCake.Reporting;

/// <summary>What one of the two sides of a comparison holds.</summary>
internal sealed class HeldContent : IDisposable
{
    private readonly List<IDisposable> _open = [];

    public required string Path { get; init; }

    public required HeldKind Kind { get; init; }

    /// <summary>Names in the order in which they lie: embedding, layers, norm, head.</summary>
    public List<string> Order { get; } = [];

    public Dictionary<string, TensorContent> Tensors { get; } = new(StringComparer.Ordinal);

    /// <summary>4-bit matrices by their module's name; their tensors are not among <see cref="Tensors"/>.</summary>
    public Dictionary<string, PackedContent> Packed { get; } = new(StringComparer.Ordinal);

    /// <summary>Scales of an int8 KV cache by file name: k_scale, k_zp, v_scale, v_zp.</summary>
    public SortedDictionary<string, float[]> KeyValueScales { get; } = new(StringComparer.Ordinal);

    /// <summary>The keys of config.ini in its order; empty where there is none.</summary>
    public List<KeyValuePair<string, string>> Settings { get; } = [];

    /// <summary>Full path of the file that <see cref="Settings"/> come from.</summary>
    public string? SettingsFile { get; set; }

    /// <summary>All other files by their path in the folder; full path, or a link's target.</summary>
    public SortedDictionary<string, HeldFile> Files { get; } = new(StringComparer.Ordinal);

    public void Add(string name, TensorContent tensor)
    {
        if (!Tensors.TryAdd(name, tensor))
        {
            throw new ReportingException($"{Path} holds two tensors called '{name}'; compare files one by one");
        }

        Order.Add(name);
    }

    public void Add(string name, PackedContent packed)
    {
        Packed.Add(name, packed);
        Order.Add(name);
    }

    public void Keep(IDisposable open) => _open.Add(open);

    public void Dispose() => _open.ForEach(open => open.Dispose());
}

internal enum HeldKind
{
    Workspace,
    Checkpoint,
    Files,
}

/// <param name="Path">Full path of the file; the target where it is a link.</param>
/// <param name="IsLink">Whether it is a symbolic link, which is compared and not followed.</param>
internal sealed record HeldFile(string Path, bool IsLink);
