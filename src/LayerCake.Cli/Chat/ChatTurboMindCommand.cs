using System.CommandLine;
using System.Text;
using LayerCake.Chat.Terminal;
using LayerCake.Cli.Console;
using LayerCake.Cli.Lite;
using LayerCake.Runtime;
using LayerCake.Text.Chat;
using LayerCake.TurboMind;

namespace LayerCake.Cli.Chat;

/// <summary><c>layercake chat turbomind</c>.</summary>
internal sealed class ChatTurboMindCommand : FireCommand
{
    private readonly FireParameter _modelPath = new("model_path", "A workspace, or a model's folder.", required: true);
    private readonly FireParameter _sessionId = new("session_id", "The number that the first line shows.", "1");
    private readonly FireParameter _capability = new("cap", "chat, completion; with codellama also infilling and python.", "chat");
    private readonly FireParameter _tensorParallel = new("tp", "Accepted for compatibility: workspaces of any degree are read as they are.", "1");
    private readonly FireParameter _streamOutput = new("stream_output", "Shows answers as they come.", "True", isSwitch: true);
    private readonly FireParameter _requestOutputLength = new("request_output_len", "The most tokens of an answer.", "512");
    private readonly FireParameter _modelName = new("model_name", "The chat template of a model's folder, for example internlm-chat-7b.");
    private readonly FireParameter _modelFormat = new("model_format", "hf or awq: what a model's folder must hold.");
    private readonly FireParameter _groupSize = new("group_size", "The group size that an AWQ folder must have.");
    private readonly TemplateParameters _template = new();
    private readonly EngineParameters _engine = new();

    private readonly Option<ulong?> _seed = new("--seed") { Description = "Every session draws with this seed; otherwise each has a random one.", HelpName = "SEED" };
    private readonly Option<string> _device = new("--device")
    {
        Description = "auto, cpu or cuda.",
        DefaultValueFactory = _ => "auto",
        HelpName = "auto|cpu|cuda",
    };

    protected override string Name => "turbomind";

    protected override string Description => "Talks with a model in the terminal: 'exit' ends it, 'end' begins a new session.";

    protected override IReadOnlyList<FireParameter> Signature => [_modelPath, _sessionId, _capability, _tensorParallel, _streamOutput];

    protected override IReadOnlyList<FireParameter> Keywords =>
        [_requestOutputLength, _modelName, _modelFormat, _groupSize, .. _template.All, .. _engine.All];

    protected override IReadOnlyList<Option> Extensions => [_seed, _device];

    protected override async Task<ExitCode> RunAsync(ParseResult result, CancellationToken cancellationToken)
    {
        var options = ConversationOptions(result);
        var interrupts = new ChatInterrupts();
        using var signals = new ConversationSignals(interrupts);
        using var model = Load(result, interrupts.Conversation);
        foreach (var warning in model.Warnings)
        {
            System.Console.Error.WriteLine($"warning: {warning}");
        }

        using var input = ConversationInput.Open();
        await using var output = new StreamWriter(System.Console.OpenStandardOutput(), new UTF8Encoding(false)) { AutoFlush = true, NewLine = "\n" };
        var end = await new TerminalChat(model, options, input, output, System.Console.Error).RunAsync(interrupts).ConfigureAwait(false);
        return end switch
        {
            TerminalChatEnd.Interrupted => ExitCode.Interrupted,
            // A person has seen the message; a script sees only this.
            TerminalChatEnd.Refused when System.Console.IsInputRedirected => ExitCode.Input,
            _ => ExitCode.Success,
        };
    }

    private TerminalChatOptions ConversationOptions(ParseResult result)
    {
        var name = TemplateName(result, Required(result, _modelPath));
        if (Integer(result, _tensorParallel, 1) is var degree && !int.IsPow2(degree))
        {
            throw new UsageException($"--tp takes a power of two, not '{degree}'.");
        }

        return new TerminalChatOptions
        {
            SessionId = Integer(result, _sessionId, 0),
            StreamOutput = Switch(result, _streamOutput),
            RequestOutputLength = Integer(result, _requestOutputLength, 1),
            Template = _template.Apply(name, Required(result, _capability), parameter => Text(result, parameter)),
            Seed = result.GetValue(_seed),
            IsTerminal = !System.Console.IsOutputRedirected,
        };
    }

    /// <summary>A workspace names its template itself; of a model's folder the user says it.</summary>
    private string TemplateName(ParseResult result, string path)
    {
        var given = Text(result, _modelName);
        if (!Directory.Exists(path))
        {
            throw new WorkspaceException($"{path}: there is no such folder. A workspace is wanted, as 'layercake convert' makes it, or a model's folder; models are not downloaded.");
        }

        // The weights folder of a workspace is taken for it, as elsewhere.
        var isWorkspace = WorkspacePaths.IsWorkspace(path);
        var configuration = isWorkspace ? WorkspacePaths.Configuration(path) : Path.Combine(path, EngineConfigurationFile.FileName);
        if (isWorkspace || File.Exists(configuration))
        {
            return given ?? EngineConfigurationFile.Read(configuration).ModelName;
        }

        if (given is null)
        {
            throw new UsageException(
                $"{path} is no workspace (it has no folder {WorkspacePaths.Models}). If it is a model's folder, name its chat template: --model_name internlm-chat-7b, for example.");
        }

        try
        {
            return ChatTemplate.Find(given).Name;
        }
        catch (ChatTemplateException exception)
        {
            throw new UsageException($"--model_name {given}: {exception.Message}");
        }
    }

    private TurboMindModel Load(ParseResult result, CancellationToken cancellationToken)
    {
        var path = Required(result, _modelPath);
        var options = _engine.Apply(new RuntimeOptions { ModelName = Text(result, _modelName), Device = Device(result) }, parameter => Text(result, parameter));
        if (_template.SetsSessionLength(parameter => Text(result, parameter)))
        {
            options = options with { SessionLength = (int)Math.Min(int.MaxValue, ConversationOptions(result).Template.SessionLength + 8L) };
        }

        var model = LoadingDisplay.Show(path, () => TurboMindModel.Load(path, options, cancellationToken));
        try
        {
            Check(result, model);
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    private void Check(ParseResult result, TurboMindModel model)
    {
        var isAwq = model.SourceKind == ModelSourceKind.AwqCheckpoint;
        switch (Text(result, _modelFormat))
        {
            case null:
            case "hf" when model.SourceKind == ModelSourceKind.Checkpoint:
            case "awq" when isAwq:
                break;
            case "hf" or "awq" when model.SourceKind == ModelSourceKind.Workspace:
                System.Console.Error.WriteLine("warning: --model_format belongs to a model's folder; a workspace has its own.");
                break;
            case ("hf" or "awq") and var format:
                throw new UsageException($"--model_format {format}: {model.Path} holds {(isAwq ? "AWQ's int4 weights" : "weights that are not quantized")}.");
            case var other:
                throw new UsageException($"--model_format takes hf or awq, not '{other}'.");
        }

        if (Text(result, _groupSize) is { } text
            && FireParameter.ParseInteger(_groupSize.Name, text, 0) is var groupSize and > 0 && isAwq && groupSize != model.Configuration.GroupSize)
        {
            throw new UsageException($"--group_size {groupSize}: {model.Path} has groups of {model.Configuration.GroupSize}.");
        }
    }

    private RuntimeDevice Device(ParseResult result) => result.GetValue(_device) switch
    {
        "auto" => RuntimeDevice.Auto,
        "cpu" => RuntimeDevice.Cpu,
        "cuda" => RuntimeDevice.Cuda,
        var other => throw new UsageException($"--device takes auto, cpu or cuda, not '{other}'."),
    };
}
