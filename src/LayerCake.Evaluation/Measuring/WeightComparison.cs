using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using LayerCake.Models;
using LayerCake.Kernels;
using LayerCake.Torch.Layers;

namespace LayerCake.Evaluation;

/// <summary>
/// How far the weights of a layer are from the baseline's. Smoothing multiplies inputs and outputs of linears by factors that cancel in the model; they are found by least
/// squares, inputs and outputs in turn, and divided out: the error is that of w' against r · w · c.
/// </summary>
internal static unsafe class WeightComparison
{
    private const int Rounds = 4;

    /// <summary>√(Σ(w' − r·w·c)² / Σ(r·w·c)²) of every linear, by its name within the layer.</summary>
    public static IReadOnlyDictionary<string, double> Of(EvaluatedModel model, EvaluatedModel baseline, int layer)
    {
        var family = ModelFamily.Of(baseline.Configuration);
        return family.Linears(baseline.Configuration).ToDictionary(linear => linear.Name, linear =>
        {
            var name = $"{family.Module(layer, linear.Name)}.weight";
            using var before = HalfTensors.Load(baseline.Weights, name, linear.OutputSize, linear.InputSize);
            using var after = HalfTensors.Load(model.Weights, name, linear.OutputSize, linear.InputSize);
            return Error((Half*)before.Pointer, (Half*)after.Pointer, linear.OutputSize, linear.InputSize);
        }, StringComparer.Ordinal);
    }

    /// <param name="before">w, [outputs, inputs].</param>
    /// <param name="after">w', [outputs, inputs].</param>
    /// <param name="outputs">Rows of both.</param>
    /// <param name="inputs">Columns of both.</param>
    internal static double Error(Half* before, Half* after, int outputs, int inputs)
    {
        var stride = (inputs + Float16Lanes.Width - 1) / Float16Lanes.Width * Float16Lanes.Width;
        var rows = new float[outputs];
        Array.Fill(rows, 1);
        var columns = new float[stride];
        Array.Fill(columns, 1);
        var (a, b) = (new float[stride], new float[stride]);
        var (products, squares) = (new float[stride], new float[stride]);
        fixed (float* w = a, v = b, column = columns, product = products, square = squares)
        {
            for (var round = 0; round < Rounds; round++)
            {
                Array.Clear(products);
                Array.Clear(squares);
                for (var row = 0; row < outputs; row++)
                {
                    Load(before, after, row, inputs, w, v);
                    AddColumns(w, v, stride, rows[row], product, square);
                }

                for (var i = 0; i < inputs; i++)
                {
                    columns[i] = square[i] > 0 ? product[i] / square[i] : 1;
                }

                for (var row = 0; row < outputs; row++)
                {
                    Load(before, after, row, inputs, w, v);
                    var (cross, own) = RowSums(w, v, stride, column);
                    rows[row] = own > 0 ? cross / own : 1;
                }
            }

            double errors = 0, total = 0;
            for (var row = 0; row < outputs; row++)
            {
                Load(before, after, row, inputs, w, v);
                var (error, own) = Differences(w, v, stride, column, rows[row]);
                errors += error;
                total += own;
            }

            return total > 0 ? Math.Sqrt(errors / total) : 0;
        }
    }

    private static void Load(Half* before, Half* after, int row, int inputs, float* w, float* v)
    {
        Float16Lanes.Load(before + ((nint)row * inputs), w, inputs);
        Float16Lanes.Load(after + ((nint)row * inputs), v, inputs);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddColumns(float* w, float* v, int count, float row, float* products, float* squares)
    {
        var factor = Vector512.Create(row);
        for (var i = 0; i < count; i += Float16Lanes.Width)
        {
            var scaled = Vector512.Load(w + i) * factor;
            Vector512.FusedMultiplyAdd(scaled, Vector512.Load(v + i), Vector512.Load(products + i)).Store(products + i);
            Vector512.FusedMultiplyAdd(scaled, scaled, Vector512.Load(squares + i)).Store(squares + i);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static (float Cross, float Own) RowSums(float* w, float* v, int count, float* columns)
    {
        var (cross, own) = (Vector512<float>.Zero, Vector512<float>.Zero);
        for (var i = 0; i < count; i += Float16Lanes.Width)
        {
            var scaled = Vector512.Load(w + i) * Vector512.Load(columns + i);
            cross = Vector512.FusedMultiplyAdd(scaled, Vector512.Load(v + i), cross);
            own = Vector512.FusedMultiplyAdd(scaled, scaled, own);
        }

        return (Float16Lanes.Sum(cross), Float16Lanes.Sum(own));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static (float Errors, float Own) Differences(float* w, float* v, int count, float* columns, float row)
    {
        var (errors, own) = (Vector512<float>.Zero, Vector512<float>.Zero);
        var factor = Vector512.Create(row);
        for (var i = 0; i < count; i += Float16Lanes.Width)
        {
            var scaled = Vector512.Load(w + i) * Vector512.Load(columns + i) * factor;
            var difference = Vector512.Load(v + i) - scaled;
            errors = Vector512.FusedMultiplyAdd(difference, difference, errors);
            own = Vector512.FusedMultiplyAdd(scaled, scaled, own);
        }

        return (Float16Lanes.Sum(errors), Float16Lanes.Sum(own));
    }
}
