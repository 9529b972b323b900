using LayerCake.Testing;

namespace LayerCake.Checkpoints.Tests;

public sealed class CheckpointListingTests
{
    [Test]
    public void A_safetensors_file_is_listed_with_its_metadata()
    {
        var listing = CheckpointListing.Of(RepositoryFiles.Golden("internlm", "model", "model.safetensors"));

        Assert.That(listing.Format, Is.EqualTo(CheckpointFormat.Safetensors));
        Assert.That(listing.Metadata["format"], Is.EqualTo("pt"));
        Assert.That(listing.Tensors[0], Is.EqualTo(new ListedTensor(TensorInfo.Of("lm_head.weight", DType.F16, 96, 256), "model.safetensors")));
        Assert.That(listing.TotalByteCount, Is.EqualTo(1939968));
        Assert.That(listing.TotalElementCount, Is.EqualTo(1939968 / 2));
    }

    [Test]
    public void A_torch_archive_is_listed()
    {
        var listing = CheckpointListing.Of(RepositoryFiles.Golden("internlm", "work_dir", "key_stats.pth"));

        Assert.That(listing.Format, Is.EqualTo(CheckpointFormat.TorchArchive));
        Assert.That(listing.Tensors.Select(tensor => tensor.Info.Name), Is.EqualTo(new[]
        {
            "max/model.layers.0", "max/model.layers.1", "min/model.layers.0", "min/model.layers.1", "absmax/model.layers.0", "absmax/model.layers.1",
        }));
    }

    [Test]
    public void A_model_folder_and_its_index_list_every_shard()
    {
        var folder = CheckpointListing.Of(RepositoryFiles.Golden("llama-sharded-bf16", "model"));
        var index = CheckpointListing.Of(RepositoryFiles.Golden("llama-sharded-bf16", "model", "pytorch_model.bin.index.json"));

        Assert.That(folder.Format, Is.EqualTo(CheckpointFormat.HuggingFaceFolder));
        Assert.That(index.Format, Is.EqualTo(CheckpointFormat.WeightIndex));
        Assert.That(folder.Tensors, Is.EqualTo(index.Tensors));
        Assert.That(folder.Tensors.Select(tensor => tensor.File).Distinct(), Has.Exactly(2).Items);
        Assert.That(folder.TotalByteCount, Is.EqualTo(2066944));
        Assert.That(folder.Metadata["architecture"], Is.EqualTo("LlamaForCausalLM"));
    }

    [Test]
    public void A_folder_of_statistics_is_listed_file_by_file()
    {
        var listing = CheckpointListing.Of(RepositoryFiles.Golden("llama-gqa", "work_dir"));

        Assert.That(listing.Format, Is.EqualTo(CheckpointFormat.LooseFiles));
        Assert.That(listing.Tensors.Select(tensor => tensor.File).Distinct(), Is.EqualTo(new[] { "inputs_stats.pth", "key_stats.pth", "outputs_stats.pth", "value_stats.pth" }));
    }

    [Test]
    public void Nothing_to_list_says_so()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.At("notes.txt"), "a text of more than eight letters");

        Assert.That(() => CheckpointListing.Of(folder.Path), Throws.TypeOf<CheckpointException>().With.Message.Contains("holds no checkpoint"));
        Assert.That(() => CheckpointListing.Of(folder.At("none")), Throws.TypeOf<CheckpointException>().With.Message.Contains("does not exist"));
        Assert.That(() => CheckpointListing.Of(folder.At("notes.txt")), Throws.TypeOf<CheckpointException>().With.Message.Contains("is a short text"));
    }

    [Test]
    public void A_torch_archive_is_known_by_its_content_under_any_name()
    {
        using var folder = new TemporaryFolder();
        File.Copy(RepositoryFiles.Golden("internlm", "work_dir", "key_stats.pth"), folder.At("statistics"));

        Assert.That(CheckpointListing.Of(folder.At("statistics")).Format, Is.EqualTo(CheckpointFormat.TorchArchive));
    }
}
