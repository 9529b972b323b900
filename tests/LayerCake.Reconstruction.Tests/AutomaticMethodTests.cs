using System.Text.Json;
using LayerCake.Checkpoints;
using LayerCake.Models;
using LayerCake.Testing;
using LayerCake.Torch;

namespace LayerCake.Reconstruction.Tests;

public sealed class AutomaticMethodTests
{
    [Test]
    public void Best_is_learned_on_a_GPU_and_for_small_models_on_the_processor()
    {
        using var demo = HuggingFaceFolder.Open(RepositoryFiles.Recipes("models", "internlm-tiny"));
        var small = ModelConfiguration.Read(demo);
        var large = ModelConfiguration.Parse(JsonSerializer.SerializeToElement(SyntheticShape.All[^1].Configuration()), "config.json");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(AutomaticMethod.Of(small, ReconstructionEffort.Best, DeviceKind.Cpu), Is.EqualTo(ReconstructionMethod.Learned));
            Assert.That(AutomaticMethod.Of(large, ReconstructionEffort.Best, DeviceKind.Cuda), Is.EqualTo(ReconstructionMethod.Learned));
            Assert.That(AutomaticMethod.Of(large, ReconstructionEffort.Best, DeviceKind.Cpu), Is.EqualTo(ReconstructionMethod.Gptq));
            Assert.That(AutomaticMethod.Of(small, ReconstructionEffort.Balanced, DeviceKind.Cpu), Is.EqualTo(ReconstructionMethod.Gptq));
            Assert.That(AutomaticMethod.Of(large, ReconstructionEffort.Fast, DeviceKind.Cuda), Is.EqualTo(ReconstructionMethod.Gptq));
        }
    }
}
