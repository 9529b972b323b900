namespace LayerCake.Recipes;

/// <summary>Where a node was written. Each node keeps its own, so that values can come from several places and still be found.</summary>
internal readonly record struct Origin(string File, int Line, int Column)
{
    public RecipeFault Fault(string message) => new(File, Line, Column, message);
}

/// <summary>A piece of the document, not yet understood.</summary>
internal abstract class Node(Origin origin)
{
    public Origin Origin { get; } = origin;

    /// <summary>What a message calls it: "a list", "the number 4".</summary>
    public abstract string Description { get; }
}

/// <summary>A list; only the values of a matrix are one.</summary>
internal sealed class ListNode(Origin origin) : Node(origin)
{
    public List<Node> Items { get; } = [];

    public override string Description => "a list";
}

/// <summary>Something that has its fault already; nothing more is said of it.</summary>
internal sealed class UnreadableNode(Origin origin) : Node(origin)
{
    public override string Description => "unreadable";
}

/// <summary>Keys with their values, duplicates included, in the order of the file.</summary>
internal sealed class MapNode(Origin origin) : Node(origin)
{
    public List<MapEntry> Entries { get; } = [];

    public override string Description => "a map";

    /// <summary>A map whose entries, and those of the maps in it, can be set without changing this one.</summary>
    public MapNode Clone()
    {
        var clone = new MapNode(Origin);
        clone.Entries.AddRange(Entries.Select(entry => entry.Value is MapNode inner ? entry with { Value = inner.Clone() } : entry));
        return clone;
    }

    public MapEntry? Find(string key) => Entries.Find(entry => entry.Key == key);

    /// <summary>Replaces the value of <paramref name="entry"/>'s key, or appends the entry.</summary>
    public void Set(MapEntry entry)
    {
        var index = Entries.FindIndex(old => old.Key == entry.Key);
        if (index < 0)
        {
            Entries.Add(entry);
        }
        else
        {
            Entries[index] = entry;
        }
    }

    public void Remove(string key) => Entries.RemoveAll(entry => entry.Key == key);
}

/// <summary>A key, where it stands, and its value.</summary>
internal sealed record MapEntry(string Key, Origin Origin, Node Value);
