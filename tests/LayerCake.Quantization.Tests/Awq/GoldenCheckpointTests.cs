using LayerCake.Checkpoints;
using LayerCake.Testing;

namespace LayerCake.Quantization.Tests.Awq;

public sealed class GoldenCheckpointTests
{
    [Test]
    public void The_packed_checkpoint_equals_the_original_s_bit_for_bit(
        [Values("internlm", "llama-gqa", "llama-sharded-bf16")] string model,
        [Values] WeightFormat format)
    {
        using var output = new TemporaryFolder();
        using var folder = Goldens.Open(model);
        using var expected = TorchArchive.Open(RepositoryFiles.Golden(model, "awq", "pytorch_model.bin"));

        AwqQuantizer.Run(Request(folder, model, output.Path) with { Format = format });

        using var actual = HuggingFaceFolder.Open(output.Path);
        Assert.That(actual.Weights.Tensors.Select(tensor => tensor.Name), Is.EquivalentTo(expected.Tensors.Select(tensor => tensor.Name)));
        Assert.That(actual.WeightFiles.Select(Path.GetFileName), Is.EqualTo(format == WeightFormat.Torch ? ["pytorch_model.bin"] : new[] { "model.safetensors" }));
        using (Assert.EnterMultipleScope())
        {
            foreach (var tensor in expected.Tensors)
            {
                var found = actual.Weights.Find(tensor.Name);
                Assert.That((found.DType, string.Join(',', found.Shape)), Is.EqualTo((tensor.DType, string.Join(',', tensor.Shape))), tensor.Name);
                Assert.That(Differences(actual.Weights.ReadAll(tensor.Name), expected.ReadAll(tensor.Name)), Is.Zero, tensor.Name);
            }
        }
    }

    internal static AwqRequest Request(HuggingFaceFolder folder, string model, string output) => new()
    {
        Model = folder,
        InputAbsMax = StatisticsFiles.ReadInputAbsMax(Goldens.WorkDir(model)),
        OutputFolder = output,
    };

    private static int Differences(byte[] left, byte[] right) => left.Zip(right).Count(pair => pair.First != pair.Second) + Math.Abs(left.Length - right.Length);
}
