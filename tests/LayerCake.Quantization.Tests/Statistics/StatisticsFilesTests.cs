using LayerCake.Checkpoints;
using LayerCake.Testing;

namespace LayerCake.Quantization.Tests.Statistics;

public sealed class StatisticsFilesTests
{
    [Test]
    public void Files_of_the_original_are_rewritten_with_the_same_nesting_order_and_values([Values("internlm", "llama-gqa", "llama-sharded-bf16")] string model)
    {
        using var output = new TemporaryFolder();

        StatisticsFiles.Write(output.Path, StatisticsFiles.Read(Goldens.WorkDir(model)));

        foreach (var file in StatisticsFiles.All)
        {
            using var original = TorchArchive.Open(Path.Combine(Goldens.WorkDir(model), file));
            using var ours = TorchArchive.Open(output.At(file));
            Assert.That(Describe(ours), Is.EqualTo(Describe(original)), file);
            Assert.That(Shape(ours.Root), Is.EqualTo(Shape(original.Root)), file);
            Assert.That(ours.Tensors.All(tensor => ours.ReadAll(tensor.Name).SequenceEqual(original.ReadAll(tensor.Name))), Is.True, file);
        }
    }

    [Test]
    public void The_same_statistics_give_the_same_bytes()
    {
        using var output = new TemporaryFolder();
        var statistics = StatisticsFiles.Read(Goldens.WorkDir("llama-gqa"));

        StatisticsFiles.Write(output.At("a"), statistics);
        StatisticsFiles.Write(output.At("b"), statistics);

        Assert.That(StatisticsFiles.All.All(file => File.ReadAllBytes(output.At("a", file)).SequenceEqual(File.ReadAllBytes(output.At("b", file)))), Is.True);
    }

    [Test]
    public void The_absmax_that_auto_awq_reads_is_that_of_the_whole_file()
    {
        var absMax = StatisticsFiles.ReadInputAbsMax(Goldens.WorkDir("internlm"));
        var all = StatisticsFiles.Read(Goldens.WorkDir("internlm")).Inputs;

        Assert.That(absMax.Keys, Is.EqualTo(all.Keys));
        Assert.That(absMax.All(module => module.Value.Bits().SequenceEqual(all[module.Key].AbsMax.Bits())), Is.True);
    }

    [Test]
    public void A_missing_file_says_what_to_run()
    {
        using var folder = new TemporaryFolder();

        Assert.That(
            () => StatisticsFiles.ReadInputAbsMax(folder.Path),
            Throws.TypeOf<QuantizationException>().With.Message.EqualTo($"{folder.At("inputs_stats.pth")} does not exist. Run calibrate first, and give the folder it wrote to."));
    }

    [Test]
    public void A_file_without_the_statistic_lists_what_it_holds()
    {
        using var folder = new TemporaryFolder();
        Write(folder.At("inputs_stats.pth"), "mean", DType.F16, [4]);

        Assert.That(
            () => StatisticsFiles.ReadInputAbsMax(folder.Path),
            Throws.TypeOf<QuantizationException>().With.Message.Contains("has no statistic 'absmax' (it holds: mean)"));
    }

    [TestCase(DType.F32, new long[] { 4 }, "is F32 [4]; expected is F16 with 1 dimension(s)")]
    [TestCase(DType.F16, new long[] { 2, 2 }, "is F16 [2, 2]; expected is F16 with 1 dimension(s)")]
    [TestCase(DType.F16, new long[] { 0 }, "is F16 [0]; expected is F16 with 1 dimension(s)")]
    public void A_tensor_of_another_kind_is_named(DType dtype, long[] shape, string expected)
    {
        using var folder = new TemporaryFolder();
        Write(folder.At("inputs_stats.pth"), "absmax", dtype, shape);

        Assert.That(
            () => StatisticsFiles.ReadInputAbsMax(folder.Path),
            Throws.TypeOf<QuantizationException>().With.Message.Contains($"'absmax' of m {expected}"));
    }

    private static void Write(string path, string statistic, DType dtype, long[] shape)
    {
        var info = new TensorInfo("m", dtype, [.. shape], dtype.ByteCount(shape.Aggregate(1L, (count, dimension) => count * dimension)));
        using var writer = TorchArchiveWriter.Create(path, TorchLayout.Nested([KeyValuePair.Create(statistic, TorchLayout.Flat([info]))]));
        writer.Write($"{statistic}/m", new byte[info.ByteCount]);
        writer.Complete();
    }

    private static IEnumerable<string> Describe(TorchArchive archive) =>
        archive.Tensors.Select(tensor => $"{tensor.Name} {tensor.DType} [{string.Join(", ", tensor.Shape)}]");

    /// <summary>Dictionary kinds and keys, nested.</summary>
    private static string Shape(TorchValue value) => value is TorchDictionary dictionary
        ? $"{(dictionary.IsOrderedDict ? "OrderedDict" : "dict")}({string.Join(", ", dictionary.Entries.Select(entry => $"{entry.Key}: {Shape(entry.Value)}"))})"
        : value.GetType().Name;
}
