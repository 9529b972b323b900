using System.Text;
using CsCheck;

namespace LayerCake.Provenance.Tests.Verification;

/// <summary>Records are written by anyone: whatever is in them ends in a finding, never in another exception.</summary>
[TestFixture]
internal sealed class ForeignRecordTests
{
    private static readonly string[] s_words = ["\"\"", "null", "[]", "{}", "-1", "1e999", "\"\\ud800\"", "[{}]", "true", "\"../x\"", "{\"sha256\":1}"];

    [TestCase(PackageFiles.BuildRecord)]
    [TestCase(PackageFiles.Provenance)]
    [TestCase(PackageFiles.Bom)]
    [TestCase(PackageFiles.Signature)]
    [TestCase(PackageFiles.Checksums)]
    public void Any_change_of_a_record_is_a_finding(string record)
    {
        using var package = new SmallPackage(Keys.P256);
        var whole = File.ReadAllText(package.At(record));
        var changes = Gen.Select(Gen.Int[0, whole.Length - 1], Gen.Int[0, 60], Gen.Int[0, s_words.Length - 1].Select(i => s_words[i]));

        changes.Sample(
            (at, length, word) =>
            {
                var changed = string.Concat(whole.AsSpan(0, at), word, whole.AsSpan(Math.Min(whole.Length, at + length)));
                File.WriteAllText(package.At(record), changed);

                // Space between tokens of the bundle carries nothing and is not signed.
                var report = package.Verify(Keys.P256.PublicKey);
                Assert.That(report.IsSound, Is.EqualTo(changed == whole || (record == PackageFiles.Signature && report.Signature == SignatureState.Verified)), changed);
            },
            iter: 100,
            threads: 1);
    }

    [Test]
    public void Values_of_the_wrong_kind_are_findings()
    {
        using var package = new SmallPackage(Keys.P256);
        foreach (var record in PackageFiles.All.Where(name => name != PackageFiles.Checksums))
        {
            var whole = File.ReadAllText(package.At(record));
            var node = System.Text.Json.Nodes.JsonNode.Parse(whole)!;
            foreach (var path in PathsOf(node, ""))
            {
                foreach (var word in s_words)
                {
                    File.WriteAllText(package.At(record), Replaced(whole, path, word));

                    Assert.That(() => package.Verify(Keys.P256.PublicKey), Throws.Nothing, $"{record}{path} = {word}");
                }
            }

            File.WriteAllText(package.At(record), whole);
        }
    }

    [TestCase("no digest", "line 1")]
    [TestCase("", "")]
    [TestCase("0000000000000000000000000000000000000000000000000000000000000000  a\n0000000000000000000000000000000000000000000000000000000000000000  a\n", "is there twice")]
    [TestCase("0000000000000000000000000000000000000000000000000000000000000000  a", "cut off")]
    [TestCase("000000000000000000000000000000000000000000000000000000000000000G  a\n", "line 1")]
    [TestCase("0000000000000000000000000000000000000000000000000000000000000000  /a\n", "absolute")]
    public void A_list_of_checksums_is_read_strictly(string text, string words)
    {
        if (words.Length == 0)
        {
            Assert.That(ChecksumList.Parse(Encoding.UTF8.GetBytes(text)), Is.Empty);
        }
        else
        {
            Assert.That(() => ChecksumList.Parse(Encoding.UTF8.GetBytes(text.EndsWith('t') ? text + "\n" : text)), Throws.TypeOf<ProvenanceException>().With.Message.Contains(words));
        }
    }

    private static IEnumerable<string> PathsOf(System.Text.Json.Nodes.JsonNode? node, string at)
    {
        yield return at;
        switch (node)
        {
            case System.Text.Json.Nodes.JsonObject map:
                foreach (var path in map.SelectMany(member => PathsOf(member.Value, $"{at}/{member.Key}")))
                {
                    yield return path;
                }

                break;
            case System.Text.Json.Nodes.JsonArray { Count: > 0 } list:
                // One of a list's entries stands for all.
                foreach (var path in PathsOf(list[0], $"{at}/0"))
                {
                    yield return path;
                }

                break;
        }
    }

    private static string Replaced(string json, string path, string word)
    {
        if (path.Length == 0)
        {
            return word;
        }

        var root = System.Text.Json.Nodes.JsonNode.Parse(json)!;
        const string mark = "@@@";
        var names = SplitPath(root, path);
        var at = root;
        foreach (var name in names[..^1])
        {
            at = at is System.Text.Json.Nodes.JsonArray ? at[0]! : at[name]!;
        }

        if (at is System.Text.Json.Nodes.JsonArray list)
        {
            list[0] = mark;
        }
        else
        {
            at[names[^1]] = mark;
        }

        return root.ToJsonString().Replace($"\"{mark}\"", word, StringComparison.Ordinal);
    }

    /// <summary>The names of a path; a name may have slashes itself.</summary>
    private static string[] SplitPath(System.Text.Json.Nodes.JsonNode root, string path)
    {
        var names = new List<string>();
        var at = root;
        var rest = path[1..];
        while (rest.Length > 0)
        {
            var name = at is System.Text.Json.Nodes.JsonObject map
                ? map.Select(member => member.Key).Where(key => rest == key || rest.StartsWith(key + "/", StringComparison.Ordinal)).MaxBy(key => key.Length)!
                : "0";
            names.Add(name);
            at = at is System.Text.Json.Nodes.JsonArray ? at[0]! : at[name]!;
            rest = rest.Length > name.Length ? rest[(name.Length + 1)..] : "";
        }

        return [.. names];
    }
}
