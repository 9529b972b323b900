using LayerCake.Checkpoints;
using LayerCake.Kernels;
using LayerCake.Models;
using LayerCake.Torch.Layers;

namespace LayerCake.Evaluation;

/// <summary>
/// From the hidden states after the last layer to scores: final norm, head, and the distribution of the next token at every position. All variants' logits of a few
/// positions are in memory at a time, so that a large vocabulary costs no more than a small one.
/// </summary>
internal sealed unsafe class HeadPass : IDisposable
{
    // Logits of one variant and thread: 4 MB and so in the caches.
    private const int BlockFloats = 1 << 20;

    private readonly IReadOnlyList<EvaluationVariant> _variants;
    private readonly ModelConfiguration _configuration;
    private readonly Dictionary<EvaluatedModel, Head> _heads = [];
    private readonly int _rows;
    private readonly int _blockRows;

    /// <param name="variants">The first is the baseline.</param>
    /// <param name="rows">Tokens of a window.</param>
    public HeadPass(IReadOnlyList<EvaluationVariant> variants, int rows)
    {
        _variants = variants;
        _rows = rows;
        _configuration = variants[0].Model.Configuration;
        _blockRows = (int)Math.Clamp(BlockFloats / PanelProduct.Stride(_configuration.VocabularySize), 8, rows);
        try
        {
            foreach (var variant in variants)
            {
                if (!_heads.ContainsKey(variant.Model))
                {
                    _heads.Add(variant.Model, new Head(variant.Model.Weights, variant.Model.Configuration));
                }
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Memory of one thread: the normed states of all variants and a block of their logits.</summary>
    public FloatBuffer NewMemory() => new(
        (_variants.Count * ((_rows * (long)PanelProduct.Stride(_configuration.HiddenSize)) + (_blockRows * (long)PanelProduct.Stride(_configuration.VocabularySize))))
        + (PackedMatrix.DepthBlock * PanelProduct.Columns));

    /// <summary>Scores one window.</summary>
    /// <param name="window">Its number, for errors.</param>
    /// <param name="ids">Its tokens.</param>
    /// <param name="states">Of each variant, [rows, hidden].</param>
    /// <param name="memory">From <see cref="NewMemory"/>.</param>
    public WindowScores[] Score(int window, int[] ids, Half[][] states, FloatBuffer memory)
    {
        var (hiddenSize, hiddenStride) = (_configuration.HiddenSize, PanelProduct.Stride(_configuration.HiddenSize));
        var vocabularyStride = PanelProduct.Stride(_configuration.VocabularySize);
        var normed = memory.Pointer;
        var logits = normed + (_variants.Count * _rows * hiddenStride);
        var scratch = logits + (_variants.Count * _blockRows * vocabularyStride);
        var scores = new WindowScores[_variants.Count];
        for (var v = 0; v < _variants.Count; v++)
        {
            scores[v] = new WindowScores();
            var rows = normed + (v * _rows * hiddenStride);
            fixed (Half* state = states[v])
            {
                Float16Lanes.LoadRows(state, rows, hiddenStride, _rows, hiddenSize);
            }

            Elementwise.RmsNorm(rows, rows, _rows, hiddenStride, hiddenSize, _heads[_variants[v].Model].Norm.Pointer, (float)_variants[v].Model.Configuration.RmsNormEpsilon);
        }

        // The last token has none after it.
        for (var first = 0; first < _rows - 1; first += _blockRows)
        {
            var count = Math.Min(_blockRows, _rows - 1 - first);
            for (var v = 0; v < _variants.Count; v++)
            {
                _heads[_variants[v].Model].Weight.Multiply(
                    normed + (v * _rows * hiddenStride) + (first * hiddenStride), hiddenStride, count, logits + (v * _blockRows * vocabularyStride), vocabularyStride, null, scratch, round: false);
            }

            for (var row = 0; row < count; row++)
            {
                ScorePosition(window, first + row, ids[first + row + 1], logits + (row * vocabularyStride), _blockRows * vocabularyStride, scores);
            }
        }

        return scores;
    }

    public void Dispose()
    {
        foreach (var head in _heads.Values)
        {
            head.Dispose();
        }
    }

    private void ScorePosition(int window, int position, int next, float* logits, nint variantStride, WindowScores[] scores)
    {
        var count = _configuration.VocabularySize;
        var stretch = position * WindowScores.Stretches / (_rows - 1);
        var baseline = default((float Largest, int Id));
        double baselineSum = 0;
        for (var v = 0; v < scores.Length; v++)
        {
            var row = logits + (v * variantStride);
            var top = TokenDistribution.Largest(row, count);
            if (top.Id < 0)
            {
                throw new EvaluationException(
                    $"{_variants[v].Model.Path}: the logits of {_variants[v].Name} are infinite or not a number in window {window}, position {position}. "
                    + "The weights are damaged, or the model does not work in float16, which the engine computes in.");
            }

            var sum = TokenDistribution.SumOfExponentials(row, count, top.Largest);
            var normalizer = top.Largest + Math.Log(sum);
            var score = scores[v];
            score.Tokens[stretch]++;
            score.NegativeLogLikelihood[stretch] += normalizer - row[next];
            if (v == 0)
            {
                (baseline, baselineSum) = (top, sum);
                score.Agreements++;
                continue;
            }

            // KL(p ‖ q) = mean of (p − q) under p, less the difference of the normalizers.
            var mean = TokenDistribution.WeightedDifference(logits, row, count, baseline.Largest) / baselineSum;
            var divergence = Math.Max(0, mean - (baseline.Largest + Math.Log(baselineSum) - normalizer));
            score.Divergence[stretch] += divergence;
            score.Agreements += top.Id == baseline.Id ? 1 : 0;
            if (divergence > score.LargestDivergence)
            {
                (score.LargestDivergence, score.LargestPosition) = (divergence, position);
            }
        }
    }

    /// <summary>Final norm and head of one model.</summary>
    private sealed class Head : IDisposable
    {
        public Head(ITensorSource weights, ModelConfiguration configuration)
        {
            var family = ModelFamily.Of(configuration);
            var name = weights.TryFind(family.Head, out _) || !configuration.TiesHeadToEmbedding ? family.Head : family.Embedding;
            using (var norm = HalfTensors.Load(weights, $"{family.FinalNorm}.weight", configuration.HiddenSize))
            {
                Norm = FloatBuffer.From((Half*)norm.Pointer, configuration.HiddenSize, PanelProduct.Stride(configuration.HiddenSize));
            }

            try
            {
                using var weight = HalfTensors.Load(weights, name, configuration.VocabularySize, configuration.HiddenSize);
                Weight = new PackedMatrix((Half*)weight.Pointer, configuration.VocabularySize, configuration.HiddenSize);
            }
            catch
            {
                Norm.Dispose();
                throw;
            }
        }

        public FloatBuffer Norm { get; }

        public PackedMatrix Weight { get; }

        public void Dispose()
        {
            Norm.Dispose();
            Weight.Dispose();
        }
    }
}
