namespace LayerCake.Recipes;

/// <summary>Collects what is wrong, so that one run tells it all.</summary>
internal sealed class FaultList
{
    // A file of a million unknown keys is the wrong file; nobody reads on.
    private const int Most = 1000;

    private readonly List<RecipeFault> _faults = [];
    private readonly HashSet<RecipeFault> _known = [];
    private readonly List<string> _files = [];

    public bool IsEmpty => _faults.Count == 0;

    /// <summary>Faults that were found before, such as text that is no YAML; null where there is no such list.</summary>
    public FaultList? Earlier { get; init; }

    /// <summary>Whether all was read and nothing is wrong, here and earlier: what a recipe can be made of.</summary>
    public bool IsClean => IsEmpty && !IsPartial && Earlier is null or { IsClean: true };

    public bool IsFull => _faults.Count >= Most;

    /// <summary>What was found, each once, in the order found.</summary>
    public IReadOnlyList<RecipeFault> Found => _faults;

    /// <summary>Whether a part of the recipe could not be read, such as one that it extends: what seems to be missing may stand there, and is no fault.</summary>
    public bool IsPartial { get; set; }

    /// <summary>Notes a file whose faults come after those of the files before.</summary>
    public void AddFile(string file)
    {
        if (!_files.Contains(file))
        {
            _files.Add(file);
        }
    }

    public void Add(Origin origin, string message) => Add(origin.Fault(message));

    public void Add(RecipeFault fault)
    {
        if (!IsFull && _known.Add(fault))
        {
            _faults.Add(fault);
        }
    }

    /// <summary>
    /// Throws when there is a fault: those with a line first, file by file and by line, then those of arguments, each group in the order found.
    /// </summary>
    public void ThrowIfAny()
    {
        if (!IsEmpty)
        {
            throw new RecipeException(
            [
                .. _faults.OrderBy(fault => fault.Line == 0).ThenBy(fault => _files.IndexOf(fault.File)).ThenBy(fault => fault.Line).ThenBy(fault => fault.Column),
            ]);
        }
    }
}
