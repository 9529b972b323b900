using System.Security.Cryptography;
using LayerCake.Testing;

namespace LayerCake.Cli.Tests.Packages;

/// <summary>The demo recipe, built on two machines as unlike as a test can make them, gives the same package, signature and archive.</summary>
public sealed class ReproducibleTests
{
    private const string Name = UndisturbedBuild.RecipeName;

    [Test]
    public void The_demo_recipe_gives_the_same_signed_package_and_archive_everywhere() =>
        AssertSame(
        "--set", "calibrate.samples=4", "--set", "calibrate.sequence_length=64",
        "--set", "evaluate={ dataset: data/prose-eval.txt, window: 64, windows: 2 }");

    [Test]
    [Category("Slow")]
    public void The_whole_demo_recipe_gives_the_same_signed_package_and_archive_everywhere() => AssertSame();

    private static void AssertSame(params string[] settings)
    {
        using var here = new TemporaryFolder();
        using var there = new TemporaryFolder(onDisk: true);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var deep = there.At("somewhere", "else entirely");
        LayOut(here.At("project"), reversed: false, key);
        LayOut(deep, reversed: true, key);
        string[] build = ["build", .. settings, "--set", "package.archive=tar.zst"];

        LayerCakeCommand.Run(
            here.At("project"), [.. build, "--recipe", "recipes/demo.yaml", "--artifacts", "made", "--sign-key", "key.pem"],
            environment: new Dictionary<string, string> { ["SECRET_TOKEN"] = OtherSurroundings.Secret, ["DOTNET_PROCESSOR_COUNT"] = "3" }).Succeeded();
        OtherSurroundings.Run(there, [.. build, "--recipe", Path.Combine(deep, "recipes", "demo.yaml"), "--artifacts", there.At("out"), "--sign-key", Path.Combine(deep, "key.pem")]);

        var mine = here.At("project", "made");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(Snapshot.Of(there.At("out", Name)), Is.EqualTo(Snapshot.Of(Path.Combine(mine, Name))));
            Assert.That(File.ReadAllBytes(there.At("out", $"{Name}.tar.zst")).AsSpan().SequenceEqual(File.ReadAllBytes(Path.Combine(mine, $"{Name}.tar.zst"))));
            Assert.That(File.Exists(there.At("out", Name, "model.sig")));
            Assert.That(ExecutableFiles(there.At("out", Name)), Is.EqualTo(ExecutableFiles(Path.Combine(mine, Name))));
        }

        AssertSaysNothingOfTheMachine(Path.Combine(mine, Name), here.Path);
    }

    private static void AssertSaysNothingOfTheMachine(string package, string folder)
    {
        foreach (var file in Directory.EnumerateFiles(package).Select(File.ReadAllText))
        {
            using (Assert.EnterMultipleScope())
            {
                Assert.That(file, Does.Not.Contain(OtherSurroundings.Secret));
                Assert.That(file, Does.Not.Contain(folder));
                Assert.That(file, Does.Not.Contain(Path.GetFileName(folder)));
                Assert.That(file, Does.Not.Contain(RepositoryFiles.Root));
                Assert.That(file, Does.Not.Contain("prose-calibration"));
                Assert.That(file, Does.Not.Contain("prose-eval"));
            }
        }
    }

    private static void LayOut(string folder, bool reversed, ECDsa key)
    {
        Directory.CreateDirectory(Path.Combine(folder, "recipes", "models", "internlm-tiny"));
        Directory.CreateDirectory(Path.Combine(folder, "recipes", "data"));
        var files = Directory.EnumerateFiles(RepositoryFiles.DemoModel).Order(StringComparer.Ordinal);
        foreach (var file in reversed ? files.Reverse() : files)
        {
            Models.CopyFile(file, Path.Combine(folder, "recipes", "models", "internlm-tiny", Path.GetFileName(file)));
        }

        Models.CopyFile(RepositoryFiles.Recipes("data", "prose-calibration.txt"), Path.Combine(folder, "recipes", "data", "prose-calibration.txt"));
        Models.CopyFile(RepositoryFiles.Recipes("data", "prose-eval.txt"), Path.Combine(folder, "recipes", "data", "prose-eval.txt"));
        Models.CopyFile(RepositoryFiles.Recipes($"{Name}.yaml"), Path.Combine(folder, "recipes", "demo.yaml"));
        File.WriteAllText(Path.Combine(folder, "key.pem"), reversed ? key.ExportECPrivateKeyPem() : key.ExportPkcs8PrivateKeyPem());
    }

    private static string ExecutableFiles(string folder) => string.Join(
        '\n',
        Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
            .Where(file => File.GetUnixFileMode(file).HasFlag(UnixFileMode.UserExecute))
            .Select(file => Path.GetRelativePath(folder, file))
            .Order(StringComparer.Ordinal));
}
