namespace LayerCake.TurboMind.Tests;

[TestFixture]
public sealed class WorkspaceLimitsTests
{
    private static readonly ModelDimensions Llama7 = new()
    {
        LayerCount = 32, HiddenSize = 4096, HeadCount = 32, KeyValueHeadCount = 32, IntermediateSize = 11008, VocabularySize = 32000,
    };

    private static readonly ModelDimensions Grouped = Llama7 with { HiddenSize = 512, HeadCount = 4, KeyValueHeadCount = 2, IntermediateSize = 256 };

    [TestCase(WeightType.Float16, new[] { 1, 2, 4, 8, 16, 32 })]
    [TestCase(WeightType.Int4, new[] { 1, 2 })]
    public void A_seven_billion_model_has_these_degrees(WeightType weights, int[] degrees) =>
        Assert.That(WorkspaceLimits.TensorParallelDegrees(Llama7, weights), Is.EqualTo(degrees));

    [Test]
    public void Eighty_six_groups_cannot_be_cut_in_four() => AssertRefused(
        Llama7, WeightType.Int4, 4, 128,
        """
        TurboMind cannot carry this model with int4 weights, group size 128, tensor parallel 4:
          - intermediate size 11008 is 86 groups of 128, which cannot be divided among 4 ranks
        What works for this model: group size 128 with tensor parallel 1, 2.
        """);

    [Test]
    public void All_faults_are_told_at_once() => AssertRefused(
        Grouped with { KeyValueHeadCount = 3, IntermediateSize = 300 }, WeightType.Int4, 8, 64,
        """
        TurboMind cannot carry this model with int4 weights, group size 64, tensor parallel 8:
          - 4 heads do not share 3 key/value heads evenly
          - group size 64: the engine has int4 kernels for group size 128 only
          - intermediate size 300 is not a multiple of 128, as the int4 layout needs
          - 4 heads cannot be divided among 8 ranks
          - 3 key/value heads cannot be divided among 8 ranks
          - intermediate size 300 cannot be divided among 8 ranks
        No group size and tensor parallel degree works for int4 with this model.
        """);

    [Test]
    public void A_model_too_odd_for_int4_is_pointed_to_float16() => AssertRefused(
        Grouped with { IntermediateSize = 300 }, WeightType.Int4, 1, 128,
        """
        TurboMind cannot carry this model with int4 weights, group size 128, tensor parallel 1:
          - intermediate size 300 is not a multiple of 128, as the int4 layout needs
        No group size and tensor parallel degree works for int4 with this model. Unquantized (fp16) it can be converted with tensor parallel 1, 2.
        """);

    [Test]
    public void Another_head_size_is_refused() => AssertRefused(
        Llama7 with { HeadCount = 64, KeyValueHeadCount = 64 }, WeightType.Float16, 1, 0,
        """
        TurboMind cannot carry this model with fp16 weights, tensor parallel 1:
          - hidden size 4096 with 64 heads: the engine's attention has heads of 128 only
        No tensor parallel degree works for this model.
        """);

    [Test]
    public void A_head_size_of_its_own_is_refused_by_its_name() => AssertRefused(
        Llama7 with { HeadDimension = 256 }, WeightType.BFloat16, 1, 0,
        """
        TurboMind cannot carry this model with bf16 weights, tensor parallel 1:
          - head_dim 256: the engine's attention has heads of 128 only
        No tensor parallel degree works for this model.
        """);

    [TestCase(3)]
    [TestCase(0)]
    [TestCase(-2)]
    public void Ranks_are_a_power_of_two(int ranks) => AssertRefused(
        Grouped, WeightType.Float16, ranks, 0,
        $"""
        TurboMind cannot carry this model with fp16 weights, tensor parallel {ranks}:
          - tp should be 2^n, not {ranks}
        Tensor parallel degrees that work for this model: 1, 2.
        """);

    [Test]
    public void More_ranks_than_key_value_heads_are_refused() => AssertRefused(
        Grouped, WeightType.Float16, 4, 0,
        """
        TurboMind cannot carry this model with fp16 weights, tensor parallel 4:
          - 2 key/value heads cannot be divided among 4 ranks
        Tensor parallel degrees that work for this model: 1, 2.
        """);

    [Test]
    public void An_int8_cache_needs_float16_activations() =>
        Assert.That(WorkspaceLimits.Faults(Llama7, WeightType.BFloat16, 1, 0, int8KeyValueCache: true), Has.One.Contains("ignores quant_policy"));

    private static void AssertRefused(ModelDimensions model, WeightType weights, int ranks, int groupSize, string message) => Assert.That(
        () => WorkspaceLimits.Check(model, weights, ranks, groupSize),
        Throws.TypeOf<WorkspaceException>().With.Message.EqualTo(message.ReplaceLineEndings("\n")));
}
