using LayerCake.Building;
using LayerCake.Checkpoints;
using LayerCake.Text;
using LayerCake.TurboMind;

namespace LayerCake.Steps;

/// <summary>convert, as a step of a recipe and as a command: which checkpoint becomes which workspace.</summary>
public sealed record ConvertOperation
{
    /// <summary>Chat template, one of <see cref="ChatModel.All"/>.</summary>
    public required string ModelName { get; init; }

    /// <summary>The model's folder.</summary>
    public required string ModelPath { get; init; }

    /// <summary>What the printed lines call the model's folder; null for <see cref="ModelPath"/> itself.</summary>
    public string? ShownModelPath { get; init; }

    /// <summary><c>hf</c>, <c>awq</c>, or null.</summary>
    public string? ModelFormat { get; init; }

    /// <summary>The tokenizer's file; null for the model folder's own.</summary>
    public string? TokenizerPath { get; init; }

    public int TensorParallel { get; init; } = 1;

    /// <summary>Where the weights lie, if not in <see cref="ModelPath"/>; its config.json is not looked at.</summary>
    public string? QuantPath { get; init; }

    /// <summary>Of an AWQ checkpoint; 0 for others.</summary>
    public int GroupSize { get; init; }

    /// <summary>Of weights that are not int4; null to go by the checkpoint.</summary>
    public WeightType? WeightType { get; init; }

    /// <summary>Writes the workspace into an empty folder.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="shownDestination">What the printed lines call it.</param>
    /// <param name="reporter">Gets the original's lines and the progress.</param>
    /// <param name="token">Stops it; the folder is then incomplete.</param>
    public void Write(string folder, string shownDestination, IBuildReporter reporter, CancellationToken token)
    {
        using var opened = Open(shownDestination);
        var plan = ConversionPlan.Create(opened.Request.Source, opened.Request.Options);
        Warn(plan, reporter);
        WorkspaceBuilder.Write(opened.Request, plan, folder, reporter.Line, Layers(reporter), token);
    }

    /// <summary>Writes the workspace to a folder of the user's: complete, or what was there stays.</summary>
    public void Publish(string destination, IBuildReporter reporter, CancellationToken token)
    {
        using var opened = Open(destination);
        var plan = WorkspaceBuilder.Convert(opened.Request, destination, reporter.Line, Layers(reporter), token);
        Warn(plan, reporter);
    }

    private static Action<int, int> Layers(IBuildReporter reporter) => (done, total) => reporter.Progress("layers", done, total);

    private static void Warn(ConversionPlan plan, IBuildReporter reporter)
    {
        foreach (var warning in plan.Warnings)
        {
            reporter.Warn(warning);
        }
    }

    private OpenedSource Open(string shownDestination)
    {
        _ = ChatModel.Find(ModelName);
        var opened = new OpenedSource { Model = HuggingFaceFolder.Open(ModelPath) };
        try
        {
            opened.Quantized = QuantPath is null ? null : HuggingFaceFolder.OpenWeights(QuantPath);
            var tokenizerPath = WorkspaceContent.FindTokenizer(ModelPath, TokenizerPath);
            var options = new ConversionOptions
            {
                ModelName = ModelName,
                ModelFormat = ModelFormat,
                TensorParallel = TensorParallel,
                GroupSize = GroupSize,
                WeightType = WeightType,
                SpecialTokens = SpecialTokensOf(opened.Model, tokenizerPath),
            };
            opened.Request = new WorkspaceRequest
            {
                Source = new ConversionSource(
                    Path.Combine(ShownModelPath ?? ModelPath, "config.json"), opened.Model.Config, opened.Quantized ?? opened.Model.Weights),
                Options = options,
                Content = WorkspaceContent.Of(opened.Model, options, tokenizerPath),
                ModelPath = ModelPath,
                ShownModelPath = ShownModelPath,
                ShownDestination = shownDestination,
            };
            return opened;
        }
        catch
        {
            opened.Dispose();
            throw;
        }
    }

    /// <summary>
    /// The ids go by the model's own folder; where it has no tokenizer, by the tokenizer's file that was given.
    /// </summary>
    private static SpecialTokenIds SpecialTokensOf(HuggingFaceFolder model, string tokenizerPath)
    {
        if (model.TokenizerModelPath is not null)
        {
            var folder = TokenizerFolder.Open(model.Path);
            return new SpecialTokenIds(folder.BosId, folder.EosId);
        }

        var tokenizer = SentencePieceTokenizer.Load(tokenizerPath);
        return new SpecialTokenIds(tokenizer.BosId, tokenizer.EosId);
    }

    /// <summary>The files that stay open while converting.</summary>
    private sealed class OpenedSource : IDisposable
    {
        public required HuggingFaceFolder Model { get; init; }

        public ITensorSource? Quantized { get; set; }

        public WorkspaceRequest Request { get; set; } = null!;

        public void Dispose()
        {
            Quantized?.Dispose();
            Model.Dispose();
        }
    }
}
