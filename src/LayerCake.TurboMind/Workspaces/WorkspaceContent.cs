using LayerCake.Checkpoints;

namespace LayerCake.TurboMind;

/// <summary>What goes into a workspace beside its weights.</summary>
public sealed record WorkspaceContent
{
    /// <summary>Registered chat model name; the Triton client picks its template by it.</summary>
    public required string ModelName { get; init; }

    public required int TensorParallel { get; init; }

    /// <summary>tokenizer.model (or whatever the tokenizer's file is called); copied under its own name.</summary>
    public required string TokenizerPath { get; init; }

    /// <summary>Files copied beside the tokenizer: the model folder's *.json and *.py.</summary>
    public required IReadOnlyList<string> SideFiles { get; init; }

    /// <summary>The content for a model folder: its side files and its tokenizer, or the one given.</summary>
    /// <exception cref="WorkspaceException">There is no tokenizer file.</exception>
    public static WorkspaceContent Of(HuggingFaceFolder model, ConversionOptions options, string? tokenizerPath = null) => new()
    {
        ModelName = options.ModelName,
        TensorParallel = options.TensorParallel,
        TokenizerPath = FindTokenizer(model.Path, tokenizerPath),
        SideFiles = model.SideFiles,
    };

    /// <summary>The tokenizer file LMDeploy would take.</summary>
    /// <param name="modelPath">Model folder.</param>
    /// <param name="tokenizerPath"><c>--tokenizer_path</c>, or null.</param>
    /// <exception cref="WorkspaceException">There is none.</exception>
    public static string FindTokenizer(string modelPath, string? tokenizerPath)
    {
        if (tokenizerPath is not null)
        {
            return File.Exists(tokenizerPath)
                ? tokenizerPath
                : throw new WorkspaceException($"{tokenizerPath} does not exists. --tokenizer-path names a tokenizer file such as tokenizer.model");
        }

        string[] names = ["tokenizer.model", "qwen.tiktoken"];
        return names.Select(name => Path.Combine(modelPath, name)).FirstOrDefault(File.Exists)
            ?? throw new WorkspaceException($"please supply tokenizer path by --tokenizer-path: {modelPath} has neither {string.Join(" nor ", names)}");
    }
}
