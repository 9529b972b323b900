using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using LayerCake.Checkpoints;

namespace LayerCake.Models.Tests;

/// <summary>A model made of headers alone.</summary>
internal static class TinyModels
{
    public static ModelConfiguration Configuration(int layers) => new()
    {
        Architecture = "LlamaForCausalLM",
        Source = "here",
        HiddenSize = 64,
        IntermediateSize = 96,
        LayerCount = layers,
        HeadCount = 4,
        KeyValueHeadCount = 2,
        VocabularySize = 10,
        RmsNormEpsilon = 1e-6,
        MaxPositionEmbeddings = 128,
        HasAttentionBias = false,
    };

    public static Headers Complete(ModelConfiguration configuration) =>
        new([.. ModelLayout.Tensors(configuration).Select(tensor => Tensor(tensor.Name, DType.F16, tensor.Shape))]);

    public static TensorInfo Tensor(string name, DType dtype, params ImmutableArray<long> shape) =>
        new(name, dtype, shape, shape.Aggregate(1L, (count, dimension) => count * dimension) * dtype.ByteSize());

    /// <summary>A source with nothing to read.</summary>
    public sealed class Headers(IReadOnlyList<TensorInfo> tensors) : ITensorSource
    {
        public string Path => "weights";

        public IReadOnlyList<TensorInfo> Tensors { get; } = tensors;

        public bool TryFind(string name, [NotNullWhen(true)] out TensorInfo? tensor) =>
            (tensor = Tensors.FirstOrDefault(candidate => candidate.Name == name)) is not null;

        public void Read(string name, long byteOffset, Span<byte> destination) => throw new InvalidOperationException("Nothing may be read.");

        public Headers Without(string name) => new([.. Tensors.Where(tensor => tensor.Name != name)]);

        public Headers With(TensorInfo tensor) => new([.. Tensors.Where(other => other.Name != tensor.Name), tensor]);

        public void Dispose()
        {
        }
    }
}
