using LayerCake.Text;
using LayerCake.Text.Chat;

namespace LayerCake.Chat.Sessions;

/// <summary>What a conversation needs of a model.</summary>
internal interface IChatModel
{
    /// <summary>The name that clients give: that of the chat template.</summary>
    string Name { get; }

    /// <summary>The template of the model's own name.</summary>
    ChatTemplate Template { get; }

    TokenizerFolder Tokenizer { get; }

    PromptEncoder Encoder { get; }

    /// <summary>The most tokens a session may have.</summary>
    int SessionLength { get; }

    /// <summary>A session with an empty history.</summary>
    IChatSession CreateSession();
}
