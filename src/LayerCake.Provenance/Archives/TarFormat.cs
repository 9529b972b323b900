namespace LayerCake.Provenance;

/// <summary>Where things lie in a header of the ustar format (POSIX.1-2001), and its types of entries.</summary>
internal static class TarFormat
{
    public const int BlockBytes = 512;

    public const int NameBytes = 100;
    public const int PrefixBytes = 155;

    /// <summary>The largest size that the twelve octal digits hold: 8 GiB less one byte.</summary>
    public const long MaxSize = (1L << 33) - 1;

    public const byte File = (byte)'0';
    public const byte HardLink = (byte)'1';
    public const byte SymbolicLink = (byte)'2';
    public const byte Folder = (byte)'5';
    public const byte Extended = (byte)'x';
    public const byte Global = (byte)'g';
    public const byte GnuLongName = (byte)'L';
    public const byte GnuLongLink = (byte)'K';

    public static readonly Range Name = 0..100;
    public static readonly Range Mode = 100..108;
    public static readonly Range User = 108..116;
    public static readonly Range Group = 116..124;
    public static readonly Range Size = 124..136;
    public static readonly Range Time = 136..148;
    public static readonly Range Checksum = 148..156;
    public const int Type = 156;
    public static readonly Range LinkName = 157..257;
    public static readonly Range Magic = 257..265;
    public static readonly Range DeviceMajor = 329..337;
    public static readonly Range DeviceMinor = 337..345;
    public static readonly Range Prefix = 345..500;

    /// <summary>The sum of the header's bytes, its own field counted as spaces.</summary>
    public static int SumOf(ReadOnlySpan<byte> header)
    {
        var sum = 0;
        for (var i = 0; i < BlockBytes; i++)
        {
            sum += i is >= 148 and < 156 ? ' ' : header[i];
        }

        return sum;
    }
}
