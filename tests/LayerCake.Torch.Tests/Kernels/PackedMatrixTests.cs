using LayerCake.Torch.Kernels;
using LayerCake.Torch.Layers;
using static TorchSharp.torch;

namespace LayerCake.Torch.Tests.Kernels;

internal sealed unsafe class PackedMatrixTests
{
    [OneTimeSetUp]
    public void Load() => LibTorch.EnsureLoaded();

    [TestCase(1, 1, 1, false)]
    [TestCase(13, 300, 70, true)]
    [TestCase(9, 256, 64, false)]
    [TestCase(600, 40, 33, true)]
    [TestCase(8, 700, 32, true)]
    public void A_product_is_the_plain_sum_rounded_once(int rows, int inputs, int outputs, bool withBias)
    {
        using var scope = NewDisposeScope();
        manual_seed(1);
        var weight = randn(outputs, inputs).to(ScalarType.Float16);
        var bias = randn(outputs).to(ScalarType.Float16);
        var x = randn(rows, inputs).to(ScalarType.Float16).to(ScalarType.Float32);
        var stride = CpuLayerWorkspace.Stride(outputs);
        var result = zeros(rows, stride);
        using var packed = new PackedMatrix(weight);
        using var biasRow = FloatBuffer.From(bias, stride);
        using var scratch = new FloatBuffer(PackedMatrix.DepthBlock * PanelProduct.Columns);

        packed.Multiply(
            (float*)TensorLoading.NativeMemoryOf(x), inputs, rows, (float*)TensorLoading.NativeMemoryOf(result), stride, withBias ? biasRow.Pointer : null, scratch.Pointer);

        var (w, b, input, actual) = (weight.to(ScalarType.Float32).data<float>().ToArray(), bias.to(ScalarType.Float32).data<float>().ToArray(), x.data<float>().ToArray(), result.data<float>().ToArray());
        for (var row = 0; row < rows; row += Math.Max(1, rows / 5))
        {
            for (var column = 0; column < stride; column++)
            {
                float sum = 0;
                for (var k = 0; k < inputs && column < outputs; k++)
                {
                    sum = MathF.FusedMultiplyAdd(input[(row * inputs) + k], w[(column * inputs) + k], sum);
                }

                var expected = column < outputs ? (float)(Half)(sum + (withBias ? b[column] : 0)) : 0;
                Assert.That(actual[(row * (int)stride) + column], Is.EqualTo(expected), $"row {row}, column {column}");
            }
        }
    }
}
