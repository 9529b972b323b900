// Asks a workspace several questions at once through Microsoft.Extensions.AI: dotnet run --project samples/ChatClient WORKSPACE "Question" "Question" ...

using LayerCake.Chat;
using LayerCake.Runtime;
using Microsoft.Extensions.AI;

if (args.Length < 2)
{
    Console.Error.WriteLine("usage: chat-client-sample WORKSPACE QUESTION [QUESTION ...]");
    return 2;
}

// A model's folder that is no workspace names no chat template, so one is given here; a workspace has its own.
var isWorkspace = Directory.Exists(Path.Combine(args[0], "triton_models"));
using var model = TurboMindModel.Load(args[0], new RuntimeOptions { ModelName = isWorkspace ? null : "internlm-chat-7b" });
using IChatClient client = new TurboMindChatClient(model);

// The calls run at once; the model computes their tokens together.
var options = new ChatOptions { TopK = 1, MaxOutputTokens = 64, StopSequences = ["\n\n"] };
var answers = await Task.WhenAll(args[1..].Select(question => client.GetResponseAsync(question, options)));
foreach (var (question, answer) in args[1..].Zip(answers))
{
    Console.WriteLine($"> {question}");
    Console.WriteLine(answer.Text);
    Console.WriteLine($"({answer.Usage?.OutputTokenCount} tokens, {answer.FinishReason})");
}

return 0;
