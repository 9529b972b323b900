using System.Collections;

namespace LayerCake.Building.Tests;

public sealed class EventTextTests
{
    private static readonly EventText Text = EventText.For(
        new Dictionary<string, string> { ["/home/ada/work"] = "", ["/home/ada"] = "~", ["/data/artifacts"] = "artifacts", ["/home/ada/work/models/tiny"] = "tiny" },
        new Hashtable { ["HF_TOKEN"] = "hf_abcdefghij", ["AWS_SECRET_ACCESS_KEY"] = "s3cr3ts3cr3t", ["MY_PASSWORD"] = "short", ["EDITOR"] = "/usr/bin/vi" });

    [TestCase("cannot read /home/ada/work/recipes/x.yaml: no", "cannot read recipes/x.yaml: no")]
    [TestCase("in /home/ada/work.", "in ..")]
    [TestCase("/home/ada/work/models/tiny/config.json", "tiny/config.json")]
    [TestCase("/home/ada/.cache/hub", "~/.cache/hub")]
    [TestCase("/home/ada/workshop/x", "~/workshop/x")]
    [TestCase("/data/artifacts/.cache/tmp", "artifacts/.cache/tmp")]
    [TestCase("see /opt/torch/lib/libtorch.so, please", "see …/libtorch.so, please")]
    [TestCase("\"/opt/torch/lib/libtorch.so\"", "\"…/libtorch.so\"")]
    [TestCase("--artifacts=/mnt/big/disk", "--artifacts=…/disk")]
    [TestCase(@"C:\Users\ada\model.bin", "…/model.bin")]
    [TestCase("https://host/cache/ac/0123 and s3://bucket/a/b", "https://host/cache/ac/0123 and s3://bucket/a/b")]
    [TestCase("layers/0/attention and/or weights/x", "layers/0/attention and/or weights/x")]
    [TestCase("12/384 samples", "12/384 samples")]
    [TestCase("x{ /home/ada/work/a } {/home/ada/work}", "x{ a } {.}")]
    public void Paths_become_what_people_call_them(string text, string shown) => Assert.That(Text.Of(text), Is.EqualTo(shown));

    [TestCase("denied for hf_abcdefghij!", "denied for ***!")]
    [TestCase("https://user:s3cr3ts3cr3t@host/x", "https://user:***@host/x")]
    [TestCase("too short to be one", "too short to be one")]
    public void Values_of_variables_named_like_secrets_are_hidden(string text, string shown) => Assert.That(Text.Of(text), Is.EqualTo(shown));
}
