using LayerCake.Testing;

namespace LayerCake.Cli.Tests.Commands;

/// <summary>Checkpoints of random weights, and that recipes build from them.</summary>
public sealed class SynthTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [TestCase("internlm-small", "internlm-chat-7b")]
    [TestCase("llama-small", "llama2")]
    public void A_recipe_builds_from_a_synthetic_checkpoint_and_its_package_may_be_links(string shape, string name)
    {
        LayerCakeCommand.Run(_folder.Path, "synth", "--shape", shape, "--dst", "model").Succeeded();
        SmallRecipe.WriteTo(_folder);
        string[] build = ["build", "--recipe", "recipe.yaml", "--set", $"model.name={name}", "--set", "execution.placement=link", "--device", "cpu"];

        LayerCakeCommand.Run(_folder.Path, build).Succeeded();

        var weights = Path.Combine("artifacts", "small", "triton_models", "weights");
        var files = Directory.GetFiles(_folder.At(weights)).Where(file => Path.GetFileName(file) != "config.ini").ToList();
        var again = LayerCakeCommand.Run(_folder.Path, build).Succeeded();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(files, Is.Not.Empty);
            Assert.That(files.Select(file => File.GetUnixFileMode(file) & UnixFileMode.UserWrite), Is.All.EqualTo(UnixFileMode.None), "the store's own files are read-only");
            Assert.That(LayerCakeCommand.Run(_folder.Path, "verify", "artifacts/small").ExitCode, Is.Zero);
            Assert.That(again.Output, Does.Contain("package: cached").And.Contain("calibrate: cached"));
        }
    }

    [Test]
    public void The_same_shape_and_seed_give_the_same_bytes_and_another_seed_others()
    {
        Write("one", "0");
        Write("two", "0");
        Write("three", "1");

        byte[] Weights(string folder) => File.ReadAllBytes(_folder.At(folder, "model.safetensors"));
        Assert.That(Weights("two"), Elements.AreThoseOf(Weights("one")));
        Assert.That(Weights("three").AsSpan().SequenceEqual(Weights("one")), Is.False);

        void Write(string folder, string seed) =>
            LayerCakeCommand.Run(_folder.Path, "synth", "--shape", "llama-small", "--layers", "1", "--dst", folder, "--seed", seed).Succeeded();
    }

    [Test]
    public void A_folder_with_a_checkpoint_is_refused()
    {
        Directory.CreateDirectory(_folder.At("model"));
        File.WriteAllText(_folder.At("model", "config.json"), "{}");

        LayerCakeCommand.Run(_folder.Path, "synth", "--shape", "llama-small", "--dst", "model").WasRefused(
            ExitCode.Usage, "--dst model already holds config.json: random weights are not put beside a checkpoint. Remove it, or give another folder.");
    }

    [Test]
    public void An_unknown_shape_is_refused_with_the_nearest()
    {
        LayerCakeCommand.Run(_folder.Path, "synth", "--shape", "llama2-7", "--dst", "model").WasRefusedWith(
            ExitCode.Usage, Does.StartWith("layercake: --shape: there is no shape 'llama2-7'; did you mean 'llama2-7b'?"));
    }
}
