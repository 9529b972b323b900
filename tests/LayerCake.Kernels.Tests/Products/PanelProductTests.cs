namespace LayerCake.Kernels.Tests;

internal sealed unsafe class PanelProductTests
{
    private delegate void Tile(float* a, nint lda, float* panel, float* c, nint ldc, nint depth, bool accumulate);

    [Test]
    public void Every_element_is_one_chain_of_fused_multiply_adds([Values(1, 7, 8, 9, 21)] int rows, [Values(1, 5, 64)] int depth, [Values] bool accumulate)
    {
        var (a, panel, c) = Operands(rows, depth);
        var expected = Expected(a, panel, c, rows, depth, accumulate);

        fixed (float* x = a, w = panel, y = c)
        {
            PanelProduct.Multiply(x, depth, rows, w, y, 32, depth, accumulate);
        }

        Assert.That(c, Is.EqualTo(expected));
    }

    [Test]
    public void All_vector_widths_give_the_same_bits([Values(256, 128)] int bits, [Values] bool accumulate)
    {
        const int Depth = 77;
        var (a, panel, c) = Operands(4, Depth);
        var expected = Expected(a, panel, c, 4, Depth, accumulate);
        Tile tile = bits == 256 ? PanelProduct.Tile256 : PanelProduct.Tile128;

        fixed (float* x = a, w = panel, y = c)
        {
            tile(x, Depth, w, y, 32, Depth, accumulate);
            tile(x, Depth, w + 16, y + 16, 32, Depth, accumulate);
        }

        Assert.That(c, Is.EqualTo(expected));
    }

    private static (float[] A, float[] Panel, float[] C) Operands(int rows, int depth)
    {
        var random = new Random(3);
        return (Fill(rows * depth), Fill(depth * 32), Fill(rows * 32));

        float[] Fill(int count) => [.. Enumerable.Range(0, count).Select(_ => (random.NextSingle() - 0.5f) * 8)];
    }

    private static float[] Expected(float[] a, float[] panel, float[] c, int rows, int depth, bool accumulate)
    {
        var expected = new float[rows * 32];
        for (var row = 0; row < rows; row++)
        {
            for (var column = 0; column < 32; column++)
            {
                var sum = accumulate ? c[(row * 32) + column] : 0;
                for (var k = 0; k < depth; k++)
                {
                    sum = MathF.FusedMultiplyAdd(a[(row * depth) + k], panel[(k * 32) + column], sum);
                }

                expected[(row * 32) + column] = sum;
            }
        }

        return expected;
    }
}
