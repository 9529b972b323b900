namespace LayerCake.Recipes;

/// <summary>The model names that LMDeploy v0.1.0 registers. A name stands for a chat template and its session length.</summary>
public static class ChatTemplates
{
    /// <summary>The convert command adds this to the template's length before it writes <c>session_len</c> (LMDeploy v0.1.0).</summary>
    private const int ConvertMargin = 8;

    private static readonly (string Name, int Length)[] s_templates =
    [
        ("base", 2048), ("llama", 2048), ("internlm", 2048), ("vicuna", 2048), ("wizardlM", 2048),
        ("internlm-chat-7b", 2048), ("internlm-chat", 2048), ("internlm-chat-7b-8k", 8192), ("internlm-chat-20b", 8192),
        ("internlm-20b", 4096), ("baichuan-7b", 2048), ("baichuan2-7b", 2048), ("puyu", 2048), ("llama2", 4096),
        ("qwen-7b", 8192), ("qwen-14b", 8192), ("codellama", 4096), ("solar", 2048), ("ultralm", 2048), ("ultracm", 2048), ("yi", 2048),
    ];

    /// <summary>All names, in the order in which the original registers them.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. s_templates.Select(template => template.Name)];

    /// <summary>The <c>session_len</c> of config.ini for <paramref name="name"/>, in tokens.</summary>
    /// <exception cref="ArgumentException">The name is not one of <see cref="Names"/>.</exception>
    public static int SessionLength(string name)
    {
        foreach (var template in s_templates)
        {
            if (template.Name == name)
            {
                return template.Length + ConvertMargin;
            }
        }

        throw new ArgumentException($"No chat template is named '{name}'.", nameof(name));
    }
}
