using LayerCake.Building;

namespace LayerCake.Reporting.Tests;

/// <summary>Build records as the package step writes them.</summary>
internal static class Record
{
    /// <summary>A recipe with all steps.</summary>
    /// <param name="folder">Gets build.json; its other files become the record's outputs.</param>
    /// <param name="samples">calibrate.samples.</param>
    /// <param name="model">What the model's digest is made of.</param>
    /// <param name="salt">Makes outputs differ though keys do not.</param>
    public static void Write(string folder, int samples = 64, string model = "model", string salt = "")
    {
        var calibrate = Step("calibrate", [], $"{samples} {model}", [("model", model), ("dataset", "text")], salt);
        var kv = Step("kv_qparams", [calibrate], "", [], salt);
        var awq = Step("auto_awq", [calibrate], "", [("model", model)], salt);
        var convert = Step("convert", [awq], "", [], salt);
        var record = new BuildRecord
        {
            RecipeName = "demo",
            Recipe = KeyDocument.Of(key =>
            {
                key.Add("name", "demo");
                key.AddNested("calibrate", group =>
                {
                    group.Add("samples", samples);
                    group.Add("seed", 0);
                });
                key.AddNested("auto_awq", group => group.Add("group_size", 128));
            }),
            Versions = new Dictionary<string, string> { ["layercake"] = "1.0.0", ["numerics"] = "cpu" },
            Steps = [calibrate, kv, awq, convert],
            Outputs = BuildRecord.OutputsOf(folder, new Dictionary<RelativePath, Digest>(), CancellationToken.None),
        };
        File.WriteAllBytes(Path.Combine(folder, "build.json"), record.ToJson());
    }

    private static BuiltStep Step(string name, IReadOnlyList<BuiltStep> after, string own, (string Name, string Content)[] inputs, string salt)
    {
        var identity = $"{name} {own} {string.Join(' ', inputs)} {string.Join(' ', after.Select(step => step.Key))}";
        return new BuiltStep
        {
            Name = name,
            Version = 1,
            Key = new StepKey(Digest.Of(identity)),
            Tree = Digest.Of($"output of {identity} {salt}"),
            After = [.. after.Select(step => step.Name)],
            Inputs = [.. inputs.Select(input => KeyValuePair.Create(input.Name, Digest.Of(input.Content))).OrderBy(input => input.Key, StringComparer.Ordinal)],
        };
    }
}
