// Loads a workspace and holds a conversation of several turns: dotnet run --project samples/Generate WORKSPACE "First prompt" "Second prompt" ...

using System.Collections.Immutable;
using LayerCake.Runtime;
using LayerCake.Text.Chat;

if (args.Length < 2)
{
    Console.Error.WriteLine("usage: generate-sample WORKSPACE PROMPT [PROMPT ...]");
    return 2;
}

// A model's folder that is no workspace names no chat template, so one is given here; a workspace has its own.
var isWorkspace = Directory.Exists(Path.Combine(args[0], "triton_models"));
using var model = TurboMindModel.Load(args[0], new RuntimeOptions { ModelName = isWorkspace ? null : "internlm-chat-7b" });

var template = model.ChatTemplate;
var options = GenerationOptions.From(template.Sampling) with
{
    TopK = 1, // the likeliest token every time: the same answer in every run
    RequestOutputLength = 64,
    StopWords = [.. template.StopWords.Select(word => model.PromptEncoder.EncodeStopWord(word).ToImmutableArray())],
};

// The session keeps the history; each turn is rendered and encoded alone.
using var session = model.CreateSession();
foreach (var prompt in args[1..])
{
    var isFirst = session.Step == 0;
    var ids = model.PromptEncoder.Encode(template.Render(prompt, isFirst), isFirst);

    Console.WriteLine($"> {prompt}");
    var text = new StreamingDetokenizer(model.Tokenizer);
    await foreach (var token in session.GenerateAsync(ids, options))
    {
        Console.Write(text.Append(token.Id));
    }

    Console.WriteLine(text.Complete());
    Console.WriteLine($"({session.LastResult!.GeneratedTokenCount} tokens, {session.LastResult.FinishReason}, {session.Step} in the session)");
}

return 0;
