using System.Runtime.InteropServices;
using LayerCake.Checkpoints;
using LayerCake.Testing;

namespace LayerCake.Quantization.Tests.Awq;

/// <summary>A golden model with some values changed, and statistics to go with it.</summary>
internal sealed class PatchedModel : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public PatchedModel(string golden, Action<Dictionary<string, Half[]>>? weights = null, Action<OrderedDictionary<string, Half[]>>? absMax = null)
    {
        using (var source = Goldens.Open(golden))
        {
            var values = source.Weights.Tensors.ToDictionary(tensor => tensor.Name, tensor => source.Weights.ReadHalves(tensor.Name));
            weights?.Invoke(values);
            var tensors = source.Weights.Tensors.Where(tensor => values.ContainsKey(tensor.Name)).ToArray();
            using var writer = SafetensorsWriter.Create(Path("model.safetensors"), tensors);
            foreach (var tensor in tensors)
            {
                writer.Write(tensor.Name, MemoryMarshal.AsBytes(values[tensor.Name].AsSpan()));
            }

            writer.Complete();
        }

        File.Copy(RepositoryFiles.Golden(golden, "model", "config.json"), Path("config.json"));
        AbsMax = StatisticsFiles.ReadInputAbsMax(Goldens.WorkDir(golden));
        absMax?.Invoke(AbsMax);
    }

    public OrderedDictionary<string, Half[]> AbsMax { get; }

    public string Folder => Directory.CreateDirectory(_folder.At("model")).FullName;

    public string Output => _folder.At("output");

    public string Path(string name) => System.IO.Path.Combine(Folder, name);

    public AwqResult Quantize(Func<AwqRequest, AwqRequest>? change = null, Action<AwqProgress>? progress = null, CancellationToken cancellation = default)
    {
        using var model = HuggingFaceFolder.Open(Folder);
        var request = new AwqRequest { Model = model, InputAbsMax = AbsMax, OutputFolder = Output };
        return AwqQuantizer.Run(change?.Invoke(request) ?? request, progress, cancellation);
    }

    public void Dispose() => _folder.Dispose();
}
