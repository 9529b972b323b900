namespace LayerCake.Text.Chat;

/// <summary>What a prompt is made for (<c>--cap</c>).</summary>
public enum ChatCapability
{
    /// <summary>A conversation in turns.</summary>
    Chat,

    /// <summary>Going on with a text: the prompt stays as it is.</summary>
    Completion,

    /// <summary>CodeLlama: filling the place that <c>&lt;FILL&gt;</c> marks.</summary>
    Infilling,

    /// <summary>CodeLlama's Python models: going on with a program.</summary>
    Python,
}
