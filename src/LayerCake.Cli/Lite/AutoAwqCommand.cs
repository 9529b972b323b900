using System.CommandLine;
using LayerCake.Checkpoints;
using LayerCake.Cli.Console;
using LayerCake.Quantization;
using LayerCake.Steps;

namespace LayerCake.Cli.Lite;

/// <summary><c>layercake lite auto_awq</c>.</summary>
internal sealed class AutoAwqCommand : FireCommand
{
    private readonly FireParameter _model = new("model", "The model's folder.", required: true);
    private readonly FireParameter _workDir = new("work_dir", "Holds inputs_stats.pth and receives the quantized checkpoint.", required: true);
    private readonly FireParameter _bits = new("w_bits", "Bits of a weight; 4 is what the engine reads.", "4");
    private readonly FireParameter _symmetric = new("w_sym", "Without zero points; the engine cannot read that.", "False", isSwitch: true);
    private readonly FireParameter _groupSize = new("w_group_size", "Input channels that share a scale and zero point.", "128");
    private readonly FireParameter _device = new("device", "Accepted for compatibility: quantizing runs on the CPU and gives the same bytes everywhere.", "auto");

    private readonly Option<string> _format = new("--format")
    {
        Description = "safetensors, or bin for pytorch_model.bin as LMDeploy writes it.",
        DefaultValueFactory = _ => "safetensors",
        HelpName = "safetensors|bin",
    };

    protected override string Name => "auto_awq";

    protected override string Description => "Smooths and quantizes a model's weights to 4 bits with the statistics of calibrate.";

    protected override IReadOnlyList<FireParameter> Signature => [_model, _workDir, _bits, _symmetric, _groupSize, _device];

    protected override IReadOnlyList<Option> Extensions => [_format];

    protected override async Task<ExitCode> RunAsync(ParseResult result, CancellationToken cancellationToken)
    {
        var (modelPath, workDir) = (Required(result, _model), Required(result, _workDir));
        if (OutputFolders.AreSame(modelPath, workDir))
        {
            throw new UsageException($"--work_dir is the model's own folder ({workDir}); the quantized checkpoint must go to another one.");
        }

        if (Required(result, _device) is not ("auto" or "cpu" or "cuda"))
        {
            throw new UsageException($"--device takes auto, cpu or cuda, not '{Required(result, _device)}'.");
        }

        var options = new AwqOptions
        {
            Bits = Integer(result, _bits, 1),
            GroupSize = Integer(result, _groupSize, 1),
            Symmetric = Switch(result, _symmetric),
        };
        var format = result.GetValue(_format) switch
        {
            "safetensors" => WeightFormat.Safetensors,
            "bin" => WeightFormat.Torch,
            var other => throw new UsageException($"--format takes safetensors or bin, not '{other}'."),
        };
        OutputFolders.RefuseOtherWeights(workDir, format);
        using var model = HuggingFaceFolder.Open(modelPath);
        await ConsoleReporter.RunAsync(
            Name,
            reporter => Task.Run(
                () => AutoAwqOperation.Run(model, workDir, workDir, options, format, scanWeights: true, parts: null, reporter, cancellationToken),
                cancellationToken)).ConfigureAwait(false);
        return ExitCode.Success;
    }
}
