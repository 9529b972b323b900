using LayerCake.Testing;
using LayerCake.TurboMind;

namespace LayerCake.Runtime.Tests;

/// <summary>Workspaces that cannot be run say which file is wrong.</summary>
internal sealed class LoadingTests
{
    private TemporaryFolder _folder = null!;

    [SetUp]
    public void Convert()
    {
        _folder = new TemporaryFolder();
        Models.Convert(RepositoryFiles.Golden("llama-gqa", "model"), _folder.Path, ranks: 2);
    }

    [TearDown]
    public void Remove() => _folder.Dispose();

    [Test]
    public void A_missing_file_is_named()
    {
        File.Delete(_folder.At("layers.0.feed_forward.w3.1.weight"));

        Assert.That(Load, Throws.InstanceOf<WorkspaceException>().With.Message.Contains("layers.0.feed_forward.w3.1.weight is missing"));
    }

    [Test]
    public void A_file_of_another_size_is_named_with_both_sizes()
    {
        File.AppendAllText(_folder.At("norm.weight"), "xx");

        Assert.That(Load, Throws.InstanceOf<WorkspaceException>().With.Message.Contains("norm.weight has 1026 bytes, but by config.ini it must have 1024"));
    }

    [Test]
    public void Another_head_size_is_refused()
    {
        var path = _folder.At(EngineConfigurationFile.FileName);
        File.WriteAllText(path, File.ReadAllText(path).Replace("size_per_head = 128", "size_per_head = 64"));

        Assert.That(Load, Throws.InstanceOf<WorkspaceException>().With.Message.Contains("size_per_head 64").And.Message.Contains("config.ini"));
    }

    [Test]
    public void An_int8_cache_without_scales_is_refused()
    {
        Assert.That(
            () => TurboMindModel.Load(_folder.Path, Models.OnCpu with { KeyValueCache = KeyValueCacheType.Int8 }),
            Throws.InstanceOf<WorkspaceException>().With.Message.Contains("layers.0.past_kv_scale.0.weight"));
    }

    [Test]
    public void A_failed_load_gives_its_memory_back()
    {
        var before = Kernels.NativeBuffer.HeldBytes;
        using var cancelled = new CancellationTokenSource();
        cancelled.Cancel();

        Assert.That(() => TurboMindModel.Load(_folder.Path, Models.OnCpu, cancelled.Token), Throws.InstanceOf<OperationCanceledException>());
        Assert.That(Kernels.NativeBuffer.HeldBytes, Is.EqualTo(before));
    }

    [Test]
    public void A_folder_that_is_no_model_is_refused()
    {
        using var empty = new TemporaryFolder();

        Assert.That(() => TurboMindModel.Load(empty.Path, Models.OnCpu), Throws.InstanceOf<Checkpoints.CheckpointException>());
        Assert.That(() => TurboMindModel.Load(empty.At("absent"), Models.OnCpu), Throws.InstanceOf<RuntimeException>().With.Message.Contains("does not exist"));
    }

    private void Load() => TurboMindModel.Load(_folder.Path, Models.OnCpu).Dispose();
}
