using System.CommandLine;
using LayerCake.Building;

namespace LayerCake.Cli.Commands;

/// <summary><c>layercake lock</c>: writes the record of everything that goes into a recipe and comes out, for <c>--locked</c>.</summary>
internal static class LockCommand
{
    public static Command Create()
    {
        var arguments = new RecipeArguments();
        var inputsOnly = new Option<bool>("--inputs-only") { Description = "Leaves the outputs of the steps out." };
        var command = new Command("lock", "Writes the recipe's lock record: the digests of every input, every step's key, and the outputs that are in the store.");
        arguments.AddTo(command, force: false, building: false);
        command.Options.Add(inputsOnly);
        command.SetAction((result, cancellationToken) =>
        {
            using var session = arguments.Open(result, readOnly: false, sign: false);
            var subjects = session.Builds.Zip(session.Plan(cancellationToken), static (build, plan) => new LockSubject(build.Recipe, plan)).ToList();
            session.Store.Stats.Save();
            Write(LockRecord.PathOf(session.File), subjects, result.GetValue(inputsOnly), System.Console.Out);
            return Task.FromResult((int)ExitCode.Success);
        });
        return command;
    }

    private static void Write(string path, IReadOnlyList<LockSubject> subjects, bool inputsOnly, TextWriter output)
    {
        var previous = Previous(path, output);
        var record = LockRecord.Of(subjects, inputsOnly, previous);
        var written = record.Write(path);
        output.WriteLine($"{path}: {(written ? "written" : "as it was")}, {Count(record.Steps.Count, "step")}, {Count(record.Inputs.Count, "input")}");
        if (previous is not null)
        {
            foreach (var difference in previous.Compare(subjects))
            {
                output.WriteLine($"  {difference}");
            }

            foreach (var step in record.Steps)
            {
                if (step.Output is not null && previous.OutputOf(step.Key) is { } before && before.Digest != step.Output.Digest)
                {
                    output.WriteLine($"  step {step.Name}: another output than recorded before");
                }
            }
        }

        if (!inputsOnly && record.WithoutOutput is { Count: > 0 } missing)
        {
            output.WriteLine($"No result is in the store of {string.Join(", ", missing)}: only their inputs are recorded. Build, then lock again.");
        }
    }

    private static LockRecord? Previous(string path, TextWriter output)
    {
        try
        {
            return File.Exists(path) ? LockRecord.Read(path) : null;
        }
        catch (LockException exception)
        {
            output.WriteLine(exception.Message);
            return null;
        }
    }

    private static string Count(int count, string what) => $"{count} {what}{(count == 1 ? "" : "s")}";
}
