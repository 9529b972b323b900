using System.Runtime.ExceptionServices;

namespace LayerCake.RemoteCaches;

/// <summary>Carries what the caller's own stream threw past the handlers that would take it for a fault of the remote side.</summary>
internal sealed class LocalException(Exception failure) : Exception(failure.Message, failure)
{
    /// <summary>Throws the failure as it was.</summary>
    public void Rethrow() => ExceptionDispatchInfo.Throw(InnerException!);
}
