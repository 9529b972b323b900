using System.Runtime.Intrinsics;

namespace LayerCake.Kernels;

/// <summary>A 16-bit storage type whose values are computed with in float32 lanes, sixteen at a time.</summary>
public unsafe interface IHalfType
{
    /// <summary>To the nearest value of the type, ties to even.</summary>
    static abstract Vector512<float> Round(Vector512<float> value);

    /// <summary>Sixteen values, exactly.</summary>
    static abstract Vector512<float> Load(ushort* source);

    /// <summary>Stores values that are of the type already.</summary>
    static abstract void Store(Vector512<float> value, ushort* destination);
}
