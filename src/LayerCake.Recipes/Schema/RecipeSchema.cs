namespace LayerCake.Recipes;

/// <summary>All that can stand in a recipe.</summary>
public static class RecipeSchema
{
    /// <summary>The keys of the top level that hold a scalar.</summary>
    public static RecipeSection Top { get; } = new("", "A model and what is made of it.", null, [TopFields.Name, TopFields.Engine]) { IsRequired = true };

    public static RecipeSection Model { get; } = new(
        "model", "The checkpoint that is built.", typeof(ModelOptions), [ModelFields.Name, ModelFields.Source]) { IsRequired = true };

    public static RecipeSection Calibrate { get; } = new(
        "calibrate",
        "Runs the model over sample text and records what its layers see. Needed by kv_qparams and auto_awq.",
        typeof(CalibrateOptions),
        [CalibrateFields.Dataset, CalibrateFields.Samples, CalibrateFields.SequenceLength, CalibrateFields.Seed]);

    public static RecipeSection KvQparams { get; } = new(
        "kv_qparams",
        "Finds scales and zero points for a quantized KV cache. Without it the cache stays 16-bit.",
        typeof(KvQparamsOptions),
        [KvQparamsFields.Cache, KvQparamsFields.Symmetric]);

    public static RecipeSection AutoAwq { get; } = new(
        "auto_awq",
        "Makes the weights of the layers 4-bit integers (an AWQ checkpoint). Without it weights stay 16-bit.",
        typeof(AutoAwqOptions),
        [AutoAwqFields.Bits, AutoAwqFields.GroupSize, AutoAwqFields.Method, AutoAwqFields.Effort, AutoAwqFields.Keep, AutoAwqFields.Format]);

    public static RecipeSection Convert { get; } = new(
        "convert",
        "Lays the weights out for TurboMind. Always a step; left out, it has its defaults.",
        typeof(ConvertOptions),
        [ConvertFields.TensorParallel, ConvertFields.WeightType]);

    public static RecipeSection Evaluate { get; } = new(
        "evaluate",
        "Measures what the result lost against the source: perplexity, KL divergence, errors by layer. Can stop the build before anything is packaged.",
        typeof(EvaluateOptions),
        [EvaluateFields.Dataset, EvaluateFields.Window, EvaluateFields.Windows, EvaluateFields.Baseline, EvaluateFields.MaxPerplexityIncrease, EvaluateFields.MaxKl]);

    public static RecipeSection Package { get; } = new(
        "package",
        "Joins everything into the workspace. Always a step; left out, it has its defaults.",
        typeof(PackageOptions),
        [PackageFields.LaunchFiles, PackageFields.Archive]);

    public static RecipeSection Execution { get; } = new(
        "execution",
        "How the work is done. None of it is in a cache key; a step whose bytes depend on the device has the kind of device it used in its key.",
        typeof(ExecutionOptions),
        [ExecutionFields.Device, ExecutionFields.MemoryBudget, ExecutionFields.Timeout, ExecutionFields.Retries, ExecutionFields.Placement]);

    /// <summary>Every section but the top level, in the order in which a recipe is written.</summary>
    public static IReadOnlyList<RecipeSection> Sections { get; } = [Model, Calibrate, KvQparams, AutoAwq, Convert, Evaluate, Package, Execution];

    /// <summary>The sections that are steps, in the order in which they run.</summary>
    public static IReadOnlyList<RecipeSection> Steps { get; } = [.. Sections.Where(section => section.IsStep)];

    /// <summary>The key of the top level that names a recipe to take what this one does not say from.</summary>
    public const string ExtendsKey = "extends";

    /// <summary>The key of the top level that holds lists of values, of whose combinations each is a variant.</summary>
    public const string MatrixKey = "matrix";

    internal const string ExtendsDescription =
        "Another recipe, from which this one takes what it does not say itself; a relative path counts from this file. null removes a value or section of it.";

    internal const string MatrixDescription =
        "Lists of values by key, such as convert.tensor_parallel: [1, 2]. Each combination is a variant, with a name and a folder of its own.";

    /// <summary>Every key that holds a value, in the order in which a recipe is written.</summary>
    internal static IEnumerable<RecipeField> Fields => Sections.Prepend(Top).SelectMany(section => section.Fields);

    /// <summary>The field that <c>--set</c> and a matrix call <paramref name="path"/>.</summary>
    internal static RecipeField? FindField(string path) => Fields.FirstOrDefault(field => field.Path == path);

    internal static RecipeSection? Find(string name) => Sections.FirstOrDefault(section => section.Name == name);
}
