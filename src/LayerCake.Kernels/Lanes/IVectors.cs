namespace LayerCake.Kernels;

/// <summary>
/// The few operations that the kernels of packed weights are made of, at one vector width. Kernels are written once over them, and every lane is a column of its own, so
/// all widths give the same bits.
/// </summary>
internal unsafe interface IVectors<TVector>
    where TVector : struct
{
    /// <summary>Float32 lanes.</summary>
    static abstract int Width { get; }

    static abstract TVector Load(float* source);

    static abstract TVector Broadcast(float* source);

    static abstract void Store(TVector value, float* destination);

    static abstract TVector Add(TVector a, TVector b);

    static abstract TVector Multiply(TVector a, TVector b);

    /// <summary>a · b + c, rounded once.</summary>
    static abstract TVector FusedMultiplyAdd(TVector a, TVector b, TVector c);

    /// <summary>The bits of each word that the mask has, as a signed integer.</summary>
    static abstract TVector Masked(uint* words, uint* mask);

    /// <summary>Values of a 16-bit type.</summary>
    static abstract TVector LoadFloat16(ushort* source);

    /// <summary>Float16 values of which none is infinite or not a number: a third of the operations.</summary>
    static abstract TVector LoadFiniteFloat16(ushort* source);

    static abstract TVector LoadBFloat16(ushort* source);

    static abstract TVector LoadBytes(byte* source);

    /// <summary>32768 + byte: the byte in the last bits of the mantissa.</summary>
    static abstract TVector LoadShiftedBytes(byte* source);
}
