using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using LayerCake.Text;

namespace LayerCake.Evaluation;

/// <summary>A text cut into the sequences that a model is measured on: next to each other, none overlapping, what is left at the end left out.</summary>
public sealed class EvaluationWindows
{
    private EvaluationWindows(int[][] ids, int available, bool hasBos, string datasetSha256)
    {
        Ids = ids;
        Available = available;
        HasBos = hasBos;
        DatasetSha256 = datasetSha256;
    }

    /// <summary>[windows][window] token ids.</summary>
    public IReadOnlyList<int[]> Ids { get; }

    /// <summary>How many whole windows the text has; more than are measured where there is a limit.</summary>
    public int Available { get; }

    /// <summary>Whether each window begins with BOS, and so has one token of the text less.</summary>
    public bool HasBos { get; }

    /// <summary>SHA-256 of the text's file.</summary>
    public string DatasetSha256 { get; }

    /// <summary>Tokens of a window, BOS included.</summary>
    public int Length => Ids[0].Length;

    /// <summary>Tokens that are predicted: all of a window but its first.</summary>
    public long TokenCount => (long)Ids.Count * (Length - 1);

    /// <summary>SHA-256 of all ids as 32-bit little-endian numbers: the same text with another tokenizer has another.</summary>
    public string IdsSha256
    {
        get
        {
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            foreach (var window in Ids)
            {
                hash.AppendData(MemoryMarshal.AsBytes<int>(window));
            }

            return Convert.ToHexStringLower(hash.GetHashAndReset());
        }
    }

    /// <summary>Reads and tokenizes a text and cuts it.</summary>
    /// <param name="file">A .txt file, or a .jsonl file with a <c>text</c> field a line.</param>
    /// <param name="tokenizer">Of the model. Where it puts BOS before a text, BOS stands before every window.</param>
    /// <param name="window">Tokens of a window, BOS included; 2 or more.</param>
    /// <param name="limit">The most windows, from the beginning of the text; null for all.</param>
    /// <exception cref="CalibrationDataException">The file is missing, empty or not UTF-8.</exception>
    /// <exception cref="EvaluationException">The text has fewer tokens than one window.</exception>
    public static EvaluationWindows Load(string file, TokenizerFolder tokenizer, int window, int? limit)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(window, 2);
        var text = CalibrationText.LoadVerbatim(file);
        using var stream = File.OpenRead(file);
        var digest = Convert.ToHexStringLower(SHA256.HashData(stream));
        var ids = tokenizer.Tokenizer.Encode(text.Text);
        int[] bos = tokenizer.AddsBos ? [tokenizer.BosId] : [];
        var stride = window - bos.Length;
        var available = ids.Length / stride;
        if (available == 0)
        {
            throw new EvaluationException(string.Create(
                CultureInfo.InvariantCulture,
                $"{file}: the text has {ids.Length} tokens, and one window of {window} needs {stride}. Use a longer text, or a window of at most {Math.Max(2, ids.Length + bos.Length)}."));
        }

        var windows = Enumerable.Range(0, Math.Min(available, limit ?? int.MaxValue))
            .Select(i => (int[])[.. bos, .. ids.AsSpan(i * stride, stride)]);
        return new EvaluationWindows([.. windows], available, bos.Length > 0, digest);
    }

    /// <summary>Windows of ids that come from elsewhere, all of one length.</summary>
    internal static EvaluationWindows Of(int[][] ids, bool hasBos = false) => new(ids, ids.Length, hasBos, new string('0', 64));

    /// <summary>Refuses ids that a model does not have, and windows that it cannot be measured on.</summary>
    /// <exception cref="EvaluationException">The tokenizer is another model's, or the windows are too long.</exception>
    internal void Check(EvaluatedModel model)
    {
        if (model.LongestWindow is { } longest && Length > longest)
        {
            throw new EvaluationException(
                $"{model.Path}: windows of {Length} tokens reach beyond position {longest}, where the workspace's rope_scaling_factor or use_logn_attn begins to act. Use a window of at most {longest}.");
        }

        foreach (var window in Ids)
        {
            var wrong = Array.FindIndex(window, id => (uint)id >= (uint)model.Configuration.VocabularySize);
            if (wrong >= 0)
            {
                throw new EvaluationException(
                    $"{model.Path}: the text has token id {window[wrong]}, but the model's vocabulary has {model.Configuration.VocabularySize}: the tokenizer is not this model's.");
            }
        }
    }
}
