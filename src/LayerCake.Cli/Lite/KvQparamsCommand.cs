using System.CommandLine;
using LayerCake.Quantization;
using LayerCake.Steps;

namespace LayerCake.Cli.Lite;

/// <summary><c>layercake lite kv_qparams</c>.</summary>
internal sealed class KvQparamsCommand : FireCommand
{
    private readonly FireParameter _workDir = new("work_dir", "Holds key_stats.pth and value_stats.pth.", required: true);
    private readonly FireParameter _turbomindDir = new("turbomind_dir", "The weights folder of the workspace; must exist.", required: true);
    private readonly FireParameter _bits = new("kv_bits", "Bits of a cached value; 8 is what the engine reads.", "8");
    private readonly FireParameter _symmetric = new("kv_sym", "One range around zero, without a zero point.", "False", isSwitch: true);
    private readonly FireParameter _tensorParallel = new("num_tp", "Tensor-parallel degree of the workspace.", "1");

    protected override string Name => "kv_qparams";

    protected override string Description => "Computes scales and zero points of the int8 KV cache from the statistics of calibrate.";

    protected override IReadOnlyList<FireParameter> Signature => [_workDir, _turbomindDir, _bits, _symmetric, _tensorParallel];

    protected override Task<ExitCode> RunAsync(ParseResult result, CancellationToken cancellationToken)
    {
        KvQparamsOperation.Run(
            Required(result, _workDir),
            Required(result, _turbomindDir),
            new KeyValueOptions
            {
                Bits = Integer(result, _bits, 1),
                Symmetric = Switch(result, _symmetric),
                TensorParallel = Integer(result, _tensorParallel, 1),
            },
            System.Console.Out.WriteLine);
        return Task.FromResult(ExitCode.Success);
    }
}
