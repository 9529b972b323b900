// Asks the command for the plan of a recipe, or of all variants of its matrix.
using System.Diagnostics;
using System.Text.Json;

public sealed record PlannedStep(string Variant, string Name, string Key, bool IsCached, string Reason, long Bytes, IReadOnlyList<string> DependsOn)
{
    /// <summary>Its Cake task: the step's name, after that of its variant where there are some.</summary>
    public string TaskName => TaskOf(Name);

    public string TaskOf(string step) => Variant is null ? step : $"{Variant}/{step}";
}

public sealed class RecipePlan
{
    /// <summary>Recipe and output folder of each variant; one where the recipe has no matrix.</summary>
    public IReadOnlyList<(string Recipe, string Output)> Outputs { get; init; }

    public IReadOnlyList<PlannedStep> Steps { get; init; }

    public bool HasVariants => Steps.Any(step => step.Variant is not null);

    public IReadOnlyList<string> TaskNames => Steps.Select(step => step.Name).Concat(Steps.Select(step => step.TaskName)).Distinct().ToList();
}

/// <summary>layercake plan, running.</summary>
public sealed class PlanQuestion
{
    private readonly Process _process;
    private readonly System.Threading.Tasks.Task<string> _output;
    private readonly System.Threading.Tasks.Task<string> _errors;

    private PlanQuestion(Process process)
    {
        _process = process;
        _output = process.StandardOutput.ReadToEndAsync();
        _errors = process.StandardError.ReadToEndAsync();
    }

    /// <summary>Asks for the plan; null where there is no command yet.</summary>
    public static PlanQuestion Ask(ICakeContext context, BuildArguments arguments)
    {
        if (!System.IO.File.Exists(LayerCakeCommand.Executable(context)))
        {
            return null;
        }

        var command = LayerCakeCommand.Arguments("plan", arguments);
        command.Add("--json");
        return new PlanQuestion(Process.Start(LayerCakeCommand.StartInfo(context, command, redirect: true)));
    }

    public RecipePlan Answer()
    {
        _process.WaitForExit();
        Console.Error.Write(_errors.Result);
        if (_process.ExitCode != 0)
        {
            throw new CakeException($"The recipe cannot be built (exit code {_process.ExitCode}); the reason is above.");
        }

        using var document = JsonDocument.Parse(_output.Result);
        var root = document.RootElement;
        var variants = root.TryGetProperty("variants", out var several) ? several.EnumerateArray().ToList() : new List<JsonElement> { root };
        return new RecipePlan
        {
            Outputs = variants.Select(variant => (variant.GetProperty("recipe").GetString(), variant.GetProperty("output").GetString())).ToList(),
            Steps = variants.SelectMany(variant => StepsOf(variant, several.ValueKind == JsonValueKind.Array)).ToList(),
        };
    }

    private static IEnumerable<PlannedStep> StepsOf(JsonElement variant, bool named) => variant.GetProperty("steps").EnumerateArray().Select(step => new PlannedStep(
        named ? variant.GetProperty("recipe").GetString() : null,
        step.GetProperty("name").GetString(),
        step.GetProperty("key").GetString(),
        step.GetProperty("outcome").GetString() == "cached",
        step.GetProperty("reason").GetString(),
        step.TryGetProperty("bytes", out var bytes) ? bytes.GetInt64() : 0,
        step.GetProperty("dependsOn").EnumerateArray().Select(name => name.GetString()).ToList()));
}
