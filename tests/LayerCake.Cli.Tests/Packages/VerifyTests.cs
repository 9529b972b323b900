using System.Security.Cryptography;
using System.Text.Json;
using LayerCake.Testing;

namespace LayerCake.Cli.Tests.Packages;

/// <summary><c>layercake verify</c> and <c>layercake sign</c> over a package that the real command built.</summary>
public sealed class VerifyTests
{
    private const string Weights = "triton_models/weights/norm.weight";

    [Test]
    public void A_built_package_is_sound_and_without_a_key_that_is_said_to_be_integrity_only()
    {
        using var folder = new TemporaryFolder();
        var package = Copy(folder);

        var result = LayerCakeCommand.Run(folder.Path, "verify", package, "--model", RepositoryFiles.DemoModel).Succeeded();

        using (Assert.EnterMultipleScope())
        {
            Assert.That(result.Output, Does.StartWith("package: sound\n").And.Contain("signature  none: this is integrity only, not who made it\n"));
            Assert.That(result.Output, Does.Contain("checked    SHA256SUMS, build.json, provenance.intoto.json, bom.cdx.json, source model\n"));
            Assert.That(result.Output, Does.Match("model +sha256 [0-9a-f]{64}").And.Match("dataset +sha256 [0-9a-f]{64}"));
        }
    }

    [Test]
    public void A_signed_package_is_verified_with_its_key_and_refused_with_another()
    {
        using var folder = new TemporaryFolder();
        var package = Copy(folder);
        WriteKeys(folder);
        var signed = LayerCakeCommand.Run(folder.Path, "sign", package, "--key", "key.pem").Succeeded();
        var again = File.ReadAllBytes(folder.At("package", "model.sig"));
        LayerCakeCommand.Run(
            folder.Path, ["sign", package], environment: new Dictionary<string, string> { ["LAYERCAKE_SIGNING_KEY"] = File.ReadAllText(folder.At("key.pem")) }).Succeeded();

        var own = LayerCakeCommand.Run(folder.Path, "verify", package, "--key", "public.pem").Succeeded();
        var other = LayerCakeCommand.Run(folder.Path, "verify", package, "--key", "other.pem");

        using (Assert.EnterMultipleScope())
        {
            Assert.That(signed.Output, Does.Match("files signed with the key [0-9a-f]{64} \\(P-384\\)"));
            Assert.That(File.ReadAllBytes(folder.At("package", "model.sig")), Is.EqualTo(again));
            Assert.That(own.Output, Does.Contain("package: sound\n").And.Match("signature  verified: made with the key [0-9a-f]{64} \\(P-384\\)"));
            Assert.That((ExitCode)other.ExitCode, Is.EqualTo(ExitCode.Verification));
            Assert.That(other.Output, Does.Contain("package: REFUSED\n").And.Contain("fault: model.sig: refused: the signature model.sig was made with another key"));
        }
    }

    [Test]
    public void What_changed_is_named_with_both_digests_in_json_too()
    {
        using var folder = new TemporaryFolder();
        var package = Copy(folder);
        var expected = Digest(folder.At("package", Weights));
        File.WriteAllBytes(folder.At("package", Weights), [1, 2, 3]);
        File.WriteAllText(folder.At("package", "added.txt"), "x");
        var actual = Digest(folder.At("package", Weights));

        var text = LayerCakeCommand.Run(folder.Path, "verify", package);
        var json = LayerCakeCommand.Run(folder.Path, "verify", package, "--json");

        using var report = JsonDocument.Parse(json.Output);
        var finding = report.RootElement.GetProperty("findings").EnumerateArray().Single(entry => entry.GetProperty("kind").GetString() == "changed");
        using (Assert.EnterMultipleScope())
        {
            Assert.That((ExitCode)text.ExitCode, Is.EqualTo(ExitCode.Verification));
            Assert.That(text.Output, Does.Contain($"fault: {Weights}: changed: SHA256SUMS, build.json, provenance.intoto.json say sha256 {expected}, the file has {actual}\n"));
            Assert.That(text.Output, Does.Contain("fault: added.txt: added: ").And.Contain("2 faults: do not use this package.\n"));
            Assert.That((ExitCode)json.ExitCode, Is.EqualTo(ExitCode.Verification));
            Assert.That(report.RootElement.GetProperty("sound").GetBoolean(), Is.False);
            Assert.That(finding.GetProperty("path").GetString(), Is.EqualTo(Weights));
            Assert.That(finding.GetProperty("expected").GetString(), Is.EqualTo(expected));
            Assert.That(finding.GetProperty("actual").GetString(), Is.EqualTo(actual));
            Assert.That(report.RootElement.GetProperty("signature").GetString(), Is.EqualTo("none"));
        }
    }

    [Test]
    public void A_package_that_was_changed_is_not_signed()
    {
        using var folder = new TemporaryFolder();
        var package = Copy(folder);
        WriteKeys(folder);
        File.WriteAllBytes(folder.At("package", Weights), [1, 2, 3]);

        LayerCakeCommand.Run(folder.Path, "sign", package, "--key", "key.pem")
            .WasRefusedWith(ExitCode.Input, Does.StartWith("layercake: package is a package that was changed, and is not signed: " + Weights));
        Assert.That(File.Exists(folder.At("package", "model.sig")), Is.False);
    }

    [TestCase(ExitCode.Input, "nowhere does not exist", "verify", "nowhere")]
    [TestCase(ExitCode.Input, "is no package", "verify", "empty")]
    [TestCase(ExitCode.Input, "no tar archive", "verify", "text.txt")]
    [TestCase(ExitCode.Input, "the key nowhere.pem does not exist", "verify", "empty", "--key", "nowhere.pem")]
    [TestCase(ExitCode.Input, "holds no public key in PEM", "verify", "empty", "--key", "text.txt")]
    [TestCase(ExitCode.Usage, "there is no key: give --key FILE", "sign", "empty")]
    [TestCase(ExitCode.Input, "holds no private key in PEM", "sign", "empty", "--key", "text.txt")]
    [TestCase(ExitCode.Input, "text.txt is a file", "sign", "text.txt", "--key", "text.txt")]
    [TestCase(ExitCode.Input, "holds a public key; signing needs the private key", "sign", "empty", "--key", "public.pem")]
    public void What_cannot_be_used_is_refused_with_what_to_do(ExitCode code, string message, params string[] arguments)
    {
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder.At("empty"));
        File.WriteAllText(folder.At("text.txt"), new string('x', 2000));
        WriteKeys(folder);

        LayerCakeCommand.Run(folder.Path, arguments).WasRefusedWith(code, Does.StartWith("layercake: ").And.Contain(message));
    }

    private static string Copy(TemporaryFolder folder)
    {
        Copy(UndisturbedBuild.PackageFolder, folder.At("package"));
        return "package";
    }

    private static void Copy(string source, string destination)
    {
        Directory.CreateDirectory(destination);
        foreach (var entry in new DirectoryInfo(source).EnumerateFileSystemInfos())
        {
            var target = Path.Combine(destination, entry.Name);
            if (entry.LinkTarget is { } link)
            {
                File.CreateSymbolicLink(target, link);
            }
            else if (entry is DirectoryInfo)
            {
                Copy(entry.FullName, target);
            }
            else
            {
                Models.CopyFile(entry.FullName, target);
            }
        }
    }

    private static void WriteKeys(TemporaryFolder folder)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        using var other = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        File.WriteAllText(folder.At("key.pem"), key.ExportPkcs8PrivateKeyPem());
        File.WriteAllText(folder.At("public.pem"), key.ExportSubjectPublicKeyInfoPem());
        File.WriteAllText(folder.At("other.pem"), other.ExportSubjectPublicKeyInfoPem());
    }

    private static string Digest(string path) => Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(path)));
}
