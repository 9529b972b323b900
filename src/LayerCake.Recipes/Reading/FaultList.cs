namespace LayerCake.Recipes;

/// <summary>Collects what is wrong, so that one run tells it all.</summary>
internal sealed class FaultList
{
    // A file of a million unknown keys is the wrong file; nobody reads on.
    private const int Most = 1000;

    private readonly List<RecipeFault> _faults = [];

    public bool IsEmpty => _faults.Count == 0;

    public bool IsFull => _faults.Count >= Most;

    public void Add(Origin origin, string message)
    {
        if (!IsFull)
        {
            _faults.Add(origin.Fault(message));
        }
    }

    /// <summary>Throws when there is a fault: those with a line first and by line, then those of arguments, each group in the order found.</summary>
    public void ThrowIfAny()
    {
        if (!IsEmpty)
        {
            throw new RecipeException([.. _faults.Distinct().OrderBy(fault => fault.Line == 0).ThenBy(fault => fault.Line).ThenBy(fault => fault.Column)]);
        }
    }
}
