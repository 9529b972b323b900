using LayerCake.Checkpoints;
using LayerCake.Models;
using LayerCake.Quantization.Awq;
using LayerCake.Quantization.Numerics;
using LayerCake.Quantization.Smoothing;
using LayerCake.Testing;

namespace LayerCake.Quantization.Tests.Awq;

public sealed class SmoothedLayerTests
{
    [Test]
    public void The_first_layer_after_smoothing_equals_the_original_s_bit_for_bit([Values("internlm", "llama-gqa", "llama-sharded-bf16")] string model)
    {
        using var folder = Goldens.Open(model);
        using var expected = SafetensorsFile.Open(RepositoryFiles.Golden(model, "smoothed_layer0.safetensors"));
        using var pool = new BufferPool();
        var configuration = ModelConfiguration.Read(folder);
        var family = ModelFamily.Of(configuration);
        var absMax = StatisticsFiles.ReadInputAbsMax(Goldens.WorkDir(model));
        var smoother = new Smoother(128, threads: 2, CancellationToken.None);
        var actual = new Dictionary<string, Half[]>();

        foreach (var block in LayerBlock.Of(family, configuration))
        {
            using var loaded = LoadedBlock.Load(folder.Weights, family, 0, block, configuration, pool, CancellationToken.None);
            foreach (var pair in block.NormSmoothings)
            {
                smoother.Smooth(loaded.Norm(pair.Norm), [.. pair.Consumers.Select(loaded.Linear)], absMax[family.Module(0, pair.Consumers[0])]);
            }

            foreach (var pair in block.LinearSmoothings)
            {
                smoother.Smooth(loaded.Linear(pair.Previous), loaded.Linear(pair.Consumer), absMax[family.Module(0, pair.Consumer)]);
            }

            foreach (var matrix in block.Norms.Select(loaded.Norm).Concat(block.Linears.SelectMany(linear => new[] { loaded.Linear(linear.Name).Weight, loaded.Linear(linear.Name).Bias })))
            {
                if (matrix is not null)
                {
                    actual.Add(matrix.Name, matrix.ToArray());
                }
            }
        }

        Assert.That(actual.Keys, Is.EquivalentTo(expected.Tensors.Select(tensor => tensor.Name)));
        using (Assert.EnterMultipleScope())
        {
            foreach (var (name, values) in actual)
            {
                Assert.That(values.Bits(), Is.EqualTo(expected.ReadHalves(name).Bits()), name);
            }
        }
    }

    [Test]
    public void Attention_and_MLP_are_blocks_of_their_own()
    {
        using var folder = Goldens.Open("internlm");
        var configuration = ModelConfiguration.Read(folder);

        var blocks = LayerBlock.Of(ModelFamily.Of(configuration), configuration);

        Assert.That(blocks.Select(block => $"{string.Join(' ', block.Norms)}: {string.Join(' ', block.Linears.Select(linear => linear.Name))}"), Is.EqualTo(
        [
            "input_layernorm: self_attn.q_proj self_attn.k_proj self_attn.v_proj self_attn.o_proj",
            "post_attention_layernorm: mlp.gate_proj mlp.down_proj mlp.up_proj",
        ]));
    }
}
