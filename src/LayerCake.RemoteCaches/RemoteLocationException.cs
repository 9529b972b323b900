namespace LayerCake.RemoteCaches;

/// <summary>
/// The location of a remote cache, or a setting in the environment that belongs to it, cannot be understood: the user's to mend. The message says what, where
/// and what to do, and holds no credentials.
/// </summary>
public sealed class RemoteLocationException(string message, Exception? inner = null) : Exception(message, inner);
