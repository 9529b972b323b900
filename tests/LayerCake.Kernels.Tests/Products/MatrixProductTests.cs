namespace LayerCake.Kernels.Tests;

internal sealed unsafe class MatrixProductTests
{
    public enum Weights
    {
        Int4,
        Float16,
        BFloat16,
    }

    [Test]
    public void Few_rows_give_the_bits_of_expanded_weights_at_every_vector_width(
        [Values] Weights kind, [Values(128, 256, 512)] int width, [Range(1, 8)] int rows, [Values(32, 320)] int inputs, [Values(32, 77)] int outputs)
    {
        using var matrix = Create(kind, inputs, outputs, 32);
        var stride = matrix.PanelCount * WeightMatrix.Columns;
        var x = Activations(rows * inputs);
        var expected = Chained(matrix, x, rows, stride);
        var actual = new float[rows * stride];
        using var pool = new WorkerPool(1);
        using var product = new MatrixProduct<Float16Type>(pool) { Width = width };

        fixed (float* from = x, to = actual)
        {
            product.Multiply(matrix, from, inputs, rows, to, stride, round: false);
        }

        Assert.That(actual, Is.EqualTo(expected));
    }

    [Test]
    public void A_row_does_not_depend_on_the_rows_beside_it_nor_on_threads([Values] Weights kind, [Values(1, 3)] int threads)
    {
        const int Inputs = 640;
        const int Outputs = 300;
        const int Rows = 21;
        using var matrix = Create(kind, Inputs, Outputs, 64);
        var stride = matrix.PanelCount * WeightMatrix.Columns;
        var x = Activations(Rows * Inputs);
        var (together, alone) = (new float[Rows * stride], new float[Rows * stride]);
        using var pool = new WorkerPool(threads);
        using var product = new MatrixProduct<BFloat16Type>(pool);

        fixed (float* from = x, all = together, one = alone)
        {
            product.Multiply(matrix, from, Inputs, Rows, all, stride);
            for (var row = 0; row < Rows; row++)
            {
                product.Multiply(matrix, from + (row * Inputs), Inputs, 1, one + (row * stride), stride);
            }
        }

        using (Assert.EnterMultipleScope())
        {
            Assert.That(alone, Is.EqualTo(together));
            Assert.That(together.Any(value => value != 0));
            Assert.That(together.All(value => (BitConverter.SingleToUInt32Bits(value) & 0xFFFF) == 0), "rounded to bfloat16");
        }
    }

    [Test]
    public void Weights_that_are_not_finite_stay_so_in_few_rows_as_in_many([Values("inf", "nan")] string which, [Values] bool transposed)
    {
        const int Inputs = 32;
        const int Outputs = 40;
        var bad = which == "inf" ? Half.PositiveInfinity : Half.NaN;
        var halves = Enumerable.Repeat(Half.One, Inputs * Outputs).ToArray();
        halves[transposed ? (5 * Inputs) + 3 : (3 * Outputs) + 5] = bad;
        using var matrix = new HalfMatrix<Float16Type>(Inputs, Outputs);
        fixed (Half* source = halves)
        {
            if (transposed)
            {
                matrix.SetTransposed((ushort*)source);
            }
            else
            {
                matrix.Set((ushort*)source, Outputs, 0, Inputs, 0, Outputs);
            }
        }

        var (x, y) = (Enumerable.Repeat(1f, Inputs).ToArray(), new float[64]);
        using var pool = new WorkerPool(1);
        using var product = new MatrixProduct<Float16Type>(pool);
        fixed (float* from = x, to = y)
        {
            product.Multiply(matrix, from, Inputs, 1, to, 64);
        }

        using (Assert.EnterMultipleScope())
        {
            Assert.That(y[5], Is.EqualTo((float)bad));
            Assert.That(y[4], Is.EqualTo(Inputs));
            Assert.That(y[6], Is.EqualTo(Inputs));
        }
    }

    [Test]
    public void Every_finite_float16_weight_is_converted_exactly([Values(128, 256, 512)] int width)
    {
        const int Inputs = 32;
        const int Outputs = 2048;
        var halves = Enumerable.Range(0, 65536).Select(bits => BitConverter.UInt16BitsToHalf((ushort)bits)).Select(half => Half.IsFinite(half) ? half : Half.Zero).ToArray();
        using var matrix = new HalfMatrix<Float16Type>(Inputs, Outputs);
        fixed (Half* source = halves)
        {
            matrix.Set((ushort*)source, Outputs, 0, Inputs, 0, Outputs);
        }

        var (x, y) = (new float[Inputs], new float[Outputs]);
        using var pool = new WorkerPool(1);
        using var product = new MatrixProduct<Float16Type>(pool) { Width = width };
        for (var input = 0; input < Inputs; input++)
        {
            Array.Clear(x);
            x[input] = 1;
            fixed (float* from = x, to = y)
            {
                product.Multiply(matrix, from, Inputs, 1, to, Outputs, round: false);
            }

            Assert.That(y, Is.EqualTo(halves.Skip(input * Outputs).Take(Outputs).Select(half => (float)half)));
        }
    }

    [Test]
    public void An_unequal_group_is_refused() => Assert.That(() => new Int4Matrix(96, 32, 64), Throws.ArgumentException);

    [Test]
    public void Memory_goes_back()
    {
        var before = NativeBuffer.HeldBytes;
        using (var pool = new WorkerPool(2))
        using (var matrix = Create(Weights.Int4, 64, 64, 64))
        using (var product = new MatrixProduct<Float16Type>(pool))
        {
            var (x, y) = (new float[64 * 20], new float[64 * 20]);
            fixed (float* from = x, to = y)
            {
                product.Multiply(matrix, from, 64, 20, to, 64);
                product.Multiply(matrix, from, 64, 2, to, 64);
            }

            Assert.That(NativeBuffer.HeldBytes, Is.GreaterThan(before));
        }

        Assert.That(NativeBuffer.HeldBytes, Is.EqualTo(before));
    }

    /// <summary>Random weights, extremes and subnormal numbers among them.</summary>
    internal static WeightMatrix Create(Weights kind, int inputs, int outputs, int groupSize)
    {
        var random = new Random(7);
        if (kind != Weights.Int4)
        {
            var halves = new ushort[inputs * outputs];
            for (var i = 0; i < halves.Length; i++)
            {
                halves[i] = kind == Weights.Float16
                    ? BitConverter.HalfToUInt16Bits((Half)(random.Next(20) == 0 ? random.NextSingle() * 1e-5f : (random.NextSingle() - 0.5f) * 4))
                    : (ushort)(BitConverter.SingleToUInt32Bits((random.NextSingle() - 0.5f) * 4) >> 16);
            }

            fixed (ushort* source = halves)
            {
                return kind == Weights.Float16 ? Filled<Float16Type>(source) : Filled<BFloat16Type>(source);
            }
        }

        var matrix = new Int4Matrix(inputs, outputs, groupSize);
        var (words, places) = (new uint[128], new int[32]);
        for (var input = 0; input < inputs; input += 32)
        {
            for (var output = 0; output < outputs; output += 32)
            {
                random.NextBytes(System.Runtime.InteropServices.MemoryMarshal.AsBytes(words.AsSpan()));
                for (var i = 0; i < 32; i++)
                {
                    places[i] = output + i < outputs ? output + i : -1;
                }

                fixed (uint* tile = words)
                {
                    matrix.SetTile(tile, input, places);
                }
            }
        }

        for (var group = 0; group < inputs / groupSize; group++)
        {
            for (var output = 0; output < outputs; output++)
            {
                var scale = (Half)((random.NextSingle() + 0.01f) * MathF.ScaleB(1, random.Next(-13, 3)));
                matrix.SetScale(Int4MatrixTests.ScaleWord(scale, random.Next(16)), group, output);
            }
        }

        return matrix;

        HalfMatrix<T> Filled<T>(ushort* source)
            where T : struct, IHalfType
        {
            var filled = new HalfMatrix<T>(inputs, outputs);
            filled.SetTransposed(source);
            return filled;
        }
    }

    /// <summary>One chain of fused multiply-adds over the expanded weights.</summary>
    internal static float[] Chained(WeightMatrix matrix, float[] x, int rows, int stride)
    {
        var result = new float[rows * stride];
        var weights = new float[matrix.Inputs * WeightMatrix.Columns];
        for (var panel = 0; panel < matrix.PanelCount; panel++)
        {
            fixed (float* to = weights)
            {
                matrix.Expand(panel, 0, matrix.Inputs, to);
            }

            for (var row = 0; row < rows; row++)
            {
                for (var column = 0; column < WeightMatrix.Columns; column++)
                {
                    var sum = 0f;
                    for (var k = 0; k < matrix.Inputs; k++)
                    {
                        sum = MathF.FusedMultiplyAdd(x[(row * matrix.Inputs) + k], weights[(k * WeightMatrix.Columns) + column], sum);
                    }

                    result[(row * stride) + (panel * WeightMatrix.Columns) + column] = sum;
                }
            }
        }

        return result;
    }

    private static float[] Activations(int count)
    {
        var random = new Random(11);
        return [.. Enumerable.Range(0, count).Select(_ => (float)(Half)((random.NextSingle() - 0.5f) * MathF.ScaleB(1, random.Next(-8, 6))))];
    }
}
