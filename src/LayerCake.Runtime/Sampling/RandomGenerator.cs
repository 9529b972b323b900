namespace LayerCake.Runtime;

/// <summary>
/// XORWOW (Marsaglia 2003), seeded as NVIDIA documents cuRAND's <c>curand_init(seed, 0, 0)</c> to do, and uniform numbers in (0, 1] from it. One per session.
/// </summary>
internal struct RandomGenerator
{
    private uint _x0;
    private uint _x1;
    private uint _x2;
    private uint _x3;
    private uint _x4;
    private uint _weyl;

    public RandomGenerator(ulong seed)
    {
        var low = 1099087573u * ((uint)seed ^ 0xAAD26B49u);
        var high = 2591861531u * ((uint)(seed >> 32) ^ 0xF7DCEFDDu);
        _weyl = 6615241u + high + low;
        _x0 = 123456789u + low;
        _x1 = 362436069u ^ low;
        _x2 = 521288629u + high;
        _x3 = 88675123u ^ high;
        _x4 = 5783321u + low;
    }

    /// <summary>In (0, 1], steps of 2^-32.</summary>
    public float NextUniform()
    {
        var t = _x0 ^ (_x0 >> 2);
        (_x0, _x1, _x2, _x3) = (_x1, _x2, _x3, _x4);
        _x4 = _x4 ^ (_x4 << 4) ^ t ^ (t << 1);
        _weyl += 362437u;
        const float step = 1f / 4294967296f;
        return MathF.Min(1f, ((_x4 + _weyl) * step) + (step / 2));
    }
}
