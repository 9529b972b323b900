namespace LayerCake.Text;

/// <summary>
/// The tokenizer of a model folder: its SentencePiece model and what its JSON files say about special tokens. For plain text it
/// gives what Transformers' slow LlamaTokenizer and InternLMTokenizer give: BOS, the SentencePiece ids, and EOS where asked for.
/// Texts of special and added tokens inside the text are not looked for; they are text. Thread-safe.
/// </summary>
public sealed class TokenizerFolder
{
    /// <summary>The file that a folder must hold.</summary>
    public const string ModelFileName = "tokenizer.model";

    private TokenizerFolder(string modelPath, SentencePieceTokenizer tokenizer, SpecialTokenSettings settings)
    {
        ModelPath = modelPath;
        Tokenizer = tokenizer;
        AddedTokens = settings.AddedTokens;
        BosId = settings.BosIdOr(tokenizer);
        EosId = settings.EosIdOr(tokenizer);
        AddsBos = settings.AddsBos;
        AddsEos = settings.AddsEos;
    }

    /// <summary>Where the SentencePiece model lies.</summary>
    public string ModelPath { get; }

    public SentencePieceTokenizer Tokenizer { get; }

    /// <summary>The tokens of <c>added_tokens_decoder</c> (tokenizer_config.json) and <c>added_tokens.json</c>, by id.</summary>
    public IReadOnlyList<AddedToken> AddedTokens { get; }

    /// <summary>The id of <c>bos_token</c> or, where no file names one, the model's own; -1 for none.</summary>
    public int BosId { get; }

    /// <summary>The id of <c>eos_token</c> or, where no file names one, the model's own; -1 for none.</summary>
    public int EosId { get; }

    /// <summary>Whether a text begins with BOS: <c>add_bos_token</c>, true when unsaid.</summary>
    public bool AddsBos { get; }

    /// <summary>Whether a text ends with EOS: <c>add_eos_token</c>, false when unsaid.</summary>
    public bool AddsEos { get; }

    /// <summary>Opens the tokenizer of a model folder.</summary>
    /// <exception cref="TokenizerException">There is no <c>tokenizer.model</c>, or one of the files cannot be used.</exception>
    public static TokenizerFolder Open(string folder)
    {
        if (!Directory.Exists(folder))
        {
            throw new TokenizerException($"{folder}: there is no such folder, so no tokenizer in it.");
        }

        string modelPath = Path.Combine(folder, ModelFileName);
        if (!File.Exists(modelPath))
        {
            bool hasFastTokenizer = File.Exists(Path.Combine(folder, "tokenizer.json"));
            throw new TokenizerException(hasFastTokenizer
                ? $"{folder}: the folder has tokenizer.json, which is not read. The SentencePiece model {ModelFileName} is needed: "
                    + "download it from the model's repository into the folder."
                : $"{folder}: no tokenizer found. The SentencePiece model {ModelFileName} is looked for: download it from the model's "
                    + "repository into the folder.");
        }

        var tokenizer = SentencePieceTokenizer.Load(modelPath);
        var result = new TokenizerFolder(modelPath, tokenizer, SpecialTokenSettings.Read(folder));
        if (result.AddsBos && result.BosId < 0)
        {
            throw new TokenizerException(
                $"{folder}: texts are to begin with BOS, and the tokenizer has none. Set \"add_bos_token\": false in tokenizer_config.json.");
        }

        if (result.AddsEos && result.EosId < 0)
        {
            throw new TokenizerException(
                $"{folder}: texts are to end with EOS, and the tokenizer has none. Set \"add_eos_token\": false in tokenizer_config.json.");
        }

        return result;
    }

    /// <summary>The ids of a whole text with one BOS before it and one EOS after it, where the folder asks for them.</summary>
    public int[] EncodeWithSpecialTokens(string text)
    {
        int[] ids = Tokenizer.Encode(text);
        int[] bos = AddsBos ? [BosId] : [];
        int[] eos = AddsEos ? [EosId] : [];
        return [.. bos, .. ids, .. eos];
    }
}
