using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;
using LayerCake.Checkpoints;
using LayerCake.Models;
using LayerCake.Quantization;
using LayerCake.Testing;

namespace LayerCake.Reconstruction.Tests;

/// <summary>Models whose activations leave second moments that are singular, and weights that are no numbers.</summary>
public sealed class BadInputTests
{
    private const string Norm = "model.layers.0.input_layernorm.weight";
    private const string Embedding = "model.embed_tokens.weight";

    private TemporaryFolder _folder = null!;
    private ModelConfiguration _configuration = null!;

    private string File => _folder.At("model", "model.safetensors");

    [SetUp]
    public void Lay()
    {
        _folder = new TemporaryFolder();
        Directory.CreateDirectory(_folder.At("model"));
        foreach (var file in Directory.EnumerateFiles(RepositoryFiles.Golden("internlm", "model")))
        {
            System.IO.File.Copy(file, _folder.At("model", Path.GetFileName(file)));
        }

        using var model = HuggingFaceFolder.Open(_folder.At("model"));
        _configuration = ModelConfiguration.Read(model);
    }

    [TearDown]
    public void Remove() => _folder.Dispose();

    [Test]
    public void Dead_channels_give_numbers([Values(ReconstructionMethod.Awq, ReconstructionMethod.Gptq)] ReconstructionMethod method)
    {
        Change(Norm, weight =>
        {
            for (var channel = 0; channel < weight.Length; channel += 3)
            {
                weight[channel] = default;
            }
        });

        AssertNumbers(method);
    }

    /// <summary>Of two channels that always carry the same, no solution says which one to round how.</summary>
    [Test]
    public void Channels_that_carry_the_same_give_numbers([Values(ReconstructionMethod.Awq, ReconstructionMethod.Gptq)] ReconstructionMethod method)
    {
        var hidden = _configuration.HiddenSize;
        Change(Embedding, values =>
        {
            for (var row = 0; row < values.Length; row += hidden)
            {
                values.AsSpan(row, hidden / 2).CopyTo(values.AsSpan(row + (hidden / 2)));
            }
        });
        Change(Norm, weight => weight.AsSpan(0, hidden / 2).CopyTo(weight.AsSpan(hidden / 2)));

        AssertNumbers(method);
    }

    [Test]
    public void Fewer_tokens_than_channels_give_numbers() => AssertNumbers(ReconstructionMethod.Gptq, samples: 1, tokens: 5);

    [Test]
    public void A_weight_that_is_no_number_is_refused_by_name_before_anything_is_written([Values] ReconstructionMethod method)
    {
        Change("model.layers.1.mlp.up_proj.weight", weight => weight[77] = Half.NaN);

        Assert.That(() => Run(method, 2, 16), Throws.TypeOf<QuantizationException>().With.Message.Contains("model.layers.1.mlp.up_proj.weight"));
        Assert.That(Directory.Exists(_folder.At("out")) && Directory.EnumerateFileSystemEntries(_folder.At("out")).Any(), Is.False);
    }

    private void AssertNumbers(ReconstructionMethod method, int samples = 3, int tokens = 40)
    {
        var result = Run(method, samples, tokens);

        using var written = HuggingFaceFolder.Open(_folder.At("out"));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(result.Linears.Select(linear => linear.RelativeError), Has.All.InRange(0, 0.2));
            Assert.That(result.Sensitivities.Select(line => line.RelativeError), Has.All.InRange(0, 0.5));
            foreach (var tensor in written.Weights.Tensors.Where(tensor => tensor.DType == DType.F16))
            {
                Assert.That(Values(written.Weights, tensor), Has.All.Matches<Half>(Half.IsFinite), tensor.Name);
            }
        }
    }

    private AwqResult Run(ReconstructionMethod method, int samples, int tokens)
    {
        using var model = HuggingFaceFolder.Open(_folder.At("model"));
        var random = new Random(5);
        return Reconstructor.Run(new ReconstructionRequest
        {
            Model = model,
            Method = method,
            Samples = [.. Enumerable.Range(0, samples).Select(_ => Enumerable.Range(0, tokens).Select(_ => random.Next(_configuration.VocabularySize)).ToArray())],
            OutputFolder = _folder.At("out"),
        });
    }

    private static Half[] Values(ITensorSource source, TensorInfo tensor)
    {
        var values = new Half[tensor.ElementCount];
        source.Read(tensor.Name, 0, MemoryMarshal.AsBytes(values.AsSpan()));
        return values;
    }

    /// <summary>Writes other values into the file, whose layout stays.</summary>
    private void Change(string name, Action<Half[]> change)
    {
        var bytes = System.IO.File.ReadAllBytes(File);
        var header = (int)BinaryPrimitives.ReadInt64LittleEndian(bytes);
        using var json = JsonDocument.Parse(bytes.AsMemory(8, header));
        var offsets = json.RootElement.GetProperty(name).GetProperty("data_offsets");
        var tensor = bytes.AsSpan((8 + header + offsets[0].GetInt32())..(8 + header + offsets[1].GetInt32()));
        var values = MemoryMarshal.Cast<byte, Half>(tensor).ToArray();
        change(values);
        MemoryMarshal.AsBytes(values.AsSpan()).CopyTo(tensor);
        System.IO.File.WriteAllBytes(File, bytes);
    }
}
