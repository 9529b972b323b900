using LayerCake.Testing;

namespace LayerCake.Quantization.Tests.Awq;

/// <summary>A quantization that was interrupted and goes on from its finished layers.</summary>
public sealed class ResumeTests
{
    [Test]
    public void A_run_that_goes_on_does_only_the_layers_that_are_left_and_writes_the_same_bytes(
        [Values("internlm", "llama-sharded-bf16")] string name, [Values] WeightFormat format, [Values(1, 2)] int kept)
    {
        using var model = new PatchedModel(name);
        var parts = new MemoryParts();
        var whole = model.Quantize(request => request with { Format = format, Parts = parts });
        var expected = Contents(model.Output, whole.Files);
        Assert.That(parts.Names, Is.EqualTo(new[] { "layer.0", "layer.1" }));
        Enumerable.Range(kept, 2 - kept).ToList().ForEach(layer => parts.Remove($"layer.{layer}"));
        var lines = new List<string>();

        var result = model.Quantize(request => request with { Format = format, Parts = parts }, progress => lines.Add(progress.Line));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(Contents(model.Output, result.Files), Is.EqualTo(expected));
            Assert.That(result.Linears, Is.EqualTo(whole.Linears), "the errors too");
            Assert.That(lines.Count(line => line.EndsWith("smooth weight done.", StringComparison.Ordinal)), Is.EqualTo(2 - kept));
            Assert.That(parts.Said, Is.EqualTo(new[] { (kept, 2) }));
        }
    }

    [Test]
    public void A_run_that_is_stopped_keeps_the_layers_it_has_finished()
    {
        using var model = new PatchedModel("internlm");
        using var source = new CancellationTokenSource();
        var parts = new MemoryParts { Committed = _ => source.Cancel() };

        // Sooner or later after the first layer, never before.
        try
        {
            model.Quantize(request => request with { Parts = parts }, cancellation: source.Token);
        }
        catch (OperationCanceledException)
        {
            // As it should be, unless the second layer was quicker.
        }

        Assert.That(parts.Names, Does.Contain("layer.0"));
    }

    [Test]
    public void A_part_that_is_not_whole_or_holds_something_else_is_done_again()
    {
        using var model = new PatchedModel("internlm");
        var parts = new MemoryParts();
        var whole = model.Quantize(request => request with { Parts = parts });
        var expected = Contents(model.Output, whole.Files);
        var good = parts["layer.0"];
        foreach (var bad in new[] { [], good[..^1], [.. good, 0], good[4..], [255, 255, 255, 255], [255, 255, 255, 127], Renamed(good) })
        {
            parts["layer.0"] = bad;
            parts.Said.Clear();

            var result = model.Quantize(request => request with { Parts = parts });

            Assert.That(Contents(model.Output, result.Files), Is.EqualTo(expected));
            Assert.That(parts.Said, Is.EqualTo(new[] { (1, 2) }), "the other layer is fine");
            Assert.That(parts["layer.0"], Elements.AreThoseOf(good));
        }

        // The first name's last letter.
        static byte[] Renamed(byte[] part)
        {
            var copy = (byte[])part.Clone();
            copy[4 + copy[0] - 1] ^= 1;
            return copy;
        }
    }

    private static Dictionary<string, string> Contents(string folder, IEnumerable<string> files) => files.ToDictionary(
        file => file, file => Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(Path.Combine(folder, file)))));
}
