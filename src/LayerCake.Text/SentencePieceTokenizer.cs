using System.Globalization;
using System.Text;
using LayerCake.Text.SentencePiece;

namespace LayerCake.Text;

/// <summary>
/// A SentencePiece model (byte-pair encoding or unigram): text to ids and back, equal to the original SentencePiece library.
/// Neither direction adds or knows BOS and EOS: <see cref="TokenizerFolder"/> does. Thread-safe.
/// </summary>
/// <remarks>
/// The engine is this project's own. Microsoft.ML.Tokenizers 2.0.1 was tried first and serves as a witness in the tests: it takes no
/// notice of user-defined pieces nor of the normalization table of BPE models, loses texts of one character where extra spaces are
/// removed, and of equal scores merges the rightmost first (InternLM has many), all inside its sealed encoder.
/// </remarks>
public sealed class SentencePieceTokenizer
{
    private const long MaximumByteCount = 1L << 29;

    private readonly PieceVocabulary _vocabulary;
    private readonly TextNormalizer _normalizer;
    private readonly ISegmenter _segmenter;
    private readonly Detokenizer _detokenizer;

    private SentencePieceTokenizer(ModelFile model, string name)
    {
        if (model.Trainer.Kind is not (ModelKind.Bpe or ModelKind.Unigram))
        {
            throw new TokenizerException(
                $"{name}: a SentencePiece model of type {model.Trainer.Kind.ToString().ToLowerInvariant()} is not supported; bpe and unigram are.");
        }

        _vocabulary = new PieceVocabulary(model, name);
        var symbols = SymbolMatcher.For(_vocabulary);
        _normalizer = new TextNormalizer(model.Normalizer, model.Trainer.TreatWhitespaceAsSuffix, symbols, name);
        _segmenter = model.Trainer.Kind == ModelKind.Bpe ? new BpeSegmenter(_vocabulary, symbols) : new UnigramSegmenter(_vocabulary);
        _detokenizer = new Detokenizer(_vocabulary, model, name);
        BosId = ControlId(model.Trainer.BosPiece);
        EosId = ControlId(model.Trainer.EosPiece);
        PadId = ControlId(model.Trainer.PadPiece);
    }

    /// <summary>How many pieces the model has; ids are 0 to this less one.</summary>
    public int VocabularySize => _vocabulary.Count;

    /// <summary>The control piece that begins a text (usually <c>&lt;s&gt;</c>), or -1, as SentencePiece reports it.</summary>
    public int BosId { get; }

    /// <summary>The control piece that ends a text (usually <c>&lt;/s&gt;</c>), or -1.</summary>
    public int EosId { get; }

    /// <summary>The control piece that fills a batch (usually <c>&lt;pad&gt;</c>), or -1: most Llama models have none.</summary>
    public int PadId { get; }

    /// <summary>The piece for what the vocabulary does not cover; with byte fallback it is never produced.</summary>
    public int UnknownId => _vocabulary.UnknownId;

    /// <summary>Reads a <c>.model</c> file.</summary>
    /// <exception cref="TokenizerException">The file is missing, is no SentencePiece model, or is one that contradicts itself.</exception>
    public static SentencePieceTokenizer Load(string path)
    {
        try
        {
            if (Directory.Exists(path))
            {
                throw new TokenizerException($"{path}: this is a folder, not a SentencePiece model. Name the file tokenizer.model in it.");
            }

            var file = new FileInfo(path);
            if (!file.Exists)
            {
                throw new TokenizerException($"{path}: there is no such SentencePiece model.");
            }

            if (file.Length > MaximumByteCount)
            {
                throw new TokenizerException(string.Create(
                    CultureInfo.InvariantCulture,
                    $"{path}: not a SentencePiece model: it has {file.Length} bytes, and models have at most {MaximumByteCount}."));
            }

            return Parse(File.ReadAllBytes(path), path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new TokenizerException($"{path}: the SentencePiece model cannot be read: {exception.Message}", exception);
        }
    }

    /// <summary>Reads a model from the content of its file, which must not be changed afterwards.</summary>
    /// <param name="content">The whole file.</param>
    /// <param name="name">How messages name it.</param>
    /// <exception cref="TokenizerException">As for <see cref="Load"/>.</exception>
    public static SentencePieceTokenizer Parse(byte[] content, string name) => new(ModelFile.Parse(content, name), name);

    /// <summary>
    /// The ids of a text, without BOS or EOS. Control pieces in the text (<c>&lt;s&gt;</c>) are text like any other; user-defined
    /// pieces are found. Half a surrogate pair counts as U+FFFD.
    /// </summary>
    public int[] Encode(string text)
    {
        using var utf8 = new ByteBuffer(text.Length);
        utf8.Append(text);
        using var normalized = _normalizer.Normalize(utf8.Content);
        var pieces = new PieceSequence(_vocabulary, capacity: 16 + (normalized.Length / 4));
        if (normalized.Length > 0)
        {
            _segmenter.Segment(normalized, pieces);
        }

        return pieces.ToArray();
    }

    /// <summary>The text of ids. Control pieces give nothing; bytes that form no UTF-8 character give U+FFFD.</summary>
    /// <exception cref="TokenizerException">An id is not in the vocabulary.</exception>
    public string Decode(IReadOnlyList<int> ids) => _detokenizer.Decode(ids);

    /// <summary>How ids become text, for who takes them one by one.</summary>
    internal Detokenizer Detokenizer => _detokenizer;

    /// <summary>The piece of an id as the model writes it, with U+2581 for a space.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The id is not in the vocabulary.</exception>
    public string IdToPiece(int id)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(id);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(id, VocabularySize);

        return Encoding.UTF8.GetString(_vocabulary.TextOf(id));
    }

    /// <summary>The id of a piece written as the model writes it, or <see cref="UnknownId"/>.</summary>
    public int PieceToId(string piece) => _vocabulary.IdOf(Encoding.UTF8.GetBytes(piece));

    /// <summary>Whether an id is a control piece such as BOS, which stands for nothing in the text.</summary>
    public bool IsControl(int id) => id >= 0 && id < VocabularySize && _vocabulary.TypeOf(id) == PieceType.Control;

    private int ControlId(string piece)
    {
        int id = PieceToId(piece);
        return _vocabulary.TypeOf(id) == PieceType.Control ? id : -1;
    }
}
