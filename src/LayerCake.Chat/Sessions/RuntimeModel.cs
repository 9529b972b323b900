using LayerCake.Runtime;
using LayerCake.Text;
using LayerCake.Text.Chat;

namespace LayerCake.Chat.Sessions;

/// <summary>A loaded model, as conversations see it.</summary>
internal sealed class RuntimeModel(TurboMindModel model) : IChatModel
{
    public string Name => Template.Name;

    public ChatTemplate Template => model.ChatTemplate;

    public TokenizerFolder Tokenizer => model.Tokenizer;

    public PromptEncoder Encoder => model.PromptEncoder;

    public int SessionLength => model.SessionLength;

    public IChatSession CreateSession() => new RuntimeSession(model.CreateSession());

    private sealed class RuntimeSession(Session session) : IChatSession
    {
        public int Step => session.Step;

        public GenerationResult? LastResult => session.LastResult;

        public IAsyncEnumerable<GeneratedToken> GenerateAsync(IReadOnlyList<int> ids, GenerationOptions options, CancellationToken cancellationToken) =>
            session.GenerateAsync(ids, options, cancellationToken);

        public void Reset() => session.Reset();

        public void Dispose() => session.Dispose();
    }
}
