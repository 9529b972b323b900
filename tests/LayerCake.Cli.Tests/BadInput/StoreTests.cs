using LayerCake.Testing;

namespace LayerCake.Cli.Tests.BadInput;

/// <summary>A store that something else has damaged: the build says so, makes the lost part again and gives the same bytes.</summary>
public sealed class StoreTests : IDisposable
{
    private const string Weight = "triton_models/weights/layers.0.attention.wo.0.qweight";

    private readonly TemporaryFolder _folder = new();

    public StoreTests() => UndisturbedBuild.CopyStore(_folder);

    private static string Digest { get; } = File.ReadLines(Path.Combine(UndisturbedBuild.PackageFolder, "SHA256SUMS"))
        .Single(line => line.EndsWith($" {Weight}", StringComparison.Ordinal) || line.EndsWith($"*{Weight}", StringComparison.Ordinal))[..64];

    private string Blob => _folder.At("artifacts", ".cache", "cas", "sha256", Digest[..2], Digest);

    public void Dispose() => _folder.Dispose();

    [Test]
    public void A_flipped_byte_makes_its_step_run_again()
    {
        var content = File.ReadAllBytes(Blob);
        content[content.Length / 2] ^= 1;
        File.SetUnixFileMode(Blob, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        File.WriteAllBytes(Blob, content);

        AssertRepaired($"blob {Digest[..12]} ({Weight}) is damaged");
    }

    [Test]
    public void A_missing_blob_makes_its_step_run_again()
    {
        File.Delete(Blob);

        AssertRepaired($"blob {Digest[..12]} ({Weight}) is missing");
    }

    [Test]
    public void A_half_written_record_makes_its_step_run_again()
    {
        var key = UndisturbedBuild.KeyOf("convert");
        var record = Directory.EnumerateFiles(_folder.At("artifacts", ".cache", "steps"), $"{key}.json", SearchOption.AllDirectories).Single();
        var content = File.ReadAllBytes(record);
        File.Delete(record);
        File.WriteAllBytes(record, content[..(content.Length / 2)]);

        AssertRepaired($"the record {key[..12]} is damaged: ");
    }

    [Test]
    public void A_store_of_garbage_is_as_good_as_none()
    {
        var random = new Random(1);
        foreach (var file in Directory.EnumerateFiles(_folder.At("artifacts", ".cache"), "*", SearchOption.AllDirectories).ToList())
        {
            var garbage = new byte[random.Next(200)];
            random.NextBytes(garbage);
            File.Delete(file);
            File.WriteAllBytes(file, garbage);
        }

        UndisturbedBuild.Run(_folder, ["plan"]).Succeeded();
        UndisturbedBuild.AssertCompletes(_folder);
    }

    private void AssertRepaired(string why)
    {
        var result = UndisturbedBuild.AssertCompletes(_folder);

        Assert.That(result.Output, Does.Contain("\ncalibrate: cached ").Or.StartWith("calibrate: cached "));
        Assert.That(result.Output, Does.Contain("\nauto_awq: cached "));
        Assert.That(result.Output, Does.Match($@"\nconvert: ran in .*\({System.Text.RegularExpressions.Regex.Escape(why)}"));
        Assert.That(UndisturbedBuild.Run(_folder, ["plan"]).Succeeded().Output, Does.EndWith("Nothing to do.\n"));
    }
}
