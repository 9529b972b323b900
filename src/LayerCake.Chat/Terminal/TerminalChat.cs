using System.Globalization;
using System.Security.Cryptography;
using LayerCake.Chat.Sessions;
using LayerCake.Runtime;
using LayerCake.Text.Chat;

namespace LayerCake.Chat.Terminal;

/// <summary>
/// A conversation in turns on standard input and output, with the prompts, end words and session rules of <c>lmdeploy chat turbomind</c>: <c>exit</c> ends it,
/// <c>end</c> begins a new session.
/// </summary>
public sealed class TerminalChat
{
    private readonly IChatModel _model;
    private readonly TerminalChatOptions _options;
    private readonly Stream _input;
    private readonly TextWriter _output;
    private readonly TextWriter _error;
    private readonly ChatTemplate _template;
    private readonly StopWords _stopWords;
    private readonly int _sessionLength;

    /// <summary>A conversation with a loaded model.</summary>
    /// <param name="model">Not disposed.</param>
    /// <param name="options">How it goes.</param>
    /// <param name="input">UTF-8 bytes; reading may block.</param>
    /// <param name="output">For prompts and answers.</param>
    /// <param name="error">For what could not be done.</param>
    /// <exception cref="ChatTemplateException">A stop word is empty.</exception>
    public TerminalChat(TurboMindModel model, TerminalChatOptions options, Stream input, TextWriter output, TextWriter error)
        : this(new RuntimeModel(model), options, input, output, error)
    {
    }

    internal TerminalChat(IChatModel model, TerminalChatOptions options, Stream input, TextWriter output, TextWriter error)
    {
        (_model, _options, _input, _output, _error, _template) = (model, options, input, output, error, options.Template);
        _stopWords = StopWords.Of(_template.StopWords, model.Encoder);
        _sessionLength = Math.Min(_template.SessionLength, model.SessionLength);
    }

    /// <summary>Reads prompts and answers them until the end.</summary>
    /// <param name="interrupts">Ctrl+C and signals.</param>
    public async Task<TerminalChatEnd> RunAsync(ChatInterrupts interrupts)
    {
        ArgumentNullException.ThrowIfNull(interrupts);
        var marks = PromptMarks.Of(_template.Name);
        var reader = new PromptReader(_input, marks.Terminator);
        var end = TerminalChatEnd.Ended;
        using var session = _model.CreateSession();
        _output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"session {_options.SessionId}"));
        try
        {
            while (true)
            {
                _output.Write(marks.Invitation);
                try
                {
                    // Reading cannot be cancelled; the thread that waits for a line does not keep the process.
                    switch (await Task.Run(reader.Read).WaitAsync(interrupts.Conversation).ConfigureAwait(false))
                    {
                        case null:
                            _output.WriteLine();
                            return end;
                        case "exit":
                            return end;
                        case "end":
                            session.Reset();
                            break;
                        case "":
                            _error.WriteLine("The prompt is empty. Write a question, 'end' for a new session, or 'exit'.");
                            break;
                        case var prompt:
                            await AnswerAsync(session, prompt, interrupts).ConfigureAwait(false);
                            break;
                    }
                }
                catch (Exception exception) when (exception is PromptException or ChatTemplateException or RuntimeException)
                {
                    _error.WriteLine(exception.Message);
                    end = TerminalChatEnd.Refused;
                }
            }
        }
        catch (OperationCanceledException) when (interrupts.Conversation.IsCancellationRequested)
        {
            _output.WriteLine();
            return TerminalChatEnd.Interrupted;
        }
    }

    private async Task AnswerAsync(IChatSession session, string prompt, ChatInterrupts interrupts)
    {
        // Only conversations go on; with any other capability each prompt stands alone.
        if (_template.Capability != ChatCapability.Chat)
        {
            session.Reset();
        }

        var isFirst = session.Step == 0;
        var rendered = _template.Render(prompt, isFirst);
        var ids = _model.Encoder.Encode(rendered, isFirst);
        if ((long)session.Step + ids.Length + _options.RequestOutputLength >= _sessionLength)
        {
            _output.WriteLine("WARNING: exceed session max length. Please end the session.");
            throw new PromptException(string.Create(
                CultureInfo.InvariantCulture,
                $"The session has {session.Step} tokens, the prompt {ids.Length}, and the answer may have {_options.RequestOutputLength}: together they must be fewer than {_sessionLength}. 'end' begins a new session; --request_output_len shortens answers."));
        }

        var (answer, sampling) = (new Answer(session, _model.Tokenizer), Sampling(isFirst));
        var cancellation = interrupts.BeginAnswer();
        try
        {
            _output.Write(Shown(rendered) + " ");
            await ShowAsync(answer.ReadAsync(ids, sampling, _stopWords.Texts, cancellation)).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!interrupts.Conversation.IsCancellationRequested)
        {
            // Ctrl+C: what was shown is the answer.
        }
        finally
        {
            interrupts.EndAnswer();
            _output.WriteLine();
        }

        if (!answer.HasEnded)
        {
            // The session is as before the question; what was said belongs to its history.
            var keep = session.GenerateAsync([.. ids, .. answer.Tokens], sampling with { RequestOutputLength = 0 }, interrupts.Conversation);
            await foreach (var _ in keep.ConfigureAwait(false))
            {
            }
        }
    }

    private async Task ShowAsync(IAsyncEnumerable<string> pieces)
    {
        var whole = new List<string>();
        try
        {
            await foreach (var piece in pieces.ConfigureAwait(false))
            {
                if (_options.StreamOutput)
                {
                    _output.Write(Shown(piece));
                }
                else
                {
                    whole.Add(piece);
                }
            }
        }
        finally
        {
            _output.Write(Shown(string.Concat(whole)));
        }
    }

    private GenerationOptions Sampling(bool isFirst) => GenerationOptions.From(_template.Sampling) with
    {
        RequestOutputLength = _options.RequestOutputLength,
        StopWords = _stopWords.Tokens,
        RandomSeed = isFirst ? _options.Seed ?? BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong))) : null,
    };

    private string Shown(string text) => _options.IsTerminal ? ControlPictures.Of(text) : text;
}
