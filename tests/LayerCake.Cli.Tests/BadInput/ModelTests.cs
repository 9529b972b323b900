using LayerCake.Testing;

namespace LayerCake.Cli.Tests.BadInput;

/// <summary>Broken models, through every command that reads one.</summary>
public sealed class ModelTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static IEnumerable<TestCaseData> Broken() => BrokenModel.All.Select(model => new TestCaseData(model));

    [TestCaseSource(nameof(Broken))]
    public void A_broken_model_is_refused_by_every_command_and_nothing_is_touched(object broken)
    {
        var model = (BrokenModel)broken;
        Models.Copy(model.Golden, _folder.At("model"));
        model.Break(_folder.At("model"));
        SmallRecipe.WriteTo(_folder);
        Directory.CreateDirectory(_folder.At("work"));
        Models.CopyFile(RepositoryFiles.Golden(model.Golden, "work_dir", "inputs_stats.pth"), _folder.At("work", "inputs_stats.pth"));
        WriteOldWorkspace(_folder.At("workspace"));
        var before = Snapshot.Of(_folder.Path);
        string shown = model.Message.Replace("{model}", "model"), inRecipe = model.Message.Replace("{model}", _folder.At("model"));

        using (Assert.EnterMultipleScope())
        {
            if (!model.IsListed)
            {
                Run("inspect", "model").WasRefused(ExitCode.Input, shown);
            }

            Run("lite", "calibrate", "model", "text.txt", "1", "16", "work").WasRefused(ExitCode.Input, shown);
            Run("lite", "auto_awq", "model", "work").WasRefused(ExitCode.Input, shown);
            Run("convert", "internlm-chat-7b", "model", "--dst-path", "workspace")
                .WasRefused(ExitCode.Input, (model.ConvertMessage ?? model.Message).Replace("{model}", "model"));
            Run("build", "--recipe", "recipe.yaml").WasRefused(ExitCode.Input, inRecipe);
            Assert.That(Snapshot.Of(_folder.Path), Is.EqualTo(before));
        }
    }

    [Test]
    public void A_model_without_a_tokenizer_is_refused_where_one_is_needed()
    {
        Models.Copy("internlm", _folder.At("model"), tokenizer: false);
        SmallRecipe.WriteTo(_folder);
        const string Missing =
            ": no tokenizer found. The SentencePiece model tokenizer.model is looked for: download it from the model's repository into the folder.";
        Directory.CreateDirectory(_folder.At("work"));
        var before = Snapshot.Of(_folder.Path);

        using (Assert.EnterMultipleScope())
        {
            Run("tokenize", "model").WasRefused(ExitCode.Input, "model" + Missing);
            Run("lite", "calibrate", "model", "text.txt", "1", "16", "work").WasRefused(ExitCode.Input, "model" + Missing);
            Run("convert", "internlm-chat-7b", "model").WasRefused(
                ExitCode.Input, "please supply tokenizer path by --tokenizer-path: model has neither tokenizer.model nor qwen.tiktoken");
            Run("build", "--recipe", "recipe.yaml").WasRefused(ExitCode.Input, _folder.At("model") + Missing);
            Assert.That(Snapshot.Of(_folder.Path), Is.EqualTo(before));
        }
    }

    [TestCase("num_attention_heads", 4, "hidden size 256 with 4 heads: the engine's attention has heads of 128 only")]
    [TestCase("hidden_size", 320, "hidden size 320 with 2 heads: the engine's attention has heads of 128 only")]
    public void A_size_that_the_layout_cannot_carry_is_refused_with_what_would_work(string field, int value, string fault)
    {
        Models.Copy("internlm", _folder.At("model"));
        Models.Configure(_folder.At("model"), field, value);
        SmallRecipe.WriteTo(_folder);
        var before = Snapshot.Of(_folder.Path);

        using (Assert.EnterMultipleScope())
        {
            Run("convert", "internlm-chat-7b", "model").WasRefused(
                ExitCode.Input, $"TurboMind cannot carry this model with fp16 weights, tensor parallel 1:\n  - {fault}\nNo tensor parallel degree works for this model.");
            if (field == "num_attention_heads")
            {
                Run("build", "--recipe", "recipe.yaml").WasRefused(
                    ExitCode.Input,
                    $"TurboMind cannot carry this model with int4 weights, group size 128, tensor parallel 1:\n  - {fault}\nNo group size and tensor parallel degree works for int4 with this model.");
            }

            Assert.That(Snapshot.Of(_folder.Path), Is.EqualTo(before));
        }
    }

    [TestCase(
        "3",
        "fp16 weights, tensor parallel 3:\n  - tp should be 2^n, not 3\nTensor parallel degrees that work for this model: 1, 2.")]
    [TestCase(
        "4",
        "fp16 weights, tensor parallel 4:\n  - 2 heads cannot be divided among 4 ranks\n  - 2 key/value heads cannot be divided among 4 ranks\nTensor parallel degrees that work for this model: 1, 2.")]
    public void A_tensor_parallel_degree_that_does_not_divide_is_refused_with_those_that_do(string degree, string message)
    {
        Models.Copy("internlm", _folder.At("model"));

        Run("convert", "internlm-chat-7b", "model", "--tp", degree).WasRefused(ExitCode.Input, "TurboMind cannot carry this model with " + message);
        Assert.That(Directory.Exists(_folder.At("workspace")), Is.False);
    }

    [Test]
    public void A_weight_that_is_not_a_number_is_a_fault_of_the_model()
    {
        Models.CopyFolder(RepositoryFiles.Recipes("models", "internlm-tiny"), _folder.At("model"));
        SmallRecipe.WriteTo(_folder);
        using (var weights = new FileStream(_folder.At("model", "model.safetensors"), FileMode.Open))
        {
            // The end of the last tensor: 0x7f7f is NaN in float16.
            weights.Seek(-256, SeekOrigin.End);
            weights.Write(Enumerable.Repeat((byte)0x7f, 256).ToArray());
        }

        Run("lite", "calibrate", "model", "text.txt", "1", "16", "work")
            .WasRefusedWith(ExitCode.Input, Does.Contain("holds infinities or NaN, or values beyond float16's range").And.Contain("Repair the checkpoint."));
    }

    [Test]
    public void A_group_size_that_does_not_divide_is_refused_with_those_that_do()
    {
        Models.Copy("internlm", _folder.At("model"));
        Models.CopyFolder(RepositoryFiles.Golden("internlm", "work_dir"), _folder.At("work"));
        SmallRecipe.WriteTo(_folder);
        Models.CopyFolder(RepositoryFiles.Golden("internlm", "awq"), _folder.At("awq"));
        var before = Snapshot.Of(_folder.Path);

        using (Assert.EnterMultipleScope())
        {
            Run("lite", "auto_awq", "model", "work", "--w_group_size", "96").WasRefused(
                ExitCode.Input,
                "w_group_size 96 does not divide the 256 input channels of model.layers.0.self_attn.q_proj; group sizes that divide every linear: 32, 64, 128, 256.");
            Run("convert", "internlm-chat-7b", "awq", "--model-format", "awq", "--group-size", "96", "--tokenizer-path", Models.DemoTokenizer).WasRefused(
                ExitCode.Input,
                "TurboMind cannot carry this model with int4 weights, group size 96, tensor parallel 1:\n  - group size 96: the engine has int4 kernels for group size 128 only\nWhat works for this model: group size 128 with tensor parallel 1, 2.");
            Run("build", "--recipe", "recipe.yaml", "--set", "auto_awq.group_size=96").WasRefusedWith(
                ExitCode.Recipe,
                Is.EqualTo("--set auto_awq.group_size=96: auto_awq.group_size is 96; it must be 128: the engine has int4 kernels for groups of 128 only\n"));
            Assert.That(Snapshot.Of(_folder.Path), Is.EqualTo(before));
        }
    }

    private CommandResult Run(params string[] arguments) => LayerCakeCommand.Run(_folder.Path, arguments);

    private static void WriteOldWorkspace(string folder)
    {
        Directory.CreateDirectory(Path.Combine(folder, "triton_models", "weights"));
        File.WriteAllText(Path.Combine(folder, "triton_models", "weights", "config.ini"), "[llama]\n");
    }
}
