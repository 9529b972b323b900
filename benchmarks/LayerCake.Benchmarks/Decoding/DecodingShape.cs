namespace LayerCake.Benchmarks.Decoding;

/// <summary>A Llama of a 7B model's width with few layers, so that two copies of it fit anywhere.</summary>
internal sealed record DecodingShape(int Layers)
{
    public const int Hidden = 4096;
    public const int Inner = 11008;
    public const int Heads = 32;
    public const int HeadSize = 128;
    public const int Vocabulary = 1024;
    public const int GroupSize = 128;
    public const int Context = 2048;
}
