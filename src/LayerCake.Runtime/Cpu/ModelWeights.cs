using System.Globalization;
using System.Runtime.Intrinsics;
using LayerCake.Kernels;
using LayerCake.TurboMind;

namespace LayerCake.Runtime;

/// <summary>All weights of a model in the form in which the CPU computes with them; the ranks of a workspace are joined.</summary>
internal sealed unsafe class ModelWeights<T> : IWeightReceiver, IDisposable
    where T : struct, IHalfType
{
    private const int Tile = 32;

    private readonly EngineConfiguration _c;
    private readonly List<LayerWeights> _layers = [];

    public ModelWeights(EngineConfiguration configuration)
    {
        _c = configuration;
        FinalNorm = new FloatBuffer(Hidden);
        Head = new HalfMatrix<T>(Hidden, _c.VocabularySize);
        for (var layer = 0; layer < _c.LayerCount; layer++)
        {
            _layers.Add(new LayerWeights
            {
                QueryKeyValue = Create(Hidden, Hidden + (2 * KeyValueWidth)),
                AttentionOutput = Create(Hidden, Hidden),
                Gate = Create(Hidden, _c.IntermediateSize),
                Up = Create(Hidden, _c.IntermediateSize),
                Down = Create(_c.IntermediateSize, Hidden),
                AttentionNorm = new FloatBuffer(Hidden),
                FeedForwardNorm = new FloatBuffer(Hidden),
                QueryKeyValueBias = _c.AttentionBias ? new FloatBuffer(Hidden + (2 * KeyValueWidth)) : null,
                AttentionOutputBias = _c.AttentionBias ? new FloatBuffer(Hidden) : null,
            });
        }
    }

    public IReadOnlyList<LayerWeights> Layers => _layers;

    /// <summary>16-bit rows [vocabulary, hidden].</summary>
    public NativeBuffer? Embedding { get; private set; }

    public FloatBuffer FinalNorm { get; }

    public HalfMatrix<T> Head { get; }

    public long ByteCount => (Embedding?.ByteCount ?? 0) + (FinalNorm.Count * sizeof(ushort)) + Head.ByteCount + _layers.Sum(layer => layer.ByteCount);

    private int Hidden => _c.HiddenSize;

    private int KeyValueWidth => _c.KeyValueHeadCount * _c.SizePerHead;

    public void Take(string name, NativeBuffer content)
    {
        if (name == "tok_embeddings.weight")
        {
            Embedding = content;
            return;
        }

        using (content)
        {
            var halves = (ushort*)content.Pointer;
            if (name == "norm.weight")
            {
                Widen(halves, FinalNorm, 0, Hidden);
            }
            else if (name == "output.weight")
            {
                Head.SetTransposed(halves);
            }
            else
            {
                TakeLayer(name.Split('.'), content);
            }
        }
    }

    public void Dispose()
    {
        Embedding?.Dispose();
        FinalNorm.Dispose();
        Head.Dispose();
        _layers.ForEach(layer => layer.Dispose());
    }

    private WeightMatrix Create(int inputs, int outputs) =>
        _c.WeightType == WeightType.Int4 ? new Int4Matrix(inputs, outputs, _c.GroupSize) : new HalfMatrix<T>(inputs, outputs);

    /// <summary><c>layers.N.attention_norm.weight</c> or <c>layers.N.attention.w_qkv.R.weight</c>, taken apart at the points.</summary>
    private void TakeLayer(string[] parts, NativeBuffer content)
    {
        var layer = _layers[int.Parse(parts[1], CultureInfo.InvariantCulture)];
        var halves = (ushort*)content.Pointer;
        if (parts.Length == 4)
        {
            Widen(halves, parts[2] == "attention_norm" ? layer.AttentionNorm : layer.FeedForwardNorm, 0, Hidden);
            return;
        }

        var (linear, rank, extension) = (parts[3], int.Parse(parts[4], CultureInfo.InvariantCulture), parts[5]);
        switch (linear, extension)
        {
            case ("w_qkv", "bias"):
                foreach (var (from, to, count) in QueryKeyValueRuns(rank))
                {
                    Widen(halves + from, layer.QueryKeyValueBias!, to, count);
                }

                break;
            case ("wo", "bias"):
                // Every rank has the whole of it.
                Widen(halves, layer.AttentionOutputBias!, 0, Hidden);
                break;
            default:
                foreach (var part in Parts(layer, linear, rank))
                {
                    Set(part, extension, content);
                }

                break;
        }
    }

    private static void Set(Part part, string extension, NativeBuffer content)
    {
        switch (extension)
        {
            case "weight":
                ((HalfMatrix<T>)part.Matrix).Set(
                    (ushort*)content.Pointer + part.SourceColumn, part.Stride, part.FirstInput, part.Rows, part.FirstOutput, part.Columns);
                break;
            case "qweight":
                SetCodes(part, (uint*)content.Pointer);
                break;
            default:
                SetScales(part, (uint*)content.Pointer);
                break;
        }
    }

    private static void SetCodes(Part part, uint* words)
    {
        var matrix = (Int4Matrix)part.Matrix;
        Parallel.For(0, part.Rows / Tile, strip =>
        {
            Span<int> outputs = stackalloc int[Tile];
            for (var column = 0; column < part.Columns * part.Step; column += Tile)
            {
                for (var j = 0; j < Tile; j++)
                {
                    outputs[j] = part.Output(column + j);
                }

                var tile = ((long)strip * (part.Stride / Tile)) + ((part.SourceColumn / Tile * Tile) + column) / Tile;
                matrix.SetTile(words + (tile * Tile * Tile / 8), part.FirstInput + (strip * Tile), outputs);
            }
        });
    }

    private static void SetScales(Part part, uint* words)
    {
        var matrix = (Int4Matrix)part.Matrix;
        var groups = part.Rows / matrix.GroupSize;
        for (var group = 0; group < groups; group++)
        {
            for (var column = 0; column < part.Columns * part.Step; column++)
            {
                if (part.Output(column) is >= 0 and var output)
                {
                    var from = words[((long)group * part.Stride) + (part.SourceColumn / Tile * Tile) + column];
                    matrix.SetScale(from, (part.FirstInput / matrix.GroupSize) + group, output);
                }
            }
        }
    }

    /// <summary>Where the columns of one rank's file go.</summary>
    private IEnumerable<Part> Parts(LayerWeights layer, string linear, int rank)
    {
        var ranks = _c.TensorParallel;
        var inner = _c.IntermediateSize / ranks;
        switch (linear)
        {
            case "w_qkv":
                var width = (Hidden + (2 * KeyValueWidth)) / ranks;
                foreach (var (from, to, count) in QueryKeyValueRuns(rank))
                {
                    yield return new Part(layer.QueryKeyValue, width, from, 1, 0, Hidden, to, count);
                }

                break;
            case "wo":
                yield return new Part(layer.AttentionOutput, Hidden, 0, 1, rank * (Hidden / ranks), Hidden / ranks, 0, Hidden);
                break;
            case "w1":
                yield return new Part(layer.Gate, inner, 0, 1, 0, Hidden, rank * inner, inner);
                break;
            case "w3":
                yield return new Part(layer.Up, inner, 0, 1, 0, Hidden, rank * inner, inner);
                break;
            case "w13":
                // Gate and up alternate.
                yield return new Part(layer.Gate, 2 * inner, 0, 2, 0, Hidden, rank * inner, inner);
                yield return new Part(layer.Up, 2 * inner, 1, 2, 0, Hidden, rank * inner, inner);
                break;
            default:
                yield return new Part(layer.Down, Hidden, 0, 1, rank * inner, inner, 0, Hidden);
                break;
        }
    }

    /// <summary>A rank's columns are its query heads, its key heads, its value heads.</summary>
    private (int From, int To, int Count)[] QueryKeyValueRuns(int rank)
    {
        var (q, kv) = (Hidden / _c.TensorParallel, KeyValueWidth / _c.TensorParallel);
        return [(0, rank * q, q), (q, Hidden + (rank * kv), kv), (q + kv, Hidden + KeyValueWidth + (rank * kv), kv)];
    }

    private static void Widen(ushort* halves, FloatBuffer target, int offset, int count)
    {
        // Widths are multiples of 128.
        for (var i = 0; i < count; i += Float16Lanes.Width)
        {
            T.Load(halves + i).Store(target.Pointer + offset + i);
        }
    }

    /// <param name="Matrix">What the columns belong to.</param>
    /// <param name="Stride">Columns of the file.</param>
    /// <param name="SourceColumn">The file's first column of this part; a multiple of 32, plus the phase where columns alternate.</param>
    /// <param name="Step">Distance of the part's columns in the file: 2 where two matrices alternate.</param>
    /// <param name="FirstInput">Where the file's first row goes.</param>
    /// <param name="Rows">Rows of the file.</param>
    /// <param name="FirstOutput">Where the part's first column goes.</param>
    /// <param name="Columns">Columns of the part.</param>
    private sealed record Part(WeightMatrix Matrix, int Stride, int SourceColumn, int Step, int FirstInput, int Rows, int FirstOutput, int Columns)
    {
        /// <summary>Where column <paramref name="column"/> (counted from the part's first tile) goes, or -1.</summary>
        public int Output(int column) => column % Step == SourceColumn % Step ? FirstOutput + (column / Step) : -1;
    }
}
