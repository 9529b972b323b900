using System.CommandLine;
using LayerCake.Cli.Console;
using LayerCake.Steps;

namespace LayerCake.Cli.Lite;

/// <summary><c>layercake convert</c>.</summary>
internal sealed class ConvertCommand : FireCommand
{
    private readonly FireParameter _modelName = new("model_name", "The chat template's name, for example internlm-chat-7b or llama2.", required: true);
    private readonly FireParameter _modelPath = new("model_path", "The model's folder.", required: true);
    private readonly FireParameter _modelFormat = new("model_format", "hf, awq, or None to go by the model's name.");
    private readonly FireParameter _tokenizerPath = new("tokenizer_path", "The tokenizer's file, when it is not model_path/tokenizer.model.");
    private readonly FireParameter _destination = new("dst_path", "Where the workspace goes.", "./workspace");
    private readonly FireParameter _tensorParallel = new("tp", "Tensor-parallel degree, a power of two.", "1");
    private readonly FireParameter _quantPath = new("quant_path", "Where the weights lie, when not in model_path.");
    private readonly FireParameter _groupSize = new("group_size", "Group size of an AWQ checkpoint.", "0");

    private readonly Option<string> _weightType = new("--weight-type")
    {
        Description = "auto (by the checkpoint), float16 or bfloat16, for weights that are not int4.",
        DefaultValueFactory = _ => "auto",
        HelpName = "auto|float16|bfloat16",
    };

    protected override string Name => "convert";

    protected override string Description => "Converts a checkpoint to a TurboMind workspace for LMDeploy v0.1.0.";

    protected override IReadOnlyList<FireParameter> Signature =>
        [_modelName, _modelPath, _modelFormat, _tokenizerPath, _destination, _tensorParallel, _quantPath, _groupSize];

    protected override IReadOnlyList<Option> Extensions => [_weightType];

    protected override async Task<ExitCode> RunAsync(ParseResult result, CancellationToken cancellationToken)
    {
        var operation = new ConvertOperation
        {
            ModelName = Required(result, _modelName),
            ModelPath = Required(result, _modelPath),
            ModelFormat = Text(result, _modelFormat),
            TokenizerPath = Text(result, _tokenizerPath),
            TensorParallel = Integer(result, _tensorParallel, 1),
            QuantPath = Text(result, _quantPath),
            GroupSize = Integer(result, _groupSize, 0),
            WeightType = result.GetValue(_weightType) switch
            {
                "auto" => null,
                "float16" or "fp16" => TurboMind.WeightType.Float16,
                "bfloat16" or "bf16" => TurboMind.WeightType.BFloat16,
                var other => throw new UsageException($"--weight-type takes auto, float16 or bfloat16, not '{other}'."),
            },
        };
        var destination = Required(result, _destination);
        await ConsoleReporter.RunAsync(
            Name,
            reporter => Task.Run(
                () =>
                {
                    operation.Publish(destination, reporter, cancellationToken);
                    return true;
                },
                cancellationToken)).ConfigureAwait(false);
        return ExitCode.Success;
    }
}
