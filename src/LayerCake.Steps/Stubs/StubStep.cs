using LayerCake.Building;
using LayerCake.Recipes;

namespace LayerCake.Steps;

/// <summary>A step of a stub run: the same code on made-up weights. Its key says so, so that nothing it makes is ever taken for a real result.</summary>
internal sealed class StubStep(IBuildStep step) : IBuildStep
{
    /// <summary>The field of the key.</summary>
    public const string Field = "stub";

    public string Name => step.Name;

    public int Version => step.Version;

    public IReadOnlyList<string> DependsOn => step.DependsOn;

    public IReadOnlyList<StepInput> Inputs => step.Inputs;

    public StepDemand Demand => step.Demand;

    public void AddTo(IKeyWriter key) => step.AddTo(key);

    public void AddEnvironmentTo(IKeyWriter key)
    {
        step.AddEnvironmentTo(key);
        key.Add(Field, true);
    }

    public Task RunAsync(StepContext context, CancellationToken token) => step.RunAsync(context, token);
}
