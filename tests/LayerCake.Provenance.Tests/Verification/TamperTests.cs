using System.Text.Json.Nodes;

namespace LayerCake.Provenance.Tests.Verification;

/// <summary>Every change of a package is refused and named, in its folder and in its archive, also by someone who can write the records.</summary>
[TestFixture]
internal sealed class TamperTests
{
    private const string NoDigest = "0000000000000000000000000000000000000000000000000000000000000000";

    [Test]
    public void An_untouched_package_is_sound_in_its_folder_and_in_both_archives()
    {
        using var package = new SmallPackage(Keys.P256);
        var reports = new[] { package.Folder, package.Archive(), package.Archive(compress: false) }
            .Select(path => PackageVerifier.Verify(PackageInventory.Read(path), Keys.P256.PublicKey)).ToList();

        using (Assert.EnterMultipleScope())
        {
            Assert.That(reports.SelectMany(report => report.Findings), Is.Empty);
            Assert.That(reports.Select(report => report.Signature), Is.All.EqualTo(SignatureState.Verified));
            Assert.That(reports.Select(report => report.Digest).Distinct().Count(), Is.EqualTo(1));
            Assert.That(reports[0].Checked, Is.EquivalentTo(PackageFiles.All));
        }
    }

    [Test]
    public void Without_a_key_a_signature_counts_for_nothing()
    {
        using var package = new SmallPackage(Keys.P256);
        using var unsigned = new SmallPackage();

        using (Assert.EnterMultipleScope())
        {
            Assert.That(package.Verify().Signature, Is.EqualTo(SignatureState.NotChecked));
            Assert.That(unsigned.Verify().Signature, Is.EqualTo(SignatureState.None));
            Assert.That(unsigned.Verify(Keys.P256.PublicKey).Findings.Select(finding => finding.ToString()), Has.Some.Contains("model.sig: missing: the package is not signed"));
        }
    }

    [TestCaseSource(nameof(Changes))]
    public void A_change_is_refused_and_named(Action<SmallPackage> change, FindingKind kind, string path, string words)
    {
        using var package = new SmallPackage(Keys.P256);
        change(package);

        foreach (var source in new[] { package.Folder, package.Archive() })
        {
            var report = PackageVerifier.Verify(PackageInventory.Read(source), Keys.P256.PublicKey);

            Assert.That(report.Findings.Where(finding => finding.Kind == kind && finding.Path == path).Select(finding => finding.Message), Has.Some.Contains(words), source);
            Assert.That(report.Signature, Is.EqualTo(SignatureState.Refused), source);
        }
    }

    [TestCaseSource(nameof(Changes))]
    public void A_change_is_refused_without_a_key_too(Action<SmallPackage> change, FindingKind kind, string path, string words)
    {
        using var package = new SmallPackage();
        change(package);

        Assert.That(package.Verify().Findings.Where(finding => finding.Kind == kind && finding.Path == path).Select(finding => finding.Message), Has.Some.Contains(words));
    }

    [Test]
    public void A_changed_file_is_witnessed_by_every_record_that_knows_it()
    {
        using var package = new SmallPackage(Keys.P384);
        File.WriteAllText(package.At(SmallPackage.First), "other");

        var finding = package.Verify(Keys.P384.PublicKey).Findings.Single();

        using (Assert.EnterMultipleScope())
        {
            Assert.That(finding.Witnesses, Is.EqualTo(new[] { PackageFiles.Checksums, PackageFiles.BuildRecord, PackageFiles.Provenance, PackageFiles.Signature }));
            Assert.That(finding.Expected, Has.Length.EqualTo(64).And.Not.EqualTo(finding.Actual));
            Assert.That(finding.Message, Does.Contain(finding.Expected!).And.Contain(finding.Actual!));
        }
    }

    [Test]
    public void Whoever_can_write_the_records_still_cannot_sign()
    {
        using var package = new SmallPackage(Keys.P256);
        File.WriteAllText(package.At("empty"), "not empty");

        // Every record is made anew; the signature stays, since the key is not at hand.
        package.Edit(PackageFiles.BuildRecord, record => Entry(record["outputs"]!, "path", "empty")["sha256"] = Digest("not empty"));
        package.Edit(PackageFiles.Bom, bom => bom["metadata"]!["component"]!["hashes"]![0]!["content"] = TreeOf(package));
        package.Edit(PackageFiles.Provenance, statement =>
        {
            foreach (var name in new[] { "empty", PackageFiles.BuildRecord, PackageFiles.Bom })
            {
                Entry(statement["subject"]!, "name", name)["digest"]!["sha256"] = Digest(File.ReadAllText(package.At(name)));
            }
        });
        package.WriteChecksums();
        var findings = package.Verify(Keys.P256.PublicKey).Findings;

        using (Assert.EnterMultipleScope())
        {
            Assert.That(package.Verify().Findings, Is.Empty);
            Assert.That(findings.Select(finding => finding.Path), Has.Some.EqualTo("empty"));
            Assert.That(findings.SelectMany(finding => finding.Witnesses).Distinct(), Is.EqualTo(new[] { PackageFiles.Signature }));
        }
    }

    [Test]
    public void Another_key_is_refused_whatever_the_bundle_calls_it()
    {
        using var package = new SmallPackage(Keys.P256);
        var other = Keys.Make(System.Security.Cryptography.ECCurve.NamedCurves.nistP256).PublicKey;
        var plain = package.Verify(other);
        package.Edit(PackageFiles.Signature, bundle => bundle["verificationMaterial"]!["publicKey"]!["hint"] = other.Hint);
        var renamed = package.Verify(other);
        var own = package.Verify(Keys.P256.PublicKey);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(plain.Findings.Single().Message, Does.Contain("made with another key").And.Contain(other.Hint).And.Contain(Keys.P256.PublicKey.Hint));
            Assert.That(renamed.Findings.Single().Message, Does.Contain("not this key's signature"));
            Assert.That(own.Findings.Single().Message, Does.Contain("it was changed"));
        }
    }

    [Test]
    public void The_source_model_is_compared_where_it_is_at_hand()
    {
        using var package = new SmallPackage();
        var sound = PackageVerifier.Verify(PackageInventory.Read(package.Folder), null, PackageInventory.Read(package.Model));
        File.WriteAllText(Path.Combine(package.Model, "config.json"), "{ }");
        File.Delete(Path.Combine(package.Model, "model.safetensors"));
        var other = PackageVerifier.Verify(PackageInventory.Read(package.Folder), null, PackageInventory.Read(package.Model));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(sound.IsSound);
            Assert.That(sound.Checked, Has.Member("source model"));
            Assert.That(other.Findings.Select(finding => (finding.Kind, finding.Path)), Is.EquivalentTo(new[]
            {
                (FindingKind.Changed, "model/config.json"), (FindingKind.Missing, "model/model.safetensors"),
            }));
        }
    }

    [Test]
    [Platform("Linux")]
    public void A_pipe_is_named_and_not_waited_for()
    {
        using var package = new SmallPackage();
        File.Delete(package.At("empty"));
        using var process = System.Diagnostics.Process.Start("mkfifo", package.At("empty"));
        process.WaitForExit();

        Assert.That(package.Verify().Findings.Select(finding => finding.ToString()), Has.Some.Contains("empty: is a pipe"));
    }

    [Test]
    public void A_folder_without_any_record_is_no_package()
    {
        using var folder = new Testing.TemporaryFolder();

        Assert.That(() => PackageVerifier.Verify(PackageInventory.Read(folder.Path), null), Throws.TypeOf<ProvenanceException>().With.Message.Contains("is no package"));
    }

    private static IEnumerable<TestCaseData> Changes()
    {
        yield return Change("changed byte", FindingKind.Changed, SmallPackage.First, "changed: SHA256SUMS, build.json", package => Flip(package.At(SmallPackage.First)));
        yield return Change("added file", FindingKind.Added, "weights/c.bin", "added: ", package => File.WriteAllText(package.At("weights/c.bin"), "c"));
        yield return Change("removed file", FindingKind.Missing, SmallPackage.Second, "missing: ", package => File.Delete(package.At(SmallPackage.Second)));
        yield return Change("renamed file", FindingKind.Renamed, SmallPackage.Second, "renamed to 'weights/z.bin'", package =>
            File.Move(package.At(SmallPackage.Second), package.At("weights/z.bin")));
        yield return Change("swapped shards", FindingKind.Changed, SmallPackage.First, $"it is the content of '{SmallPackage.Second}'", Swap);
        yield return Change("link leads elsewhere", FindingKind.Link, SmallPackage.Link, "build.json says '../weights'", package => Relink(package, "../model"));
        yield return Change("link leads out", FindingKind.Link, SmallPackage.Link, "leads out of the package", package => Relink(package, "../../etc"));
        yield return Change("link to an absolute path", FindingKind.Link, SmallPackage.Link, "it is absolute", package => Relink(package, "/etc"));
        yield return Change("added link", FindingKind.Link, "weights/c.bin", "added symbolic link", package => File.CreateSymbolicLink(package.At("weights/c.bin"), "a.bin"));
        yield return Change("file becomes a link", FindingKind.Missing, SmallPackage.Second, "missing", package =>
        {
            File.Delete(package.At(SmallPackage.Second));
            File.CreateSymbolicLink(package.At(SmallPackage.Second), "a.bin");
        });
        yield return Change("link becomes a folder", FindingKind.Link, SmallPackage.Link, "no symbolic link any more", package =>
        {
            Directory.Delete(package.At(SmallPackage.Link));
            Directory.CreateDirectory(package.At(SmallPackage.Link));
            File.Copy(package.At(SmallPackage.First), package.At($"{SmallPackage.Link}/a.bin"));
        });
        yield return Change("covered up in SHA256SUMS", FindingKind.Changed, SmallPackage.First, "changed: build.json", package =>
        {
            Flip(package.At(SmallPackage.First));
            package.WriteChecksums();
        });
        yield return Change("no checksums", FindingKind.Record, PackageFiles.Checksums, "every package has it", package => File.Delete(package.At(PackageFiles.Checksums)));
        yield return Change("no provenance", FindingKind.Record, PackageFiles.Provenance, "every package has it", package => File.Delete(package.At(PackageFiles.Provenance)));
        yield return Change("cut off provenance", FindingKind.Record, PackageFiles.Provenance, "cut off", package => CutOff(package.At(PackageFiles.Provenance)));
        yield return Change("another recipe", FindingKind.Record, PackageFiles.Provenance, "contradicts build.json: its recipe", package =>
            package.Edit(PackageFiles.Provenance, statement => statement["predicate"]!["buildDefinition"]!["externalParameters"]!["recipe"]!["name"] = "other"));
        yield return Change("another source model", FindingKind.Record, PackageFiles.Provenance, "not that of the files it lists", package =>
            package.Edit(PackageFiles.Provenance, statement => statement["predicate"]!["buildDefinition"]!["resolvedDependencies"]![1]!["digest"]!["sha256"] = NoDigest));
        yield return Change("another data set", FindingKind.Record, PackageFiles.Provenance, "its digest of the dataset", package =>
            package.Edit(PackageFiles.Provenance, statement =>
                Entry(statement["predicate"]!["buildDefinition"]!["resolvedDependencies"]!, "name", "dataset")["digest"]!["sha256"] = NoDigest));
        yield return Change("another ancestor", FindingKind.Record, PackageFiles.Bom, "its digest of the source model", package =>
            package.Edit(PackageFiles.Bom, bom => bom["metadata"]!["component"]!["pedigree"]!["ancestors"]![0]!["hashes"]![0]!["content"] = NoDigest));
        yield return Change("a name that is there twice", FindingKind.Record, PackageFiles.BuildRecord, "not valid JSON", package =>
            File.WriteAllText(package.At(PackageFiles.BuildRecord), "{\"format\":1," + File.ReadAllText(package.At(PackageFiles.BuildRecord))[1..]));
        yield return Change("a path that leads out", FindingKind.Record, PackageFiles.Checksums, "has a segment '..'", package =>
            File.AppendAllText(package.At(PackageFiles.Checksums), $"{NoDigest}  ../x\n"));
    }

    [TestCaseSource(nameof(SignatureChanges))]
    public void A_changed_signature_is_refused(Action<SmallPackage> change, string words)
    {
        using var package = new SmallPackage(Keys.P521);
        change(package);

        var report = package.Verify(Keys.P521.PublicKey);

        Assert.That(report.Signature, Is.EqualTo(SignatureState.Refused));
        Assert.That(report.Findings.Select(finding => finding.ToString()), Has.Some.StartsWith("model.sig: refused: ").And.Some.Contains(words));
    }

    private static IEnumerable<TestCaseData> SignatureChanges()
    {
        static TestCaseData Edit(string name, string words, Action<JsonNode> edit) =>
            new TestCaseData((SmallPackage package) => package.Edit(PackageFiles.Signature, edit), words).SetArgDisplayNames(name);

        yield return new TestCaseData((SmallPackage package) => CutOff(package.At(PackageFiles.Signature)), "cut off").SetArgDisplayNames("truncated");
        yield return new TestCaseData((SmallPackage package) => File.WriteAllText(package.At(PackageFiles.Signature), ""), "not valid JSON").SetArgDisplayNames("empty");
        yield return Edit("statement replaced", "not this key's signature", bundle => bundle["dsseEnvelope"]!["payload"] = Convert.ToBase64String("{}"u8));
        yield return Edit("signature removed", "has 0 signatures", bundle => bundle["dsseEnvelope"]!["signatures"] = new JsonArray());
        yield return Edit("signature doubled", "has 2 signatures", bundle =>
            bundle["dsseEnvelope"]!["signatures"]!.AsArray().Add(bundle["dsseEnvelope"]!["signatures"]![0]!.DeepClone()));
        yield return Edit("signature not base64", "not base64", bundle => bundle["dsseEnvelope"]!["signatures"]![0]!["sig"] = "***");
        yield return Edit("signature empty", "not this key's signature", bundle => bundle["dsseEnvelope"]!["signatures"]![0]!["sig"] = "");
        yield return Edit("other payload type", "is needed", bundle => bundle["dsseEnvelope"]!["payloadType"] = "text/plain");
        yield return Edit("other media type", "media type", bundle => bundle["mediaType"] = "application/json");
        yield return Edit("a certificate", "certificate", bundle => bundle["verificationMaterial"] = new JsonObject { ["certificate"] = new JsonObject() });
    }

    private static TestCaseData Change(string name, FindingKind kind, string path, string words, Action<SmallPackage> change) =>
        new TestCaseData(change, kind, path, words).SetArgDisplayNames(name);

    private static JsonNode Entry(JsonNode list, string member, string value) => list.AsArray().Single(entry => entry![member]!.GetValue<string>() == value)!;

    private static string Digest(string text) => Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(text)));

    private static string TreeOf(SmallPackage package) => PackageFile.TreeDigest(
        PackageInventory.Read(package.Folder).Files.Where(file => !PackageFiles.All.Contains(file.Path)).Select(file => (file.Path, file.Sha256)));

    private static void Flip(string path)
    {
        var bytes = File.ReadAllBytes(path);
        bytes[bytes.Length / 2] ^= 1;
        File.WriteAllBytes(path, bytes);
    }

    private static void CutOff(string path)
    {
        var bytes = File.ReadAllBytes(path);
        File.WriteAllBytes(path, bytes[..(bytes.Length * 2 / 3)]);
    }

    private static void Swap(SmallPackage package)
    {
        File.Move(package.At(SmallPackage.First), package.At("aside"));
        File.Move(package.At(SmallPackage.Second), package.At(SmallPackage.First));
        File.Move(package.At("aside"), package.At(SmallPackage.Second));
    }

    private static void Relink(SmallPackage package, string target)
    {
        Directory.Delete(package.At(SmallPackage.Link));
        File.CreateSymbolicLink(package.At(SmallPackage.Link), target);
    }
}
