using LayerCake.Building;
using LayerCake.Text;

namespace LayerCake.Steps;

/// <summary>The samples that a model is run over: windows of a text.</summary>
public sealed record CalibrationWindows
{
    /// <summary>A .txt file, or a .jsonl file with a <c>text</c> field a line.</summary>
    public required string TextFile { get; init; }

    public required int Samples { get; init; }

    /// <summary>Tokens of a sample.</summary>
    public required int SequenceLength { get; init; }

    /// <summary>Seed of Python's generator. The original always takes 0.</summary>
    public uint Seed { get; init; }

    /// <summary>Reads and encodes the text and draws the windows.</summary>
    public int[][] Draw(string modelFolder, IBuildReporter reporter)
    {
        ArgumentNullException.ThrowIfNull(reporter);
        var tokenizer = TokenizerFolder.Open(modelFolder);
        reporter.Line("Loading calibrate dataset ...");
        var ids = tokenizer.EncodeWithSpecialTokens(CalibrationText.Load(TextFile).Text);
        try
        {
            return CalibrationSampler.Draw(ids, Samples, SequenceLength, Seed);
        }
        catch (CalibrationDataException exception)
        {
            throw new CalibrationDataException($"{TextFile}: {exception.Message}", exception);
        }
    }
}
