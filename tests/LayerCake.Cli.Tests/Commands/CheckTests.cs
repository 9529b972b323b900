using LayerCake.Testing;

namespace LayerCake.Cli.Tests.Commands;

/// <summary><c>build --check</c>, <c>diff</c> and <c>report</c> by the real command.</summary>
public sealed class CheckTests
{
    [Test]
    public void The_demo_recipe_gives_the_same_bytes_twice_with_one_thread_and_with_all()
    {
        using var folder = new TemporaryFolder();
        UndisturbedBuild.CopyStore(folder);

        // The store's results were made with all threads; the check has one.
        var result = UndisturbedBuild.Run(folder, ["build", "--check"], environment: new Dictionary<string, string> { ["DOTNET_PROCESSOR_COUNT"] = "1" }).Succeeded();

        using (Assert.EnterMultipleScope())
        {
            Assert.That(result.Error, Does.Contain("the same bytes in all 5 steps (calibrate, kv_qparams, auto_awq, convert, package)"));
            Assert.That(Directory.EnumerateFileSystemEntries(folder.At("artifacts"), ".check*"), Is.Empty, "the second store is gone");
        }
    }

    [Test]
    public void A_package_differs_from_one_with_a_changed_tensor_and_not_from_itself()
    {
        using var folder = new TemporaryFolder();
        UndisturbedBuild.CopyStore(folder);
        UndisturbedBuild.Run(folder, ["build"]).Succeeded();
        var package = folder.At("artifacts", UndisturbedBuild.RecipeName);
        LayerCakeCommand.Run(folder.Path, "diff", UndisturbedBuild.PackageFolder, package).Succeeded();
        var file = Path.Combine(package, "triton_models", "weights", "norm.weight");
        var bytes = File.ReadAllBytes(file);
        bytes[10] ^= 1;
        File.Delete(file);
        File.WriteAllBytes(file, bytes);

        var result = LayerCakeCommand.Run(folder.Path, "diff", UndisturbedBuild.PackageFolder, package);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(result.ExitCode, Is.EqualTo((int)ExitCode.Different));
            Assert.That(result.Output, Does.Contain("Different: the tensor norm.weight differs in 1 of 256 elements, first at [5]"));
            Assert.That(result.Output, Does.Contain("unexplained: triton_models/weights/norm.weight of B is not the one that was built"));
        }
    }

    [Test]
    public void What_is_not_there_is_refused() =>
        LayerCakeCommand.Run(RepositoryFiles.Root, "diff", "missing", "missing").WasRefusedWith(ExitCode.Input, Does.Contain("missing does not exist; name a package"));

    [Test]
    public void A_build_leaves_its_page_and_one_that_ran_nothing_leaves_it_alone()
    {
        using var folder = new TemporaryFolder();
        UndisturbedBuild.CopyQuantizedStore(folder);
        var page = folder.At("artifacts", $"{UndisturbedBuild.RecipeName}.report.html");
        UndisturbedBuild.Run(folder, ["build"]).Succeeded();
        var first = File.ReadAllText(page);

        UndisturbedBuild.Run(folder, ["build"]).Succeeded();
        var second = File.ReadAllText(page);
        var told = UndisturbedBuild.Run(folder, ["report"]).Succeeded().Output;

        using (Assert.EnterMultipleScope())
        {
            Assert.That(first, Does.Contain("3 steps cached, 2 steps ran"));
            Assert.That(second, Is.EqualTo(first));
            Assert.That(told, Is.EqualTo($"artifacts/{UndisturbedBuild.RecipeName}.report.html\n"));
            Assert.That(File.ReadAllText(page), Does.Contain("5 steps cached"), "asked for, it is that of the last build");
            Assert.That(first.Contains(folder.Path, StringComparison.Ordinal) || first.Contains(RepositoryFiles.Root, StringComparison.Ordinal), Is.False, "no paths of this machine");
        }
    }

    [Test]
    public void Without_a_build_there_is_no_page()
    {
        using var folder = new TemporaryFolder();

        UndisturbedBuild.Run(folder, ["report"]).WasRefusedWith(ExitCode.Input, Does.Contain("was not built").And.Contain("build it first"));
    }
}
