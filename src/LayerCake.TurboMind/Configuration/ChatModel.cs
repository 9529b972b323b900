using System.Collections.Immutable;

namespace LayerCake.TurboMind;

/// <summary>A chat template registered in LMDeploy v0.1.0. Its name goes into config.ini and decides the session length there.</summary>
/// <param name="Name">As typed by users, case-sensitive.</param>
/// <param name="TemplateLength">Tokens the template allows for a session.</param>
public sealed record ChatModel(string Name, int TemplateLength)
{
    /// <summary>The engine gets eight tokens more than the template allows.</summary>
    public int SessionLength => TemplateLength + 8;

    /// <summary>The part of the name before its first hyphen; it decides the source format.</summary>
    public string Prefix => Name.Split('-', 2)[0];

    /// <summary>All names in the order in which LMDeploy registers (and lists) them.</summary>
    public static ImmutableArray<ChatModel> All { get; } =
    [
        new("base", 2048), new("llama", 2048), new("internlm", 2048),
        new("vicuna", 2048), new("wizardlM", 2048),
        new("internlm-chat-7b", 2048), new("internlm-chat", 2048),
        new("internlm-chat-7b-8k", 8192), new("internlm-chat-20b", 8192),
        new("internlm-20b", 4096),
        new("baichuan-7b", 2048), new("baichuan2-7b", 2048),
        new("puyu", 2048), new("llama2", 4096),
        new("qwen-7b", 8192), new("qwen-14b", 8192),
        new("codellama", 4096), new("solar", 2048),
        new("ultralm", 2048), new("ultracm", 2048), new("yi", 2048),
    ];

    /// <exception cref="WorkspaceException">No such name; the message lists them all.</exception>
    public static ChatModel Find(string name) => All.FirstOrDefault(model => model.Name == name)
        ?? throw new WorkspaceException(
            $"'{name}' is not supported. The supported models are: {string.Join(", ", All.Select(model => model.Name))}");
}
