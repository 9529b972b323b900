// Turns the steps of a recipe into Cake tasks. The work is done by the layercake command, one process a step.
//
//   dotnet cake --recipe internlm-tiny-w4kv8.yaml [--target STEP] [--set KEY=VALUE]... [--force] [--dryrun] [--tree]
//
#load "build/arguments.cake"
#load "build/command.cake"
#load "build/steps.cake"

var arguments = BuildArguments.Read(Context);

// Asked at once, while the sources are compared with those the command was built from; asked again if it has to be built.
var early = PlanQuestion.Ask(Context, arguments);
var plan = LayerCakeCommand.Prepare(Context, arguments) switch
{
    CommandState.Current => early.Answer(),
    CommandState.Built => PlanQuestion.Ask(Context, arguments).Answer(),
    _ => null,
};

if (plan is not null)
{
    foreach (var step in plan.Steps)
    {
        var task = Task(step.Name).Does(() => BuildSteps.Run(Context, arguments, plan, step));
        foreach (var dependency in step.DependsOn)
        {
            task.IsDependentOn(dependency);
        }
    }

    arguments.CheckTarget(plan.Steps.Select(step => step.Name).ToList());
    RunTarget(arguments.Target ?? plan.Steps[^1].Name);
    if (!arguments.LookOnly)
    {
        BuildSteps.Summarize(plan);
    }
}
