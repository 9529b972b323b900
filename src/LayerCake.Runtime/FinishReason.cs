namespace LayerCake.Runtime;

/// <summary>Why an answer ended.</summary>
public enum FinishReason
{
    /// <summary>The model generated its end token.</summary>
    EndToken,

    /// <summary>The newest tokens were a stop word.</summary>
    StopWord,

    /// <summary>As many tokens as were asked for.</summary>
    Length,

    /// <summary>The session is full.</summary>
    SessionLength,

    /// <summary>The caller cancelled or stopped reading; the session is as before the call.</summary>
    Cancelled,
}
