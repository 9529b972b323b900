namespace LayerCake.Recipes;

/// <summary>What an unquoted scalar is.</summary>
internal enum ScalarKind
{
    Text,
    Null,
    Boolean,

    /// <summary>yes, on, True…: a truth value to some YAML readers, a text to others.</summary>
    BooleanLike,
    Integer,

    /// <summary>010, 0x10, 1_000, +4, 1:30: a number to some YAML readers, another number or a text to others.</summary>
    IntegerLike,
    Real,
}
