using LayerCake.Recipes;

namespace LayerCake.Building.TestHost;

/// <summary>A step made of a function, for tests.</summary>
public sealed class SmallStep : IBuildStep
{
    public required string Name { get; init; }

    public int Version { get; init; } = 1;

    public IReadOnlyList<string> DependsOn { get; init; } = [];

    public IReadOnlyList<StepInput> Inputs { get; init; } = [];

    public Action<IKeyWriter> Options { get; init; } = _ => { };

    public Action<IKeyWriter> Surroundings { get; init; } = _ => { };

    public required Func<StepContext, CancellationToken, Task> Action { get; init; }

    public void AddTo(IKeyWriter key) => key.AddNested(Name, Options);

    public void AddEnvironmentTo(IKeyWriter key) => Surroundings(key);

    public Task RunAsync(StepContext context, CancellationToken token) => Action(context, token);
}
