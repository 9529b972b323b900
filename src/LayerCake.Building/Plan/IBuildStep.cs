using LayerCake.Recipes;

namespace LayerCake.Building;

/// <summary>One step of a build: what decides its bytes, what it reads, and how it is run.</summary>
public interface IBuildStep
{
    /// <summary>In keys, messages and file names: <c>auto_awq</c>.</summary>
    string Name { get; }

    /// <summary>Raised whenever the code changes what the step writes.</summary>
    int Version { get; }

    /// <summary>The steps whose outputs it reads.</summary>
    IReadOnlyList<string> DependsOn { get; }

    /// <summary>What it reads from outside the build.</summary>
    IReadOnlyList<StepInput> Inputs { get; }

    /// <summary>
    /// Writes the part of the recipe that decides the bytes, each section as a group under its own name (<c>key.AddNested("auto_awq", Options.AddTo)</c>),
    /// so that an explanation says <c>auto_awq.group_size 128 → 64</c>.
    /// </summary>
    void AddTo(IKeyWriter key);

    /// <summary>Writes what else decides the bytes: the version of libtorch, the kind of device.</summary>
    void AddEnvironmentTo(IKeyWriter key)
    {
    }

    /// <summary>What it takes of the machine: two steps that need the same unit do not run at once.</summary>
    StepDemand Demand => new(MachineUnits.Processor);

    /// <summary>Writes the output into <see cref="StepContext.OutputFolder"/>. Everything of that folder, and nothing else, becomes the result.</summary>
    Task RunAsync(StepContext context, CancellationToken token);
}
