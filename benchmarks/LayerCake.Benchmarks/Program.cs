using BenchmarkDotNet.Running;
using LayerCake.Benchmarks;

// make-checkpoint FOLDER GIGABYTES writes a synthetic Llama checkpoint with statistics for whole-command measurements;
// anything else is BenchmarkDotNet's command line (--filter '*').
if (args is ["make-checkpoint", var folder, var gigabytes])
{
    SyntheticCheckpoint.Write(folder, double.Parse(gigabytes, System.Globalization.CultureInfo.InvariantCulture));
    return;
}

BenchmarkSwitcher.FromAssembly(typeof(SyntheticCheckpoint).Assembly).Run(args);
