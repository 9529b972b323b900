using System.Reflection;
using System.Text.Json;

namespace LayerCake.Recipes.Tests;

/// <summary>Goes through every property of every step's options: a forgotten one fails here.</summary>
internal sealed class OptionsKeyTests
{
    private static readonly CalibrateOptions s_calibrate = new() { Dataset = new CalibrationFile("a.txt", IsJsonLines: false) };

    private static readonly EvaluateOptions s_evaluate = new()
    {
        Dataset = new CalibrationFile("a.txt", IsJsonLines: false), MaxPerplexityIncrease = new Percentage(25), MaxKl = 0.5,
    };

    private static IEnumerable<TestCaseData> Properties() =>
        from section in RecipeSchema.Steps
        from property in section.OptionsType!.GetProperties(BindingFlags.Public | BindingFlags.Instance)
        where property.CanWrite
        select new TestCaseData(section, property).SetArgDisplayNames(section.Name, property.Name);

    /// <summary>A choice of one thing alone has no other value.</summary>
    private static IEnumerable<TestCaseData> Changeable() => Properties().Where(data => !(((PropertyInfo)data.Arguments[1]!).PropertyType is { IsEnum: true } type && Enum.GetValues(type).Length == 1));

    [TestCaseSource(nameof(Changeable))]
    public void Changing_an_option_changes_the_key_under_its_name_in_the_recipe(RecipeSection section, PropertyInfo property)
    {
        var options = Default(section.OptionsType!);
        var before = Lines(options);

        property.SetValue(options, Other(property.GetValue(options)!));

        var after = Lines(options);
        var changed = before.Except(after).Select(line => line.Split(" = ")[0]).ToList();
        Assert.That(changed, Is.EqualTo(new[] { JsonNamingPolicy.SnakeCaseLower.ConvertName(property.Name) }));
    }

    [TestCaseSource(nameof(Properties))]
    public void Every_option_is_a_key_of_the_recipe(RecipeSection section, PropertyInfo property) =>
        Assert.That(section.Fields.Select(field => field.Name), Does.Contain(JsonNamingPolicy.SnakeCaseLower.ConvertName(property.Name)));

    [Test]
    public void Every_key_of_a_section_is_an_option()
    {
        foreach (var section in RecipeSchema.Sections)
        {
            var names = section.OptionsType!.GetProperties().Select(property => JsonNamingPolicy.SnakeCaseLower.ConvertName(property.Name));
            Assert.That(section.Fields.Select(field => field.Name), Is.EquivalentTo(names), section.Name);
        }
    }

    [Test]
    public void Every_step_of_the_schema_is_a_step_of_the_recipe() =>
        Assert.That(
            RecipeSchema.Steps.Select(section => section.OptionsType),
            Is.EquivalentTo(typeof(Recipe).GetProperties().Select(property => property.PropertyType).Where(type => type.IsAssignableTo(typeof(IStepOptions)))));

    [Test]
    public void What_does_not_change_bytes_has_no_way_into_a_key()
    {
        var slow = Recipes.Parse(Recipes.Full, "execution={ device: cpu, memory_budget: 1 GiB }");

        Assert.That(typeof(ExecutionOptions).GetMethod("AddTo"), Is.Null);
        Assert.That(KeyText.Of(slow.AddTo), Is.EqualTo(KeyText.Of(Recipes.Parse(Recipes.Full).AddTo)));
    }

    [Test]
    public void Where_files_lie_is_no_part_of_a_key()
    {
        var elsewhere = RecipeReader.Parse(
            Recipes.Full, "/other/name.yaml", "/other", ["calibrate.dataset=/data/x.txt", "model.source=/models/y"]);

        Assert.That(KeyText.Of(elsewhere.AddTo), Is.EqualTo(KeyText.Of(Recipes.Parse(Recipes.Full).AddTo)));
    }

    [Test]
    public void The_effective_recipe_is_written_whole() =>
        Assert.That(KeyText.Of(Recipes.Parse(Recipes.Full).AddTo), Is.EqualTo("""
            name = demo (text)
            engine = lmdeploy 0.1.0 (text)
            model.name = internlm-chat-7b (text)
            calibrate.dataset = txt (text)
            calibrate.samples = 64 (number)
            calibrate.sequence_length = 512 (number)
            calibrate.seed = 0 (number)
            kv_qparams.cache = int8 (text)
            kv_qparams.symmetric = false (truth)
            auto_awq.bits = 4 (number)
            auto_awq.group_size = 128 (number)
            auto_awq.method = gptq (text)
            auto_awq.effort = fast (text)
            auto_awq.keep = lm_head (text)
            auto_awq.format = safetensors (text)
            convert.tensor_parallel = 1 (number)
            convert.weight_type = auto (text)
            package.launch_files = true (truth)
            package.archive = none (text)

            """));

    private static HashSet<string> Lines(IStepOptions options) => [.. KeyText.Of(options.AddTo).Split('\n')];

    private static IStepOptions Default(Type type) =>
        type == typeof(CalibrateOptions) ? s_calibrate with { }
        : type == typeof(EvaluateOptions) ? s_evaluate with { }
        : (IStepOptions)Activator.CreateInstance(type)!;

    /// <summary>Another value of the same type; a type that is not known here fails, and is added with the option that brings it.</summary>
    private static object Other(object value) => value switch
    {
        bool flag => !flag,
        int number => number + 1,
        uint number => number + 1,
        double number => number + 1,
        Percentage share => new Percentage(share.Percent + 1),
        BitWidth bits => new BitWidth(bits.Value + 1),
        KeepRules => Recipes.Parse(Recipes.Full, "auto_awq.keep=layers.0.*").AutoAwq!.Keep,
        GroupSize size => new GroupSize(size.Value * 2),
        TensorParallel parallel => new TensorParallel(parallel.Degree * 2),
        CalibrationSource => new CalibrationFile("a.jsonl", IsJsonLines: true),
        Enum choice => Enum.GetValues(choice.GetType()).Cast<object>().First(other => !other.Equals(choice)),
        _ => throw new NotSupportedException($"Say here how a {value.GetType()} is changed."),
    };
}
