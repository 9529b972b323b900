using LayerCake.Models;

namespace LayerCake.Calibration.Tests;

internal sealed class CalibrationMemoryTests
{
    private static readonly ModelConfiguration SevenBillion = new()
    {
        Architecture = "InternLMForCausalLM",
        Source = "test",
        HiddenSize = 4096,
        IntermediateSize = 11008,
        LayerCount = 32,
        HeadCount = 32,
        KeyValueHeadCount = 32,
        VocabularySize = 103168,
        RmsNormEpsilon = 1e-6,
        MaxPositionEmbeddings = 2048,
        HasAttentionBias = true,
    };

    [Test]
    public void Memory_is_one_layer_and_the_hidden_states_not_the_model()
    {
        var peak = CalibrationMemory.PeakOnCpu(SevenBillion, 128, 2048, 2);

        // Hidden states are 2 GiB, two layers 0.8 GB; the model would be 14 GB.
        Assert.That(peak, Is.InRange(4L << 30, 6L << 30));
    }

    [Test]
    public void Depth_costs_nothing()
    {
        Assert.That(
            CalibrationMemory.PeakOnCpu(SevenBillion with { LayerCount = 64 }, 128, 2048, 2),
            Is.EqualTo(CalibrationMemory.PeakOnCpu(SevenBillion, 128, 2048, 2)));
    }

    [Test]
    public void A_budget_decides_how_many_threads_work()
    {
        var forTwo = CalibrationMemory.PeakOnCpu(SevenBillion, 128, 2048, 2);

        Assert.That(CalibrationMemory.ThreadsWithin(forTwo, SevenBillion, 128, 2048, 16), Is.EqualTo(2));
    }
}
