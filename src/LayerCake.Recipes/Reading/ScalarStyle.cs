namespace LayerCake.Recipes;

/// <summary>How a scalar was written, which decides how strictly it is read.</summary>
internal enum ScalarStyle
{
    /// <summary>Without quotes: what it is follows from its letters.</summary>
    Plain,

    /// <summary>In quotes or as a block: a text.</summary>
    Quoted,

    /// <summary>The value of an argument, where quotes are the shell's: whatever the field wants.</summary>
    Argument,
}
