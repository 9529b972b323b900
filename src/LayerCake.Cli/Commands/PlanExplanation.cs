using LayerCake.Building;

namespace LayerCake.Cli.Commands;

/// <summary><c>layercake plan --explain</c>: for each step every field of its key that differs from the step's last build, with both values.</summary>
internal static class PlanExplanation
{
    public static void Print(PlanView view, TextWriter output)
    {
        output.WriteLine($"{view.Recipe} -> {view.Output}");
        foreach (var step in view.Steps)
        {
            output.WriteLine();
            output.WriteLine($"{step.Planned.Name} {step.Planned.Key.Short}: {step.Word}, {step.Reason}");
            PrintFields(step.Planned, output);
        }
    }

    private static void PrintFields(PlannedStep step, TextWriter output)
    {
        var fields = KeyDocument.Diff(KeyDocument.Of(static _ => { }), step.Fields).Count;
        if (step.Changes.Count == 0)
        {
            output.WriteLine(step.Record is null ? $"  its key has {fields} fields; there is no earlier build to compare them with" : $"  all {fields} fields of its key are those of the stored result");
            return;
        }

        var width = step.Changes.Max(change => change.Field.Length);
        foreach (var change in step.Changes)
        {
            output.WriteLine($"  {change.Field.PadRight(width)}  {change.Old ?? "(none)"} → {change.New ?? "(none)"}");
        }

        var equal = fields - step.Changes.Count(change => change.New is not null);
        output.WriteLine($"  {equal} of {fields} fields are as in its last build{(step.Baseline is { } cache ? $", noted in {cache}" : "")}");
    }
}
