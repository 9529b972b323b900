using System.Buffers.Binary;
using System.Text;
using LayerCake.Text.SentencePiece;

namespace LayerCake.Text.Tests;

/// <summary>Writes SentencePiece models for tests, sound and unsound ones.</summary>
internal sealed class ModelBuilder
{
    private readonly List<byte> _bytes = [];

    /// <summary>A model of "a", "b", "▁" and "ab".</summary>
    public static ModelBuilder Small() => new ModelBuilder()
        .Piece("<unk>", 0, PieceType.Unknown).Piece("<s>", 0, PieceType.Control).Piece("</s>", 0, PieceType.Control)
        .Piece("ab", -1).Piece("a", -2).Piece("b", -3).Piece("\u2581", -4)
        .Trainer(ModelKind.Bpe);

    public ModelBuilder Piece(string text, float score, PieceType type = PieceType.Normal)
    {
        var scoreBytes = new byte[4];
        BinaryPrimitives.WriteSingleLittleEndian(scoreBytes, score);
        byte[] content = [.. Bytes(1, Encoding.UTF8.GetBytes(text)), 0x15, .. scoreBytes, 0x18, (byte)type];
        _bytes.AddRange(Bytes(1, content));
        return this;
    }

    public ModelBuilder Trainer(ModelKind kind, bool byteFallback = false)
    {
        _bytes.AddRange(Bytes(2, [0x18, (byte)kind, 0x98, 0x02, byteFallback ? (byte)1 : (byte)0]));
        return this;
    }

    public ModelBuilder Normalizer(byte[] characterMap)
    {
        _bytes.AddRange(Bytes(3, Bytes(2, characterMap)));
        return this;
    }

    public ModelBuilder Raw(params byte[] bytes)
    {
        _bytes.AddRange(bytes);
        return this;
    }

    public byte[] Build() => [.. _bytes];

    public SentencePieceTokenizer Parse() => SentencePieceTokenizer.Parse(Build(), "test.model");

    private static byte[] Bytes(int field, byte[] content)
    {
        var result = new List<byte> { (byte)((field << 3) | 2) };
        uint rest = (uint)content.Length;
        while (rest >= 0x80)
        {
            result.Add((byte)(rest | 0x80));
            rest >>= 7;
        }

        result.Add((byte)rest);
        result.AddRange(content);
        return [.. result];
    }
}
