using LayerCake.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace LayerCake.Reconstruction.Tests.Device;

/// <summary>The kernels against the same in libtorch's operations, on one GPU. Sums are taken in another order, so a few codes that are as good fall differently.</summary>
[Category("Gpu")]
internal sealed class KernelGroupOperationsTests : IDisposable
{
    private const int Outputs = 200;
    private const int Inputs = 512;
    private static readonly ClippingGrid Clipping = new(20, 0.5f, 2);

    private readonly torch.Device _device = TorchDevices.Resolve("cuda");
    private readonly DisposeScope _scope = NewDisposeScope();
    private readonly KernelGroupOperations _kernels;
    private readonly PlainGroupOperations _plain = new();
    private readonly Tensor _w;
    private readonly Tensor _h;

    public KernelGroupOperationsTests()
    {
        _w = (rand([Outputs, Inputs], device: _device) - 0.5) * 0.2;
        _w[7].fill_(0);
        var x = rand([2000, 24], device: _device).mm(rand([24, Inputs], device: _device) - 0.5) + (rand([2000, Inputs], device: _device) * 0.3);
        _h = x.t().mm(x) / 2000;
        _kernels = new KernelGroupOperations();
    }

    public void Dispose()
    {
        _kernels.Dispose();
        _scope.Dispose();
    }

    [Test]
    public void Groups_are_rounded_alike([Values] bool clips)
    {
        using var fast = DeviceCodes.Empty(Outputs, Inputs, 128, _device);
        using var plain = DeviceCodes.Empty(Outputs, Inputs, 128, _device);
        var importance = _h.diagonal(0, 0, 1).contiguous();

        _kernels.Round(_w, importance, clips ? Clipping : ClippingGrid.None, fast);
        _plain.Round(_w, importance, clips ? Clipping : ClippingGrid.None, plain);

        AssertAlike(fast, plain);
    }

    [Test]
    public void Scaled_weights_err_alike()
    {
        var scales = rand([Inputs], device: _device) + 0.5;
        var importance = _h.diagonal(0, 0, 1).contiguous();

        var fast = _kernels.SearchErrors(_w, scales, importance, 128, Clipping);
        var plain = _plain.SearchErrors(_w, scales, importance, 128, Clipping);

        Assert.That((fast - plain).square().sum().cpu().item<float>(), Is.LessThan(0.01 * plain.square().sum().cpu().item<float>()));
    }

    [Test]
    public void Errors_are_compensated_and_lowered_alike()
    {
        using var factor = DeviceFactor.Of(_h, 0.01);
        using var fast = DeviceCodes.Empty(Outputs, Inputs, 128, _device);
        using var plain = DeviceCodes.Empty(Outputs, Inputs, 128, _device);
        var (fastErrors, plainErrors) = (zeros_like(_w), zeros_like(_w));

        _kernels.Compensate(_w.narrow(1, 128, 128).contiguous(), _w, factor, 1, Clipping, fastErrors, fast);
        _plain.Compensate(_w.narrow(1, 128, 128).contiguous(), _w, factor, 1, Clipping, plainErrors, plain);
        AssertAlike(fast, plain);
        Assert.That((fastErrors - plainErrors).square().sum().cpu().item<float>(), Is.LessThan(0.02 * plainErrors.square().sum().cpu().item<float>()));

        // From one start, so that only the descent differs.
        fast.Codes.copy_(plain.Codes);
        fast.Scales.copy_(plain.Scales);
        fast.Zeros.copy_(plain.Zeros);
        fastErrors.copy_(plainErrors);
        var before = CostOf(plainErrors);
        _kernels.Descend(fastErrors.mm(_h.narrow(1, 128, 128)), _h, _w, 1, fastErrors, fast);
        _plain.Descend(plainErrors.mm(_h.narrow(1, 128, 128)), _h, _w, 1, plainErrors, plain);
        AssertAlike(fast, plain);
        Assert.That(CostOf(fastErrors), Is.EqualTo(CostOf(plainErrors)).Within(1).Percent);
        Assert.That(CostOf(fastErrors), Is.LessThan(before));
    }

    private double CostOf(Tensor residual) => QuadraticForms.Of(residual, _h).Sum();

    private static void AssertAlike(DeviceCodes fast, DeviceCodes plain)
    {
        var other = fast.Codes.ne(plain.Codes).sum().cpu().item<long>();
        TestContext.Out.WriteLine($"{other} of {fast.Outputs * fast.Inputs} codes differ");
        Assert.That(other, Is.LessThan(fast.Outputs * fast.Inputs / 50));
        Assert.That(fast.Scales.ne(plain.Scales).sum().cpu().item<long>(), Is.LessThanOrEqualTo(fast.Outputs * fast.Groups / 20));
        Assert.That(fast.Zeros.ne(plain.Zeros).sum().cpu().item<long>(), Is.LessThanOrEqualTo(fast.Outputs * fast.Groups / 20));
    }
}
