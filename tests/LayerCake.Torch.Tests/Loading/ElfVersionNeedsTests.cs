using System.Runtime.InteropServices;

namespace LayerCake.Torch.Tests;

[Platform("Linux")]
internal sealed class ElfVersionNeedsTests
{
    private static string Bridge => NativeNames.Find(NativeLoading.Bridge)!;

    [Test]
    public void Weakening_sets_one_bit_of_one_flag()
    {
        var before = File.ReadAllBytes(Bridge);
        var after = before.ToArray();

        ElfVersionNeeds.Weaken(after, NativeLoading.NewerStandardLibrary, Bridge);

        var changed = Enumerable.Range(0, before.Length).Where(i => before[i] != after[i]).ToArray();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(changed, Has.Length.EqualTo(1));
            Assert.That(before[changed[0]] ^ after[changed[0]], Is.EqualTo(2));
        }
    }

    [Test]
    public void The_weakened_copy_loads_from_memory_and_from_a_temporary_file()
    {
        LibTorch.EnsureLoaded();
        var image = File.ReadAllBytes(Bridge);
        ElfVersionNeeds.Weaken(image, NativeLoading.NewerStandardLibrary, Bridge);

        var fromMemory = NativeLoading.TryOpenImage(image, out var first);
        var fromFile = NativeLoading.TryOpenTemporary(image, out var second);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(fromMemory, Is.Null);
            Assert.That(fromFile, Is.Null);
            Assert.That(NativeLibrary.TryGetExport(first, "THSTensor_ones", out _), Is.True);
            Assert.That(NativeLibrary.TryGetExport(second, "THSTensor_ones", out _), Is.True);
        }
    }

    [Test]
    public void Loading_leaves_the_package_file_as_it_was()
    {
        LibTorch.EnsureLoaded();
        var before = File.ReadAllBytes(Bridge);

        NativeLoading.LoadBridge(Bridge);

        Assert.That(File.ReadAllBytes(Bridge).AsSpan().SequenceEqual(before), Is.True);
    }

    [Test]
    public void A_version_that_code_refers_to_is_not_weakened()
    {
        var image = File.ReadAllBytes(Bridge);

        Assert.That(
            () => ElfVersionNeeds.Weaken(image, "GLIBCXX_3.4", Bridge),
            Throws.TypeOf<TorchException>().With.Message.Contains("uses symbol number"));
    }

    [Test]
    public void A_version_that_is_not_needed_is_refused()
    {
        var image = File.ReadAllBytes(Bridge);

        Assert.That(() => ElfVersionNeeds.Weaken(image, "GLIBCXX_9.9", Bridge), Throws.TypeOf<TorchException>().With.Message.Contains("does not need"));
    }

    [Test]
    public void A_file_of_another_kind_is_refused()
    {
        Assert.That(
            () => ElfVersionNeeds.Weaken("<html>not a library</html>"u8.ToArray(), NativeLoading.NewerStandardLibrary, "page.so"),
            Throws.TypeOf<TorchException>().With.Message.Contains("page.so is not a 64-bit"));
    }

    [Test]
    public void A_cut_off_library_is_refused()
    {
        var image = File.ReadAllBytes(Bridge).AsSpan(0, 4096).ToArray();

        Assert.That(
            () => ElfVersionNeeds.Weaken(image, NativeLoading.NewerStandardLibrary, "cut.so"),
            Throws.TypeOf<TorchException>().With.Message.Contains("cut.so is not a whole ELF library"));
    }

    [Test]
    public void A_library_that_cannot_be_loaded_is_named_with_the_reason_of_the_loader()
    {
        Assert.That(
            () => NativeLoading.LoadBridge("/nowhere/libLibTorchSharp.so"),
            Throws.TypeOf<TorchException>().With.Message.Contains("/nowhere/libLibTorchSharp.so").And.Message.Contains("cannot open shared object file"));
    }
}
