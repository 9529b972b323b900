namespace LayerCake.Provenance;

/// <summary>What is known of a package's signature.</summary>
public enum SignatureState
{
    /// <summary>There is none.</summary>
    None,

    /// <summary>There is one, but no key to check it with was given: it says nothing.</summary>
    NotChecked,

    /// <summary>It is the given key's, over exactly the files that are there.</summary>
    Verified,

    /// <summary>It is missing though a key was given, damaged, another key's, or signs other files.</summary>
    Refused,
}
