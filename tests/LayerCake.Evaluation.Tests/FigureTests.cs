using LayerCake.Testing;
using LayerCake.Text;

namespace LayerCake.Evaluation.Tests;

internal sealed class FigureTests
{
    /// <summary>Measured on a GPU; see the model's card.</summary>
    [Test, Category("Slow")]
    public void The_source_model_has_the_perplexity_of_its_card()
    {
        using var model = EvaluatedModel.Open(RepositoryFiles.DemoModel);
        var windows = EvaluationWindows.Load(RepositoryFiles.Recipes("data", "prose-eval.txt"), TokenizerFolder.Open(model.TokenizerFolder), 512, null);

        var figures = Evaluator.Run(new EvaluationRequest { Windows = windows, Variants = [new EvaluationVariant("source", model)] })[0];

        TestContext.Out.WriteLine($"{windows.Ids.Count} of {windows.Available} windows, {windows.TokenCount} tokens, perplexity {figures.Perplexity:0.0000}");
        Assert.That(figures.Perplexity, Is.EqualTo(29.78).Within(0.5).Percent);
    }
}
