namespace LayerCake.Cake.Tests;

/// <summary>Cake takes unknown arguments without a word; the script does not.</summary>
public sealed class ArgumentTests
{
    private CakeFolder _folder = null!;

    [OneTimeSetUp]
    public void Prepare() => _folder = new CakeFolder();

    [OneTimeTearDown]
    public void Remove() => _folder.Dispose();

    [TestCase("--recip=internlm-tiny-fp16", "unknown argument '--recip': did you mean '--recipe'?")]
    [TestCase("-r=internlm-tiny-fp16", "unknown argument '--r': did you mean '--recipe'?")]
    [TestCase("--recipe", "argument '--recipe' needs a value, for example --recipe internlm-tiny-w4kv8.yaml")]
    [TestCase("--recipe=internlm-tiny-fp16 --forse", "unknown argument '--forse': did you mean '--force'?")]
    [TestCase("--recipe=internlm-tiny-fp16 --recipe=internlm-tiny-w4kv8", "argument '--recipe' is given 2 times; give it once")]
    [TestCase("--recipe=internlm-tiny-fp16 --force=perhaps", "argument '--force' is a switch")]
    [TestCase("--target=convert", "which recipe? Give it as --recipe NAME")]
    public void A_wrong_argument_is_refused_with_advice_and_nothing_runs(string arguments, string message)
    {
        var run = _folder.Cake(arguments.Split(' '));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(run.ExitCode, Is.EqualTo(1), run.Text);
            Assert.That(run.Text, Does.Contain(message).And.Contain("nothing was run"));
            Assert.That(run.Text, Does.Not.Contain("   at "));
        }
    }

    [Test]
    public void An_unknown_target_is_refused_with_the_nearest_step()
    {
        var run = _folder.Cake("--recipe", "internlm-tiny-fp16", "--target", "convrt");

        using (Assert.EnterMultipleScope())
        {
            Assert.That(run.ExitCode, Is.EqualTo(1), run.Text);
            Assert.That(run.Text, Does.Contain("The recipe has no step 'convrt': did you mean 'convert'? Its steps: convert, package."));
        }
    }

    [Test]
    public void A_fault_of_the_recipe_is_shown_as_the_command_says_it()
    {
        var run = _folder.Cake("--recipe", "internlm-tiny-fp16", "--set", "convert.tensor_paralel=2");

        using (Assert.EnterMultipleScope())
        {
            Assert.That(run.ExitCode, Is.EqualTo(1), run.Text);
            Assert.That(run.Text, Does.Contain("did you mean 'convert.tensor_parallel'?").And.Contain("exit code 4"));
        }
    }
}
