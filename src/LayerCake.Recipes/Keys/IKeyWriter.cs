namespace LayerCake.Recipes;

/// <summary>
/// Takes the named fields that decide the bytes of a step. One implementation hashes them, another keeps them as a document; since both see
/// the same calls, what is explained is exactly what was hashed.
/// </summary>
/// <remarks>
/// Field names are those of the recipe (<c>group_size</c>), so that an explanation speaks the user's words. The caller writes each name once
/// per nesting level and in a fixed order.
/// </remarks>
public interface IKeyWriter
{
    void Add(string name, string value);

    void Add(string name, long value);

    void Add(string name, bool value);

    /// <summary>Adds a group of fields that <paramref name="write"/> writes.</summary>
    void AddNested(string name, Action<IKeyWriter> write);
}
