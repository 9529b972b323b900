using System.Security.Cryptography;
using System.Text.Json;
using LayerCake.Building;
using LayerCake.Provenance;
using LayerCake.Testing;

namespace LayerCake.Steps.Tests.Package;

/// <summary>What a built package says of where it comes from, its signature and its archive.</summary>
[TestFixture]
internal sealed class OriginTests
{
    [Test]
    public void A_built_package_verifies_and_leads_to_the_source_model()
    {
        var report = PackageVerifier.Verify(PackageInventory.Read(SharedBuild.Workspace), null, PackageInventory.Read(SharedBuild.Project.Model));
        var materials = report.Materials.ToDictionary(material => material.Name, material => material.Sha256);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(report.Findings, Is.Empty);
            Assert.That(report.Checked, Has.Member("source model"));
            Assert.That(materials["dataset"], Is.EqualTo(Folders.DigestOf(SharedBuild.Project.Text)));
            foreach (var name in new[] { "config.json", "model.safetensors", "tokenizer.model" })
            {
                Assert.That(materials[$"model/{name}"], Is.EqualTo(Folders.DigestOf(SharedBuild.Project.InModel(name))));
            }
        }
    }

    [Test]
    public void The_bill_of_materials_has_the_model_card_s_facts()
    {
        using var bom = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(SharedBuild.Workspace, PackageFiles.Bom)));
        var card = bom.RootElement.GetProperty("metadata").GetProperty("component").GetProperty("modelCard");
        var facts = card.GetProperty("properties").EnumerateArray().ToDictionary(fact => fact.GetProperty("name").GetString()!, fact => fact.GetProperty("value").GetString());

        using (Assert.EnterMultipleScope())
        {
            Assert.That(card.GetProperty("modelParameters").GetProperty("modelArchitecture").GetString(), Is.EqualTo("InternLMForCausalLM"));
            Assert.That(facts["layercake:weights"], Is.EqualTo("int4 (AWQ), groups of 128"));
            Assert.That(facts["layercake:kv_cache"], Is.EqualTo("int8, asymmetric"));
            Assert.That(facts["layercake:layers"], Is.EqualTo("6"));
        }
    }

    [Test]
    public async Task A_commit_that_the_model_s_configuration_says_is_in_the_records()
    {
        const string commit = "0123456789abcdef0123456789abcdef01234567";
        using var project = PackageTests.CopyOfBuilt();
        var file = project.InModel("config.json");
        File.WriteAllText(file, File.ReadAllText(file).Replace("{", $"{{\"_commit_hash\": \"{commit}\",", StringComparison.Ordinal));

        var build = await project.BuildAsync("auto_awq=null", "kv_qparams=null", "calibrate=null");
        var report = PackageVerifier.Verify(PackageInventory.Read(build.Build.OutputFolder), null);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(report.Findings, Is.Empty);
            Assert.That(report.Revision, Is.EqualTo(commit));
            Assert.That(report.Materials.Select(material => material.Name), Has.None.EqualTo("dataset"));
        }
    }

    [Test]
    public async Task Adding_a_key_runs_package_only_and_the_same_key_gives_the_same_package()
    {
        using var project = PackageTests.CopyOfBuilt();
        using var ecdsa = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var key = SigningKey.Parse(ecdsa.ExportPkcs8PrivateKeyPem(), "key");
        var store = RecipeBuild.StoreFolder(project.Artifacts);

        var signed = await DemoBuild.RunAsync(RecipeBuild.Open(project.Recipe(), project.Artifacts, key), store);
        using var otherStore = new TemporaryFolder();
        Folders.Copy(SharedBuild.StoreFolder, otherStore.At("store"));
        var again = await DemoBuild.RunAsync(RecipeBuild.Open(project.Recipe(), project.At("again"), key), otherStore.At("store"));
        var report = PackageVerifier.Verify(PackageInventory.Read(signed.Build.OutputFolder), key.PublicKey);
        var fields = signed[StepNames.Package].Record.Fields;

        using (Assert.EnterMultipleScope())
        {
            Assert.That(signed.Ran, Is.EqualTo(new[] { StepNames.Package }));
            Assert.That(again.Package.Digest, Is.EqualTo(signed.Package.Digest));
            Assert.That(report.Findings, Is.Empty);
            Assert.That(report.Signature, Is.EqualTo(SignatureState.Verified));
            Assert.That(KeyDocument.Diff(SharedBuild.Result[StepNames.Package].Record.Fields, fields).Select(change => (change.Field, change.New)), Is.EqualTo(new[]
            {
                ("environment.signing_key", key.PublicKey.Hint),
            }));
        }
    }

    [TestCase("tar")]
    [TestCase("tar.zst")]
    public async Task An_archive_holds_the_package_and_is_made_again_only_when_the_package_changed(string format)
    {
        using var project = PackageTests.CopyOfBuilt();
        var first = await BuildAsync(project, $"package.archive={format}");
        var second = await BuildAsync(project, $"package.archive={format}");
        var tree = first[StepNames.Archive].Tree.Entries.OfType<TreeEntry.File>().Single();
        var archive = Path.Combine(RecipeBuild.StoreFolder(project.Artifacts), "cas", "sha256", tree.Content.ToString()[..2], tree.Content.ToString());
        var held = PackageVerifier.Verify(PackageInventory.Read(archive), null);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(first.Ran, Is.EqualTo(new[] { StepNames.Package, StepNames.Archive }));
            Assert.That(second.Ran, Is.Empty);
            Assert.That(tree.Path.Value, Is.EqualTo($"demo.{format}"));
            Assert.That(held.Findings, Is.Empty);
            Assert.That(first.Build.ArchiveFile, Is.EqualTo(Path.Combine(project.Artifacts, $"demo.{format}")));
        }
    }

    [Test]
    public void Without_the_option_there_is_no_archive_step()
    {
        var build = SharedBuild.Project.Open();

        using (Assert.EnterMultipleScope())
        {
            Assert.That(build.ArchiveFile, Is.Null);
            Assert.That(build.Steps.Select(step => step.Name), Has.None.EqualTo(StepNames.Archive));
        }
    }

    private static async Task<DemoBuild> BuildAsync(DemoProject project, params string[] overrides)
    {
        var build = project.Open(overrides);
        var reporter = new RecordingReporter();
        using var store = ArtifactStore.Open(RecipeBuild.StoreFolder(project.Artifacts));
        var plan = BuildPlan.Create(build.Recipe.Name, build.Steps, store);
        return new DemoBuild(build, await new StepRunner(store, reporter).RunAllAsync(plan), reporter);
    }
}
