namespace LayerCake.Kernels.Tests;

internal sealed unsafe class PackedMatrixTests
{
    [TestCase(1, 1, 1, false)]
    [TestCase(13, 300, 70, true)]
    [TestCase(9, 256, 64, false)]
    [TestCase(600, 40, 33, true)]
    [TestCase(8, 700, 32, true)]
    public void A_product_is_the_plain_sum_rounded_once(int rows, int inputs, int outputs, bool withBias)
    {
        var random = new Random(1);
        var (weight, bias) = (Fill(outputs * inputs), Fill(outputs));
        var x = Widen(Fill(rows * inputs));
        var stride = (outputs + PanelProduct.Columns - 1) / PanelProduct.Columns * PanelProduct.Columns;
        var actual = new float[rows * stride];
        using var scratch = new FloatBuffer(PackedMatrix.DepthBlock * PanelProduct.Columns);
        fixed (Half* wPointer = weight, bPointer = bias)
        fixed (float* xPointer = x, to = actual)
        {
            using var packed = new PackedMatrix(wPointer, outputs, inputs);
            using var biasRow = FloatBuffer.From(bPointer, outputs, stride);
            packed.Multiply(xPointer, inputs, rows, to, stride, withBias ? biasRow.Pointer : null, scratch.Pointer);
        }

        var (w, b, input) = (Widen(weight), Widen(bias), x);
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
                Assert.That(actual[(row * stride) + column], Is.EqualTo(expected), $"row {row}, column {column}");
            }
        }

        Half[] Fill(int count) => [.. Enumerable.Range(0, count).Select(_ => (Half)((random.NextSingle() - 0.5f) * 4))];

        static float[] Widen(Half[] halves) => [.. halves.Select(half => (float)half)];
    }
}
