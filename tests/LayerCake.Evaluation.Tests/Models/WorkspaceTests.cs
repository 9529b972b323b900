using LayerCake.Checkpoints;
using LayerCake.Models;
using LayerCake.Testing;

namespace LayerCake.Evaluation.Tests;

/// <summary>A workspace has the tensors of what it was made from, bit for bit.</summary>
internal sealed class WorkspaceTests
{
    [TestCase("internlm", "internlm-chat-7b", 1)]
    [TestCase("internlm", "internlm-chat-7b", 2)]
    [TestCase("llama-gqa", "llama2", 1)]
    [TestCase("llama-gqa", "llama2", 2)]
    [TestCase("llama-sharded-bf16", "llama2", 1)]
    public void A_float_workspace_gives_the_source_s_tensors_back(string golden, string name, int ranks)
    {
        using var folder = new TemporaryFolder();
        using var source = EvaluatedModel.Open(RepositoryFiles.Golden(golden, "model"));
        using var workspace = EvaluatedModel.Open(Golden.Convert(folder, RepositoryFiles.Golden(golden, "model"), name, ranks, isAwq: false));

        AssertSame(source, workspace);
        Assert.That(workspace.WeightType, Is.EqualTo(source.WeightType));
    }

    [TestCase("internlm", "internlm-chat-7b", 1)]
    [TestCase("internlm", "internlm-chat-7b", 2)]
    [TestCase("llama-gqa", "llama2", 1)]
    public void An_int4_workspace_gives_the_AWQ_checkpoint_s_weights_back(string golden, string name, int ranks)
    {
        using var folder = new TemporaryFolder();
        using var source = EvaluatedModel.Open(RepositoryFiles.Golden(golden, "awq"));
        using var workspace = EvaluatedModel.Open(Golden.Convert(folder, RepositoryFiles.Golden(golden, "awq"), name, ranks, isAwq: true));

        AssertSame(source, workspace);
        Assert.That((source.Kind, source.WeightType, workspace.Kind, workspace.WeightType), Is.EqualTo((ArtifactKind.AwqCheckpoint, "int4", ArtifactKind.Workspace, "int4")));
    }

    [TestCase("internlm", 2)]
    [TestCase("llama-gqa", 2)]
    public void The_scales_of_every_rank_are_read(string golden, int ranks)
    {
        using var folder = new TemporaryFolder();
        var workspace = Golden.Convert(folder, RepositoryFiles.Golden(golden, "model"), golden == "internlm" ? "internlm-chat-7b" : "llama2", ranks, isAwq: false);
        var scales = RepositoryFiles.Golden(golden, $"kv_asym_tp{ranks}");
        using var model = EvaluatedModel.Open(workspace, scales);

        var first = File.ReadAllBytes(Path.Combine(scales, "layers.0.past_kv_scale.1.weight"));
        Assert.That(model.KeyValueScales!, Has.Count.EqualTo(model.Configuration.LayerCount));
        Assert.That(model.KeyValueScales![0][1], Is.EqualTo(new KeyValueScale(
            new Int8Range(BitConverter.ToSingle(first, 0), BitConverter.ToSingle(first, 4)), new Int8Range(BitConverter.ToSingle(first, 8), BitConverter.ToSingle(first, 12)))));
    }

    [Test]
    public void A_workspace_that_lacks_a_file_is_refused_by_its_name()
    {
        using var folder = new TemporaryFolder();
        var workspace = Golden.Convert(folder, RepositoryFiles.Golden("internlm", "model"), "internlm-chat-7b", 1, isAwq: false);
        File.Delete(Path.Combine(workspace, "triton_models", "weights", "layers.1.feed_forward.w2.0.weight"));

        Assert.That(() => EvaluatedModel.Open(workspace), Throws.TypeOf<TurboMind.WorkspaceException>().With.Message.Contains("layers.1.feed_forward.w2.0.weight: missing"));
    }

    [Test]
    public void Models_of_other_sizes_are_not_compared()
    {
        using var one = EvaluatedModel.Open(RepositoryFiles.Golden("internlm", "model"));
        using var other = EvaluatedModel.Open(RepositoryFiles.Golden("llama-gqa", "model"));

        Assert.That(
            () => other.ThrowIfOther(one),
            Throws.TypeOf<EvaluationException>().With.Message.Contains("1 instead of 2 layers, 512 instead of 256 hidden size, 4 instead of 2 heads, 97 instead of 96 vocabulary"));
    }

    private static void AssertSame(EvaluatedModel source, EvaluatedModel workspace)
    {
        using (Assert.EnterMultipleScope())
        {
            Assert.That(workspace.Configuration with { Source = "", Architecture = "", MaxPositionEmbeddings = 1 }, Is.EqualTo(source.Configuration with { Source = "", Architecture = "", MaxPositionEmbeddings = 1 }));
            foreach (var (name, _) in ModelLayout.Tensors(source.Configuration))
            {
                Assert.That(workspace.Weights.Find(name).Shape.AsSpan().SequenceEqual(source.Weights.Find(name).Shape.AsSpan()), name);
                Assert.That(workspace.Weights.ReadAll(name).AsSpan().SequenceEqual(Bytes(source, name)), name);
            }
        }
    }

    /// <summary>An AWQ checkpoint's own bytes may be of float32 tensors.</summary>
    private static ReadOnlySpan<byte> Bytes(EvaluatedModel model, string name) => model.Weights.ReadAll(name);
}
