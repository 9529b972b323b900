using LayerCake.Checkpoints;

namespace LayerCake.Reporting;

/// <summary>
/// Compares the tensors of two sides. First all bytes, a tensor until its first difference; then the errors of those that differ. Both in pieces of a few
/// megabytes, on all cores; memory does not grow with the tensors.
/// </summary>
internal sealed class TensorComparer(HeldContent a, HeldContent b, CancellationToken token)
{
    public IReadOnlyList<TensorDifference> Run()
    {
        var names = Names();
        var differs = FindDiffering(names);
        var results = new TensorDifference[names.Count];
        var pieces = new List<Piece>();
        for (var index = 0; index < names.Count; index++)
        {
            var name = names[index];
            results[index] = Describe(name, differs[index]);
            if (results[index].Change == TensorChange.Values)
            {
                pieces.AddRange(PiecesOf(index, name));
            }
        }

        var partials = new PartialDifference[pieces.Count];
        Threads.For(pieces.Count, token, i => partials[i] = Compare(names[pieces[i].Tensor], pieces[i]));
        for (var start = 0; start < pieces.Count;)
        {
            var tensor = pieces[start].Tensor;
            var sum = new PartialDifference();
            for (; start < pieces.Count && pieces[start].Tensor == tensor; start++)
            {
                sum.Add(partials[start]);
            }

            results[tensor] = Complete(results[tensor], sum);
        }

        return results;
    }

    /// <summary>A's names in its order, with what only B has after the name it follows there.</summary>
    private List<string> Names()
    {
        var known = a.Order.ToHashSet(StringComparer.Ordinal);
        var after = new Dictionary<string, List<string>>(StringComparer.Ordinal);
        var names = new List<string>();
        string? last = null;
        foreach (var name in b.Order)
        {
            if (known.Contains(name))
            {
                last = name;
            }
            else if (last is null)
            {
                names.Add(name);
            }
            else
            {
                (after.TryGetValue(last, out var list) ? list : after[last] = []).Add(name);
            }
        }

        foreach (var name in a.Order)
        {
            names.Add(name);
            names.AddRange(after.GetValueOrDefault(name, []));
        }

        return names;
    }

    private bool[] FindDiffering(List<string> names)
    {
        var differs = new bool[names.Count];
        var pieces = new List<(int Tensor, TensorContent A, TensorContent B, long Offset)>();
        for (var index = 0; index < names.Count; index++)
        {
            var (left, right) = (PartsOf(a, names[index]), PartsOf(b, names[index]));
            differs[index] = left.Count != right.Count || left.Zip(right).Any(pair => pair.First.DType != pair.Second.DType || !pair.First.HasShapeOf(pair.Second));
            if (differs[index])
            {
                continue;
            }

            foreach (var (first, second) in left.Zip(right))
            {
                for (var offset = 0L; offset < first.ByteCount; offset += ElementComparer.PieceBytes)
                {
                    pieces.Add((index, first, second, offset));
                }
            }
        }

        Threads.For(pieces.Count, token, i =>
        {
            var (tensor, first, second, offset) = pieces[i];
            if (!Volatile.Read(ref differs[tensor]) && !HaveEqualBytes(first, second, offset))
            {
                Volatile.Write(ref differs[tensor], true);
            }
        });
        return differs;
    }

    private static bool HaveEqualBytes(TensorContent first, TensorContent second, long offset)
    {
        var count = (int)Math.Min(ElementComparer.PieceBytes, first.ByteCount - offset);
        var pool = System.Buffers.ArrayPool<byte>.Shared;
        var (left, right) = (pool.Rent(count), pool.Rent(count));
        try
        {
            first.Read(offset, left.AsSpan(0, count));
            second.Read(offset, right.AsSpan(0, count));
            return left.AsSpan(0, count).SequenceEqual(right.AsSpan(0, count));
        }
        finally
        {
            pool.Return(left);
            pool.Return(right);
        }
    }

    private static IReadOnlyList<TensorContent> PartsOf(HeldContent side, string name) =>
        side.Packed.TryGetValue(name, out var packed) ? [.. packed.Parts]
        : side.Tensors.TryGetValue(name, out var tensor) ? [tensor]
        : [];

    private TensorDifference Describe(string name, bool differs)
    {
        var (packedA, packedB) = (a.Packed.GetValueOrDefault(name), b.Packed.GetValueOrDefault(name));
        var (tensorA, tensorB) = (a.Tensors.GetValueOrDefault(name), b.Tensors.GetValueOrDefault(name));
        var (textA, textB) = (packedA?.ShapeText ?? tensorA?.ShapeText, packedB?.ShapeText ?? tensorB?.ShapeText);
        var change = textA is null ? TensorChange.OnlyInB
            : textB is null ? TensorChange.OnlyInA
            : !differs ? TensorChange.Equal
            : packedA is not null && packedB is not null ? packedA.HasShapeOf(packedB) ? TensorChange.Values : TensorChange.Shape
            : tensorA is not null && tensorB is not null && tensorA.HasShapeOf(tensorB) && ElementComparer.CanCompare(tensorA.DType, tensorB.DType) ? TensorChange.Values
            : TensorChange.Shape;
        return new TensorDifference
        {
            Name = name,
            Change = change,
            A = textA,
            B = textB,
            IsPacked = (packedA ?? packedB) is not null,
            Elements = (packedA ?? packedB) is { } packed ? packed.Inputs * packed.Outputs : (tensorA ?? tensorB)!.ElementCount,
        };
    }

    private IEnumerable<Piece> PiecesOf(int index, string name)
    {
        if (a.Packed.TryGetValue(name, out var packed))
        {
            var step = PackedComparer.InputsAtOnce(packed);
            for (var input = 0L; input < packed.Inputs; input += step)
            {
                yield return new Piece(index, Part.Codes, input, Math.Min(step, packed.Inputs - input));
            }

            // Other groups mean other scales throughout; how many differ says nothing then.
            if (packed.GroupSize == b.Packed[name].GroupSize)
            {
                foreach (var piece in Whole(packed.Scales, Part.Scales).Concat(packed.Zeros is { } zeros ? Whole(zeros, Part.Zeros) : []))
                {
                    yield return piece;
                }
            }

            yield break;
        }

        foreach (var piece in Whole(a.Tensors[name], Part.Whole))
        {
            yield return piece;
        }

        IEnumerable<Piece> Whole(TensorContent tensor, Part part)
        {
            var step = ElementComparer.PieceBytes / tensor.DType.ByteSize();
            for (var start = 0L; start < tensor.ElementCount; start += step)
            {
                yield return new Piece(index, part, start, Math.Min(step, tensor.ElementCount - start));
            }
        }
    }

    private PartialDifference Compare(string name, Piece piece)
    {
        if (piece.Part == Part.Whole)
        {
            return ElementComparer.Compare(a.Tensors[name], b.Tensors[name], piece.Start, (int)piece.Count);
        }

        var (left, right) = (a.Packed[name], b.Packed[name]);
        if (piece.Part == Part.Codes)
        {
            return PackedComparer.Compare(left, right, piece.Start, piece.Count);
        }

        var (first, second) = piece.Part == Part.Scales ? (left.Scales, right.Scales) : (left.Zeros!, right.Zeros!);
        return first.DType == second.DType
            ? new PartialDifference { ScalesDiffering = ElementComparer.Compare(first, second, piece.Start, (int)piece.Count).Differing }
            : new PartialDifference();
    }

    private TensorDifference Complete(TensorDifference tensor, PartialDifference sum)
    {
        var result = tensor with
        {
            Differing = sum.Differing,
            ScalesDiffering = sum.ScalesDiffering,
            MaxAbsolute = sum.MaxAbsoluteOrNaN,
            RelativeRms = sum.RelativeRms,
        };
        if (sum.First < 0)
        {
            return result;
        }

        if (a.Packed.TryGetValue(tensor.Name, out var packed))
        {
            var (input, output) = Math.DivRem(sum.First, packed.Outputs);
            return result with
            {
                First = [input, output],
                FirstA = PackedComparer.Text(packed, input, output),
                FirstB = PackedComparer.Text(b.Packed[tensor.Name], input, output),
            };
        }

        var shape = a.Tensors[tensor.Name].Shape;
        var indices = new long[shape.Length];
        var rest = sum.First;
        for (var dimension = shape.Length - 1; dimension >= 0; dimension--)
        {
            (rest, indices[dimension]) = Math.DivRem(rest, shape[dimension]);
        }

        return result with
        {
            First = indices,
            FirstA = ElementComparer.Text(a.Tensors[tensor.Name], sum.First),
            FirstB = ElementComparer.Text(b.Tensors[tensor.Name], sum.First),
        };
    }

    private enum Part
    {
        Whole,
        Codes,
        Scales,
        Zeros,
    }

    /// <summary>A run of elements, or of inputs of a 4-bit matrix.</summary>
    private readonly record struct Piece(int Tensor, Part Part, long Start, long Count);
}
