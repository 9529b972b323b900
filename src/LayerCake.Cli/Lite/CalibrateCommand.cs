using System.CommandLine;
using LayerCake.Checkpoints;
using LayerCake.Cli.Console;
using LayerCake.Steps;

namespace LayerCake.Cli.Lite;

/// <summary><c>layercake lite calibrate</c>.</summary>
internal sealed class CalibrateCommand : FireCommand
{
    private static readonly string[] NamedSets = ["c4", "ptb", "wikitext2", "pileval"];

    private readonly FireParameter _model = new("model", "The model's folder: config.json, weights and tokenizer.model.", required: true);
    private readonly FireParameter _dataset = new("calib_dataset", "The calibration text: a .txt file, or a .jsonl file with a text field a line.", "c4");
    private readonly FireParameter _samples = new("calib_samples", "How many samples are drawn.", "128");
    private readonly FireParameter _length = new("calib_seqlen", "Tokens of a sample.", "2048");
    private readonly FireParameter _workDir = new("work_dir", "Where the statistics go.", "./work_dir");
    private readonly FireParameter _device = new("device", "auto, cpu or cuda.", "auto");
    private readonly Option<uint> _seed = new("--seed")
    {
        Description = "Seed of the draw; LMDeploy always takes 0.",
        DefaultValueFactory = _ => 0,
        HelpName = "SEED",
    };

    protected override string Name => "calibrate";

    protected override string Description => "Runs a model over a text and writes the statistics of its activations.";

    protected override IReadOnlyList<FireParameter> Signature => [_model, _dataset, _samples, _length, _workDir, _device];

    protected override IReadOnlyList<Option> Extensions => [_seed];

    protected override async Task<ExitCode> RunAsync(ParseResult result, CancellationToken cancellationToken)
    {
        var dataset = Required(result, _dataset);
        if (NamedSets.Contains(dataset) && !File.Exists(dataset))
        {
            throw new UsageException(
                $"--calib_dataset {dataset}: data sets are not fetched. Save its text as a .txt file, or as a .jsonl file with a text field a line, and give that file.");
        }

        using var model = HuggingFaceFolder.Open(Required(result, _model));
        var workDir = Required(result, _workDir);
        var operation = new CalibrateOperation
        {
            Model = model,
            TextFile = dataset,
            Samples = Integer(result, _samples, 1),
            SequenceLength = Integer(result, _length, 1),
            Seed = result.GetValue(_seed),
            Device = Required(result, _device),
        };
        OutputFolders.Prepare(workDir);
        await ConsoleReporter.RunAsync(
            Name,
            reporter => Task.Run(
                () =>
                {
                    CalibrateOperation.Run(operation, workDir, reporter, cancellationToken);
                    return true;
                },
                cancellationToken)).ConfigureAwait(false);
        return ExitCode.Success;
    }
}
