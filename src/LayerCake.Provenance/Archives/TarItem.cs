namespace LayerCake.Provenance;

/// <summary>An entry's header as it stands in an archive.</summary>
/// <param name="Path">Its name, unchecked.</param>
/// <param name="Type">One of the types of <see cref="TarFormat"/>, or any other byte.</param>
/// <param name="Size">How many bytes follow.</param>
/// <param name="Target">Of a link, unchecked.</param>
internal sealed record TarItem(string Path, byte Type, long Size, string Target);
