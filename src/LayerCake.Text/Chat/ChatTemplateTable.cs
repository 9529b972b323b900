using System.Collections.Immutable;

namespace LayerCake.Text.Chat;

/// <summary>The templates of LMDeploy v0.1.0.</summary>
internal static class ChatTemplateTable
{
    internal const string CodeLlama = "codellama";

    private const string InternLMSystem =
        "You are an AI assistant whose name is InternLM (书生·浦语).\n"
        + "- InternLM (书生·浦语) is a conversational language model that is developed by Shanghai AI Laboratory (上海人工智能实验室). "
        + "It is designed to be helpful, honest, and harmless.\n"
        + "- InternLM (书生·浦语) can understand and communicate fluently in the language chosen by the user such as English and 中文.\n";

    private const string LlamaSystem =
        "You are a helpful, respectful and honest assistant. Always answer as helpfully as possible, while being safe. Your answers should not "
        + "include any harmful, unethical, racist, sexist, toxic, dangerous, or illegal content. Please ensure that your responses are socially "
        + "unbiased and positive in nature.\n\nIf a question does not make any sense, or is not factually coherent, explain why instead of "
        + "answering something not correct. If you don't know the answer to a question, please don't share false information.";

    private const string VicunaSystem =
        "A chat between a curious user and an artificial intelligence assistant. "
        + "The assistant gives helpful, detailed, and polite answers to the user's questions. ";

    private const string UltraSystem =
        "User: A one-turn chat between a curious user and an artificial intelligence assistant. "
        + "The assistant gives helpful, very detailed, and polite answers to the user's questions.</s>";

    private static readonly PlainFormat Plain = new();

    private static readonly MarkedFormat InternLM = new()
    {
        System = "<|System|>:", SystemClose = "\n", User = "<|User|>:", UserClose = "\n", Assistant = "<|Bot|>:", AssistantClose = "<eoa>\n",
        NextTurnOpen = "\n", MetaInstruction = InternLMSystem, AlwaysMarksSystem = true, ConversationSystemJoin = ":",
    };

    private static readonly MarkedFormat Yi = new()
    {
        System = "<|im_start|>system\n", SystemClose = "<|im_end|>\n", User = "<|im_start|>user\n", UserClose = "<|im_end|>\n",
        Assistant = "<|im_start|>assistant\n", AssistantClose = "<|im_end|>\n", ConversationSystemJoin = ":",
    };

    private static readonly MarkedFormat Puyu = new() { AlwaysMarksSystem = true };

    private static readonly RoundFormat Vicuna = new()
    {
        System = VicunaSystem, SystemClose = " ", FirstUserOpen = "USER: ", UserOpen = "USER: ", NextTurnOpen = "</s>USER: ",
        AssistantOpen = " ASSISTANT: ", AssistantClose = "</s>",
    };

    private static readonly RoundFormat Llama2 = new()
    {
        System = LlamaSystem, SystemOpen = "[INST] <<SYS>>\n ", SystemClose = " \n<</SYS>>\n\n", UserOpen = "[INST] ", NextTurnOpen = "[INST] ",
        AssistantOpen = " [/INST] ",
    };

    private static readonly RoundFormat Qwen = new()
    {
        System = "You are a helpful assistant.", SystemOpen = "<|im_start|>system\n", SystemClose = "<|im_end|>",
        FirstUserOpen = "\n<|im_start|>user\n", UserOpen = "\n<|im_start|>user\n", NextTurnOpen = "\n<|im_start|>user\n",
        AssistantOpen = "<|im_end|>\n<|im_start|>assistant\n",
    };

    private static readonly RoundFormat Baichuan2 = new()
    {
        FirstUserOpen = "<reserved_106>", UserOpen = "<reserved_106>", NextTurnOpen = "<reserved_106>", AssistantOpen = "<reserved_107>",
    };

    private static readonly RoundFormat Solar = new()
    {
        System = "", SystemOpen = "### System:\n", SystemClose = "\n\n", FirstUserOpen = "### User:\n", UserOpen = "### User:\n",
        NextTurnOpen = "### User:\n", AssistantOpen = "\n\n### Assistant:\n", AssistantClose = "\n\n",
    };

    private static readonly RoundFormat Ultra = new()
    {
        System = UltraSystem, FirstUserOpen = "\nUser: ", UserOpen = "\nUser: ", NextTurnOpen = "\nUser: ", AssistantOpen = "</s>\nAssistant: ",
        AssistantClose = "</s>",
    };

    private static readonly RoundFormat CodeLlamaChat = Llama2 with { System = "", IsTight = true };

    private static readonly SamplingDefaults CodeLlamaChatSampling = new(TopP: 0.95f, Temperature: 0.2f);

    /// <summary>CodeLlama's format, sampling and stop words for a capability.</summary>
    public static (PromptFormat Format, SamplingDefaults Sampling, ImmutableArray<string> StopWords) CodeLlamaFor(ChatCapability capability) =>
        capability switch
        {
            ChatCapability.Chat => (CodeLlamaChat, CodeLlamaChatSampling, []),
            ChatCapability.Infilling => (new InfillingFormat(), new SamplingDefaults(TopP: 0.9f, Temperature: 0f), ["<EOT>"]),
            _ => (Plain, new SamplingDefaults(TopP: 0.9f, Temperature: 0.2f), []),
        };

    public static ImmutableArray<ChatTemplate> Create() =>
    [
        Template("base", Plain), Template("llama", Plain), Template("internlm", Plain),
        Template("vicuna", Vicuna), Template("wizardlM", Vicuna),
        Template("internlm-chat-7b", InternLM, stopWords: ["<eoa>"]), Template("internlm-chat", InternLM, stopWords: ["<eoa>"]),
        Template("internlm-chat-7b-8k", InternLM, 8192, stopWords: ["<eoa>"]), Template("internlm-chat-20b", InternLM, 8192, stopWords: ["<eoa>"]),
        Template("internlm-20b", Plain, 4096).With(new ChatTemplateSettings { Capability = ChatCapability.Completion }),
        Template("baichuan-7b", Plain, sampling: new SamplingDefaults(RepetitionPenalty: 1.1f)),
        Template("baichuan2-7b", Baichuan2, sampling: new SamplingDefaults(0.85f, 5, 0.3f, 1.05f)),
        Template("puyu", Puyu),
        Template("llama2", Llama2, 4096),
        Template("qwen-7b", Qwen, 8192, new SamplingDefaults(0.5f, 40, 1.0f), ["<|im_end|>"]),
        Template("qwen-14b", Qwen, 8192, new SamplingDefaults(0.5f, 40, 1.0f), ["<|im_end|>"]),
        Template(CodeLlama, CodeLlamaChat, 4096, CodeLlamaChatSampling),
        Template("solar", Solar),
        Template("ultralm", Ultra), Template("ultracm", Ultra),
        Template("yi", Yi, stopWords: ["<|im_end|>", "<|endoftext|>"]),
    ];

    private static ChatTemplate Template(
        string name, PromptFormat format, int sessionLength = 2048, SamplingDefaults? sampling = null, ImmutableArray<string> stopWords = default) =>
        new(name, sessionLength, sampling ?? new SamplingDefaults(), stopWords.IsDefault ? [] : stopWords, format);
}
