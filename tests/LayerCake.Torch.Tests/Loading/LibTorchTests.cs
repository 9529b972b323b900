using LayerCake.Testing;
using TorchSharp;

namespace LayerCake.Torch.Tests;

[NonParallelizable]
internal sealed class LibTorchTests
{
    [Test]
    public void Libtorch_loads_and_computes()
    {
        LibTorch.EnsureLoaded();

        using var ones = torch.ones(2, 3);
        using var sum = ones.sum();

        Assert.That(sum.item<float>(), Is.EqualTo(6f));
    }

    [Test]
    public void Loading_twice_is_loading_once()
    {
        LibTorch.EnsureLoaded();

        Assert.That(LibTorch.EnsureLoaded, Throws.Nothing);
    }

    [Test]
    public void The_stated_version_is_the_one_that_loads()
    {
        LibTorch.EnsureLoaded();

        Assert.That(torch.__version__, Does.StartWith(LibTorch.PackageVersion));
    }

    [Test]
    public void A_variable_that_names_no_PyTorch_install_is_refused_with_what_to_give()
    {
        using var folder = new TemporaryFolder();
        using var variable = new Variable(folder.Path);

        Assert.That(
            () => LibTorch.Version,
            Throws.TypeOf<TorchException>().With.Message.Contains(folder.Path).And.Message.Contains("torch.__path__"));
    }

    [TestCase("torch")]
    [TestCase("torch/lib")]
    [TestCase("")]
    public void The_version_of_a_PyTorch_install_is_read_from_its_files(string given)
    {
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder.At("torch", "lib"));
        File.WriteAllText(folder.At("torch", "lib", NativeNames.Of("torch_cpu")), "library");
        File.WriteAllText(folder.At("torch", "version.py"), "from typing import Optional\n__all__ = ['__version__']\n__version__ = '2.11.0+cu130'\ndebug = False\n");
        using var variable = new Variable(folder.At(given));

        Assert.That(LibTorch.Version, Is.EqualTo("2.11.0+cu130"));
    }

    [Test]
    public void A_libtorch_without_version_file_still_has_a_version_that_changes_with_it()
    {
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder.At("lib"));
        File.WriteAllText(folder.At("lib", NativeNames.Of("torch_cpu")), "library");
        using var variable = new Variable(folder.Path);
        var first = LibTorch.Version;

        File.AppendAllText(folder.At("lib", NativeNames.Of("torch_cpu")), "+");

        Assert.That(LibTorch.Version, Is.Not.EqualTo(first));
    }

    [Test]
    public void Cuda_is_seen_by_the_files_of_the_libtorch_in_use()
    {
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder.At("lib"));
        File.WriteAllText(folder.At("lib", NativeNames.Of("torch_cpu")), "library");
        using var variable = new Variable(folder.Path);
        var before = LibTorch.HasCuda;

        File.WriteAllText(folder.At("lib", NativeNames.Of("torch_cuda")), "library");

        Assert.That((before, LibTorch.HasCuda), Is.EqualTo((false, true)));
    }

    [Test]
    public void Devices_are_resolved_without_loading_anything()
    {
        using (Assert.EnterMultipleScope())
        {
            Assert.That(TorchDevices.ResolveKind("cpu"), Is.EqualTo(DeviceKind.Cpu));
            Assert.That(() => TorchDevices.ResolveKind("gpu"), Throws.TypeOf<TorchException>().With.Message.Contains("'gpu'"));
        }
    }

    [Test]
    public void Cuda_without_its_kernels_is_refused_with_what_to_do()
    {
        Assume.That(LibTorch.HasCuda, Is.False);

        Assert.That(() => TorchDevices.ResolveKind("cuda"), Throws.TypeOf<TorchException>().With.Message.Contains(LibTorch.EnvironmentVariable));
    }

    private sealed class Variable : IDisposable
    {
        private readonly string? _before = Environment.GetEnvironmentVariable(LibTorch.EnvironmentVariable);

        public Variable(string value) => Environment.SetEnvironmentVariable(LibTorch.EnvironmentVariable, value);

        public void Dispose() => Environment.SetEnvironmentVariable(LibTorch.EnvironmentVariable, _before);
    }
}
