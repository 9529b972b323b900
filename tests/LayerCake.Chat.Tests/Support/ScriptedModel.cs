using System.Runtime.CompilerServices;
using LayerCake.Chat.Sessions;
using LayerCake.Runtime;
using LayerCake.Testing;
using LayerCake.Text;
using LayerCake.Text.Chat;

namespace LayerCake.Chat.Tests;

/// <summary>Gives written answers, one after another, with the rules of a real session: the history grows, and an answer that is left goes away.</summary>
internal sealed class ScriptedModel(string template, params string[] answers) : IChatModel
{
    private static readonly TokenizerFolder Folder = TokenizerFolder.Open(RepositoryFiles.DemoModel);
    private static readonly PromptEncoder Prompts = new(Folder);

    private int _next;

    public string Name => template;

    public ChatTemplate Template { get; } = ChatTemplate.Find(template);

    public TokenizerFolder Tokenizer => Folder;

    public PromptEncoder Encoder => Prompts;

    public int SessionLength { get; init; } = 2056;

    /// <summary>Is called before each token with its number, from 0.</summary>
    public Action<int>? BeforeToken { get; set; }

    /// <summary>What was asked, in order.</summary>
    public List<Call> Calls { get; } = [];

    public int OpenSessions { get; private set; }

    public static int[] Ids(string text) => Folder.Tokenizer.Encode(text);

    public IChatSession CreateSession()
    {
        OpenSessions++;
        return new Session(this);
    }

    private string NextAnswer() => answers[_next++];

    public sealed record Call(int Step, IReadOnlyList<int> Ids, GenerationOptions Options)
    {
        /// <summary>The prompt, BOS shown.</summary>
        public string Text => (Ids.Count > 0 && Ids[0] == Folder.BosId ? "<s>" : "") + Folder.Tokenizer.Decode(Ids);
    }

    private sealed class Session(ScriptedModel model) : IChatSession
    {
        private int _step;

        public int Step => _step;

        public GenerationResult? LastResult { get; private set; }

        public async IAsyncEnumerable<GeneratedToken> GenerateAsync(
            IReadOnlyList<int> ids, GenerationOptions options, [EnumeratorCancellation] CancellationToken cancellationToken)
        {
            model.Calls.Add(new Call(_step, [.. ids], options));
            var before = _step;
            var stop = options.StopWords.Select(word => word.Single()).ToHashSet();
            var answer = options.RequestOutputLength == 0 ? [] : Ids(model.NextAnswer());
            var (count, reason) = (0, FinishReason.EndToken);
            foreach (var id in answer)
            {
                if (count == options.RequestOutputLength)
                {
                    reason = FinishReason.Length;
                    break;
                }

                model.BeforeToken?.Invoke(count);
                await Task.Yield();
                cancellationToken.ThrowIfCancellationRequested();
                count++;
                if (stop.Contains(id))
                {
                    reason = FinishReason.StopWord;
                    break;
                }

                yield return new GeneratedToken(id, count);
            }

            _step = before + ids.Count + count;
            LastResult = new GenerationResult(reason, before, ids.Count, count);
        }

        public void Reset() => _step = 0;

        public void Dispose() => model.OpenSessions--;
    }
}
