using BenchmarkDotNet.Running;
using LayerCake.Benchmarks;
using LayerCake.Benchmarks.Decoding;
using LayerCake.Benchmarks.Kernels;
using LayerCake.Benchmarks.Quantization;
using LayerCake.Reconstruction;

// make-checkpoint FOLDER GIGABYTES writes a synthetic Llama checkpoint with statistics for whole-command measurements;
// anything else is BenchmarkDotNet's command line (--filter '*').
if (args is ["make-checkpoint", var folder, var gigabytes])
{
    SyntheticCheckpoint.Write(folder, double.Parse(gigabytes, System.Globalization.CultureInfo.InvariantCulture));
    return;
}

// put|get|check LOCATION FILE: one transfer from or to a remote cache, for remote.sh.
if (args is ["put" or "get" or "check", var location, var file])
{
    await Transfer.RunAsync(args[0], location, file);
    return;
}

// fill|hit LOCATION FOLDER FILES MEGABYTES: a result into or out of a remote cache, for cache.sh.
if (args is ["fill" or "hit", var shared, var store, var files, var megabytes])
{
    var culture = System.Globalization.CultureInfo.InvariantCulture;
    await RemoteHit.RunAsync(args[0], shared, store, int.Parse(files, culture), int.Parse(megabytes, culture));
    return;
}

// products ROWS ROUNDS THREADS: matrix products of packed weights beside libtorch's, as a table.
if (args is ["products", var rows, var rounds, var threads])
{
    var culture = System.Globalization.CultureInfo.InvariantCulture;
    ProductTable.Print(int.Parse(rows, culture), int.Parse(rounds, culture), int.Parse(threads, culture));
    return;
}

// attention TOKENS ROUNDS THREADS: a decoding step's attention over caches of each type, as a table.
if (args is ["attention", var cached, var repeats, var cores])
{
    var culture = System.Globalization.CultureInfo.InvariantCulture;
    AttentionTable.Print(int.Parse(cached, culture), int.Parse(repeats, culture), int.Parse(cores, culture));
    return;
}

// make-decoding-models FOLDER LAYERS; decode WORKSPACE TOKENS THREADS: for llama/compare.sh.
if (args is ["make-decoding-models", var models, var layers])
{
    var shape = new DecodingShape(int.Parse(layers, System.Globalization.CultureInfo.InvariantCulture));
    RandomWorkspace.Write(Path.Combine(models, "workspace"), shape);
    RandomGguf.Write(Path.Combine(models, "model.gguf"), shape);
    return;
}

if (args is ["decode", var workspace, var tokens, var workers])
{
    var culture = System.Globalization.CultureInfo.InvariantCulture;
    await DecodingRun.RunAsync(workspace, int.Parse(tokens, culture), int.Parse(workers, culture));
    return;
}

// methods MODEL CALIBRATION_TEXT SAMPLES METHOD[:EFFORT],... TEXT...: perplexity by quantization method, for quantization.sh.
if (args is ["methods", var model, var calibration, var samples, var list, _, ..])
{
    var methods = list.Split(',').Select(entry => entry.Split(':')).Select(parts => (
        Enum.Parse<ReconstructionMethod>(parts[0], ignoreCase: true), parts.Length > 1 ? Enum.Parse<ReconstructionEffort>(parts[1], ignoreCase: true) : default));
    MethodTable.Print(model, calibration, int.Parse(samples, System.Globalization.CultureInfo.InvariantCulture), [.. methods], args[5..]);
    return;
}

BenchmarkSwitcher.FromAssembly(typeof(SyntheticCheckpoint).Assembly).Run(args);
