namespace LayerCake.Recipes;

/// <summary>Which text calibration reads.</summary>
public abstract record CalibrationSource
{
    private protected CalibrationSource(string text) => Text = text;

    /// <summary>The value as written in the recipe.</summary>
    public string Text { get; }

    /// <summary>What a key holds of it: how the text is read. Which text it is, the digest of the file says.</summary>
    public abstract string Reading { get; }

    public sealed override string ToString() => Text;
}

/// <summary>A local file; a relative path counts from the recipe's folder.</summary>
/// <param name="Path">The path as written.</param>
/// <param name="IsJsonLines">One JSON object with a <c>text</c> field a line, instead of plain text.</param>
public sealed record CalibrationFile(string Path, bool IsJsonLines) : CalibrationSource(Path)
{
    public override string Reading => IsJsonLines ? "jsonl" : "txt";
}

/// <summary>One of the data sets that the original downloads: ptb, c4, wikitext2 or pileval.</summary>
public sealed record NamedCalibrationSet(string Name) : CalibrationSource(Name)
{
    public override string Reading => Name;
}
