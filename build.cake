// Turns the steps of a recipe into Cake tasks. The work is done by the layercake command, one process a step.
//
//   dotnet cake --recipe internlm-tiny-w4kv8.yaml [--target STEP] [--variant NAME] [--set KEY=VALUE]... [--force] [--jobs N] [--keep-going]
//               [--locked] [--stub] [--cache LOCATION] [--cache-mode MODE] [--sign-key FILE] [--dryrun] [--tree]
//
#load "build/arguments.cake"
#load "build/command.cake"
#load "build/plan.cake"
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
    var processes = new StepProcesses(Context, arguments, plan);
    foreach (var step in plan.Steps)
    {
        var task = Task(step.TaskName).Does(() => processes.Finish(step));
        foreach (var dependency in step.DependsOn)
        {
            task.IsDependentOn(step.TaskOf(dependency));
        }
    }

    // With variants, a step's own name stands for that step of all of them.
    if (plan.HasVariants)
    {
        foreach (var group in plan.Steps.GroupBy(step => step.Name))
        {
            var task = Task(group.Key);
            foreach (var step in group)
            {
                task.IsDependentOn(step.TaskName);
            }
        }
    }

    arguments.CheckTarget(plan.TaskNames);
    processes.Choose(arguments.Target ?? plan.Steps[^1].Name);
    RunTarget(arguments.Target ?? plan.Steps[^1].Name);
    if (!arguments.LookOnly)
    {
        processes.Conclude();
    }
}
