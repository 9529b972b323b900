using LayerCake.Checkpoints;
using LayerCake.Models;
using LayerCake.Testing;
using LayerCake.Torch;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace LayerCake.Reconstruction.Tests.Learning;

public sealed class LearnedAttentionTests
{
    private const int Tokens = 24;

    [TestCase("internlm")]
    [TestCase("llama-gqa")]
    public void Attention_with_all_its_scores_has_the_gradients_of_fused_attention(string name)
    {
        LibTorch.EnsureLoaded();
        using var scope = NewDisposeScope();
        using var model = HuggingFaceFolder.Open(RepositoryFiles.Golden(name, "model"));
        var configuration = ModelConfiguration.Read(model);
        var generator = new Generator(3, CPU);
        var wanted = Gradients(fused: true);
        var found = Gradients(fused: false);

        Assert.That(found.Zip(wanted, (a, b) => (a - b).abs().max().item<float>() / b.abs().max().item<float>()), Has.All.LessThan(1e-5f));

        Tensor[] Gradients(bool fused)
        {
            using var attention = new LearnedAttention(configuration, Tokens, CPU, fused);
            generator.manual_seed(3);
            Parameter[] inputs = [Random(configuration.HeadCount), Random(configuration.KeyValueHeadCount), Random(configuration.KeyValueHeadCount)];
            var given = attention.Run(inputs[0], inputs[1], inputs[2]);
            given.square().sum().backward();
            return [given.detach(), .. inputs.Select(input => input.grad!)];
        }

        Parameter Random(int heads) => new(randn([2, heads, Tokens, configuration.HeadDimension], generator: generator), true);
    }
}
