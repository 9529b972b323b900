namespace LayerCake.TurboMind;

/// <summary>
/// The layout of a source checkpoint, inferred from the model name and <c>--model-format</c> alone, as LMDeploy does:
/// the folder's content is never looked at for this.
/// </summary>
/// <param name="Name">hf, hf-awq, baichuan, baichuan-awq, baichuan2, baichuan2-awq, llama, qwen or qwen-awq.</param>
public sealed record SourceFormat(string Name)
{
    private static readonly string[] GivenNames = ["llama", "hf", "awq"];

    /// <summary>The checkpoint holds 4-bit AWQ tensors.</summary>
    public bool IsAwq => Name.EndsWith("-awq", StringComparison.Ordinal);

    /// <summary>Tensor names of the checkpoint; null for a format that is known by name but not readable yet.</summary>
    internal SourceNames? TensorNames => Name switch
    {
        "hf" or "hf-awq" => SourceNames.HuggingFace,
        _ => null,
    };

    /// <param name="model">The chat model.</param>
    /// <param name="modelFormat"><c>hf</c>, <c>awq</c>, <c>llama</c>, or null.</param>
    /// <exception cref="WorkspaceException">An unknown format, or one that is not supported yet.</exception>
    public static SourceFormat Infer(ChatModel model, string? modelFormat)
    {
        if (modelFormat is not null && !GivenNames.Contains(modelFormat))
        {
            throw new WorkspaceException(
                $"the model format should be in ['llama', 'hf', 'awq', None], not '{modelFormat}'");
        }

        var family = model.Prefix is "qwen" or "baichuan" or "baichuan2" ? model.Prefix : "hf";
        var format = new SourceFormat(modelFormat switch
        {
            "llama" => "llama",
            "awq" => family + "-awq",
            _ => family,
        });
        return format.TensorNames is null
            ? throw new WorkspaceException(
                $"model name '{model.Name}' with model format {modelFormat ?? "None"} means source format '{format.Name}', "
                + "which is not supported yet. Supported: hf and hf-awq (InternLM and Llama checkpoints in Hugging Face format)")
            : format;
    }
}
