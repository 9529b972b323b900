namespace LayerCake.Building;

/// <summary>A remote cache could not do what it was asked, after all retries. The message says what and why, without credentials. It never ends a build.</summary>
public sealed class RemoteCacheException(string message, Exception? inner = null) : Exception(message, inner);
