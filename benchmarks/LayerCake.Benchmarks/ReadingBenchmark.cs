using BenchmarkDotNet.Attributes;
using LayerCake.Checkpoints;
using Microsoft.Win32.SafeHandles;

namespace LayerCake.Benchmarks;

/// <summary>A 512 MiB safetensors file tensor by tensor, against the same bytes read plainly in the same pieces; both from the page cache.</summary>
public class ReadingBenchmark
{
    private const int TensorBytes = 32 << 20;
    private const int TensorCount = 16;

    private readonly byte[] _buffer = new byte[TensorBytes];
    private string _path = "";
    private SafetensorsFile _file = null!;
    private SafeFileHandle _handle = null!;
    private List<string> _names = [];

    [GlobalSetup]
    public void Write()
    {
        _path = Path.Combine(Path.GetTempPath(), $"layercake-benchmark-{Environment.ProcessId}.safetensors");
        _names = [.. Enumerable.Range(0, TensorCount).Select(index => $"t{index:00}")];
        new Random(1).NextBytes(_buffer);
        using (var writer = SafetensorsWriter.Create(_path, [.. _names.Select(name => TensorInfo.Of(name, DType.F16, TensorBytes / 2))], null))
        {
            _names.ForEach(name => writer.Write(name, _buffer));
            writer.Complete();
        }

        _file = SafetensorsFile.Open(_path);
        _handle = File.OpenHandle(_path);
    }

    [GlobalCleanup]
    public void Remove()
    {
        _file.Dispose();
        _handle.Dispose();
        File.Delete(_path);
    }

    [Benchmark(Baseline = true, Description = "plain read, 512 MiB")]
    public void Plain()
    {
        for (var i = 0L; i < TensorCount; i++)
        {
            RandomAccess.Read(_handle, _buffer, 512 + (i * TensorBytes));
        }
    }

    [Benchmark(Description = "safetensors, 512 MiB")]
    public void Safetensors()
    {
        foreach (var name in _names)
        {
            _file.Read(name, 0, _buffer);
        }
    }
}
