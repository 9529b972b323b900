using LayerCake.Checkpoints;
using LayerCake.Testing;

namespace LayerCake.TurboMind.Tests;

/// <summary>Reading a workspace, its faults, and merging KV scales.</summary>
[TestFixture]
public sealed class WorkspaceListingTests
{
    private static readonly SlowModel Model = new() { Heads = 2, KeyValueHeads = 2, Inner = 256, IsInt4 = true, HasBias = true, Ranks = 2 };

    private TemporaryFolder _folder = null!;

    [SetUp]
    public void Convert()
    {
        _folder = new TemporaryFolder();
        ConversionPlan.Create(Model.Source(Model.Checkpoint()), Model.Options).WriteWeights(_folder.At("w"));
    }

    [TearDown]
    public void Remove() => _folder.Dispose();

    [Test]
    public void A_sound_workspace_lists_every_file_and_no_fault()
    {
        var listing = WorkspaceListing.Read(_folder.At("w"));

        var qkv = listing.Entries.Single(entry => entry.Name == "layers.0.attention.w_qkv.1.qweight");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(listing.Faults, Is.Empty);
            Assert.That((qkv.DType, qkv.ByteCount), Is.EqualTo((DType.U32, 49152L)));
            Assert.That(qkv.Shape, Is.EqualTo(new long[] { 8, 12, 128 }));
            Assert.That(listing.Entries, Has.Length.EqualTo(Directory.GetFiles(_folder.At("w")).Length - 1));
            Assert.That(listing.Configuration.WeightType, Is.EqualTo(WeightType.Int4));
        }
    }

    [Test]
    public void Missing_mis_sized_and_unexpected_files_are_told()
    {
        File.Delete(_folder.At("w", "norm.weight"));
        File.WriteAllBytes(_folder.At("w", "output.weight"), new byte[10]);
        File.WriteAllBytes(_folder.At("w", "layers.9.ffn_norm.weight"), new byte[10]);

        Assert.That(() => WorkspaceListing.Read(_folder.At("w")).ThrowIfFaulty(), Throws.TypeOf<WorkspaceException>().With.Message.EqualTo(
            $"""
            {_folder.At("w")} is not a sound workspace:
              - norm.weight: missing (512 bytes expected)
              - output.weight: 10 bytes, but the engine expects 3072
              - layers.9.ffn_norm.weight: unexpected: the engine does not read it
            """.ReplaceLineEndings("\n")));
    }

    [Test]
    public void A_folder_that_is_no_workspace_is_told() => Assert.That(
        () => WorkspaceListing.Read(_folder.Path),
        Throws.TypeOf<WorkspaceException>().With.Message.EqualTo($"{_folder.Path} is not a TurboMind workspace: {_folder.At("config.ini")} does not exist"));

    [Test]
    public void A_workspace_without_its_tree_is_told()
    {
        Directory.CreateDirectory(_folder.At("ws", "triton_models"));
        Directory.Move(_folder.At("w"), _folder.At("ws", "triton_models", "weights"));

        var faults = WorkspaceListing.Read(_folder.At("ws")).Faults;

        Assert.That(faults, Has.Some.EqualTo("service_docker_up.sh is missing")
            .And.Some.EqualTo("model_repository/turbomind is missing or does not lead to ../triton_models/interactive")
            .And.Some.EqualTo("triton_models/tokenizer holds no tokenizer"));
    }

    [Test]
    public void Merging_scales_copies_them_and_sets_the_policy()
    {
        var configuration = KeyValueScaleFiles.Merge(Scales(2), _folder.At("w"), quantPolicy: 4);

        var listing = WorkspaceListing.Read(_folder.At("w"));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(configuration.QuantPolicy, Is.EqualTo(4));
            Assert.That(File.ReadAllText(_folder.At("w", "config.ini")), Does.Contain("quant_policy = 4\n"));
            Assert.That(listing.Faults, Is.Empty);
            Assert.That(listing.Entries.Count(entry => entry.Name.Contains("past_kv_scale")), Is.EqualTo(2));
            Assert.That(
                File.ReadAllBytes(_folder.At("w", "layers.0.past_kv_scale.1.weight")),
                Is.EqualTo(File.ReadAllBytes(RepositoryFiles.Golden("internlm", "kv_asym_tp2", "layers.0.past_kv_scale.1.weight"))));
        }
    }

    [Test]
    public void The_originals_symmetric_scales_are_refused() => Assert.That(
        () => KeyValueScaleFiles.Merge(RepositoryFiles.Golden("internlm", "kv_sym_tp2"), _folder.At("w"), 4),
        Throws.TypeOf<WorkspaceException>().With.Message.EqualTo(
            $"{RepositoryFiles.Golden("internlm", "kv_sym_tp2", "layers.0.past_kv_scale.0.weight")}: "
            + "8 bytes, not 16 (8 bytes are the original's symmetric form, on which the engine crashes). Run kv_qparams again"));

    [Test]
    public void Scales_for_other_ranks_are_refused()
    {
        Assert.That(
            () => KeyValueScaleFiles.Merge(Scales(1), _folder.At("w"), 4),
            Throws.TypeOf<WorkspaceException>().With.Message.Contains("layers.0.past_kv_scale.1.weight cannot be read"));
        Assert.That(
            () => KeyValueScaleFiles.Merge(Scales(3), _folder.At("w"), 4),
            Throws.TypeOf<WorkspaceException>().With.Message.EqualTo(
                $"{_folder.At("scales3")} has KV scales for more than the 2 ranks of the weights: run kv_qparams with num_tp 2"));
        Assert.That(WorkspaceListing.Read(_folder.At("w")).Faults, Is.Empty, "nothing was merged");
    }

    [TestCase(float.NaN, "k_scale is NaN")]
    [TestCase(-1f, "k_scale is -1")]
    public void Scales_that_are_no_scales_are_refused(float scale, string fault)
    {
        var folder = Scales(2);
        File.WriteAllBytes(Path.Combine(folder, "layers.0.past_kv_scale.0.weight"), [.. BitConverter.GetBytes(scale), .. new byte[12]]);

        Assert.That(() => KeyValueScaleFiles.Merge(folder, _folder.At("w"), 4), Throws.TypeOf<WorkspaceException>().With.Message.Contains(fault));
    }

    [Test]
    public void A_policy_without_scales_and_scales_for_one_rank_only_are_faults()
    {
        var path = _folder.At("w", "config.ini");
        EngineConfigurationFile.Write(_folder.At("w"), EngineConfigurationFile.Read(path) with { QuantPolicy = 4 });
        var without = WorkspaceListing.Read(_folder.At("w")).Faults;
        File.Copy(Path.Combine(Scales(1), "layers.0.past_kv_scale.0.weight"), _folder.At("w", "layers.0.past_kv_scale.0.weight"));
        var half = WorkspaceListing.Read(_folder.At("w")).Faults;

        Assert.That(without, Is.EqualTo(new[] { "0 of 2 sound past_kv_scale files: for the others an int8 KV cache would use scale 1 and zero point 0" }));
        Assert.That(half, Is.EqualTo(new[] { "1 of 2 sound past_kv_scale files: for the others an int8 KV cache would use scale 1 and zero point 0" }));
    }

    [Test]
    public void Bfloat16_weights_and_an_int8_cache_do_not_go_together()
    {
        var half = new SlowModel { Heads = 2, KeyValueHeads = 2, Inner = 64, Ranks = 2 };
        ConversionPlan.Create(half.Source(half.Checkpoint()), half.Options with { WeightType = WeightType.BFloat16 }).WriteWeights(_folder.At("bf16"));

        Assert.That(
            () => KeyValueScaleFiles.Merge(Scales(2), _folder.At("bf16"), 4),
            Throws.TypeOf<WorkspaceException>().With.Message.EndsWith("with which the engine cannot use an int8 KV cache. Convert to fp16 or int4, or leave kv_qparams out"));
    }

    /// <summary>Scale files of layer 0 for so many ranks.</summary>
    private string Scales(int ranks)
    {
        var folder = Directory.CreateDirectory(_folder.At($"scales{ranks}")).FullName;
        for (var rank = 0; rank < ranks; rank++)
        {
            File.Copy(
                RepositoryFiles.Golden("internlm", "kv_asym_tp2", $"layers.0.past_kv_scale.{rank % 2}.weight"),
                Path.Combine(folder, $"layers.0.past_kv_scale.{rank}.weight"),
                overwrite: true);
        }

        return folder;
    }
}
