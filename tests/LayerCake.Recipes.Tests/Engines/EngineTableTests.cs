namespace LayerCake.Recipes.Tests;

internal sealed class EngineTableTests
{
    // The table of the engine contract, one release for each row and both ends of each range.
    [TestCase("0.0.13", true, WorkspaceConfiguration.Ini, true, 4)]
    [TestCase("0.1.0", true, WorkspaceConfiguration.Ini, true, 4)]
    [TestCase("0.2.0", true, WorkspaceConfiguration.Ini, false, 4)]
    [TestCase("0.3.0", true, WorkspaceConfiguration.Ini, false, 4)]
    [TestCase("0.4.0", false, WorkspaceConfiguration.Ini, false, 8)]
    [TestCase("0.5.3", false, WorkspaceConfiguration.Ini, false, 8)]
    [TestCase("0.6.0", false, WorkspaceConfiguration.Yaml, false, 8)]
    [TestCase("0.9.2", false, WorkspaceConfiguration.Yaml, false, 8)]
    [TestCase("0.10.0", false, WorkspaceConfiguration.None, false, 8)]
    [TestCase("1.0.0", false, WorkspaceConfiguration.None, false, 8)]
    public void A_release_reads_what_its_row_says(string release, bool readsScales, WorkspaceConfiguration workspace, bool keepsPolicy, int int8)
    {
        var known = EngineTable.TryParse("lmdeploy " + release, out var contract, out _);

        Assert.That(known, Is.True);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(contract!.ReadsKvScales, Is.EqualTo(readsScales));
            Assert.That(contract.Workspace, Is.EqualTo(workspace));
            Assert.That(contract.KeepsQuantPolicy, Is.EqualTo(keepsPolicy));
            Assert.That(contract.QuantPolicy(KvCacheType.Int8), Is.EqualTo(int8));
            Assert.That(contract.QuantPolicy(null), Is.Zero);
            Assert.That(contract.Refusal is null, Is.EqualTo(readsScales));
        }
    }

    [Test]
    public void Four_means_int8_to_old_releases_and_int4_to_new_ones()
    {
        EngineTable.TryParse("lmdeploy 0.4.0", out var contract, out _);

        Assert.That(contract!.QuantPolicy(KvCacheType.Int4), Is.EqualTo(EngineTable.Default.QuantPolicy(KvCacheType.Int8)));
        Assert.That(
            () => EngineTable.Default.QuantPolicy(KvCacheType.Int4),
            Throws.TypeOf<NotSupportedException>().With.Message.EqualTo(
                "an int4 KV cache needs lmdeploy 0.4.0 or later, which finds its parameters itself; lmdeploy 0.1.0 knows int8 only: write int8"));
    }

    [TestCase("0.1.0", "lmdeploy serve api_server ./workspace --server-name 0.0.0.0 --server-port 23333 --tp 2")]
    [TestCase("0.2.0", "lmdeploy serve api_server ./workspace --server-name 0.0.0.0 --server-port 23333 --tp 2 --quant-policy 4")]
    public void The_launch_command_repeats_what_the_release_would_forget(string release, string command)
    {
        EngineTable.TryParse("lmdeploy " + release, out var contract, out _);

        Assert.That(string.Join(' ', contract!.LaunchArguments("./workspace", new TensorParallel(2), KvCacheType.Int8)), Is.EqualTo(command));
    }

    [Test]
    public void Without_a_quantized_cache_the_launch_command_says_nothing_of_it() =>
        Assert.That(EngineTable.Built[^1].LaunchArguments("w", new TensorParallel(1), null), Does.Not.Contain("--quant-policy"));

    [TestCase("lmdeploy 0.4.2", "releases 0.4.0 to 0.5.3 quantize the KV cache while they run, and workspaces for them are not checked yet")]
    [TestCase("lmdeploy 0.6.5", "releases 0.6.0 to 0.9.2 read a workspace with config.yaml, which is not written yet")]
    [TestCase("lmdeploy 0.12.0", "releases from 0.10.0 on load no workspace; give them the AWQ folder of auto_awq")]
    public void A_release_that_cannot_be_built_for_is_refused_with_what_it_needs(string engine, string needs) =>
        Assert.That(
            Recipes.Refused(Recipes.Least, $"engine={engine}"),
            Is.EqualTo($"--set engine={engine}: engine {engine} cannot be built for: {needs}. "
                + "Workspaces are written for lmdeploy 0.0.13 to 0.3.0: write 'lmdeploy 0.3.0', the nearest"));

    [Test]
    public void KV_parameters_for_a_release_that_reads_none_are_a_fault_of_their_own() =>
        Assert.That(
            Recipes.Refused(Recipes.Full, "engine=lmdeploy 0.4.0"),
            Does.StartWith("demo.yaml:11:22: kv_qparams cannot be used: lmdeploy 0.4.0 reads no KV parameters from a workspace: from 0.4.0 on "
                + "the engine finds them while it runs. Remove kv_qparams and launch with --quant-policy 8\n--set engine=lmdeploy 0.4.0: "));

    [TestCase("lmdeploy 0.0.12", "lmdeploy 0.0.13")]
    [TestCase("lmdeploy 0.1.99", "lmdeploy 0.1.0")]
    [TestCase("lmdeploy 0.2.9", "lmdeploy 0.2.6")]
    [TestCase("lmdeploy 0.3.1", "lmdeploy 0.3.0")]
    public void An_unknown_release_is_answered_with_the_nearest(string engine, string nearest) =>
        Assert.That(Recipes.Refused(Recipes.Least, $"engine={engine}"), Does.EndWith($"which is not a known release; the nearest is '{nearest}'"));

    [TestCase("0.1")]
    [TestCase("0.1.0.0")]
    [TestCase("0.01.0")]
    [TestCase("0.1.-1")]
    [TestCase("0.1.1000")]
    [TestCase("0.1.٣")]
    public void A_release_is_three_plain_numbers(string text) => Assert.That(EngineRelease.TryParse(text, out _), Is.False);
}
