using System.Collections.Immutable;

namespace LayerCake.TurboMind;

/// <summary>A linear layer of the workspace: where it comes from, how its columns go together, how it is split among ranks.</summary>
/// <param name="Name">Name in the workspace, without rank and extension.</param>
/// <param name="Sources">Prefixes of the source tensors (without .weight, .qweight …), in the numbering of the plans.</param>
/// <param name="Inputs">K: input features of the whole matrix.</param>
/// <param name="Outputs">N: output features of the whole matrix.</param>
/// <param name="SplitsColumns">Column-parallel: each rank has its own plan. Otherwise row-parallel: one plan, ranks cut the inputs.</param>
/// <param name="Plans">One plan per rank, or the only one.</param>
internal sealed record Linear(
    string Name, ImmutableArray<string> Sources, int Inputs, int Outputs, bool SplitsColumns, ImmutableArray<ColumnPlan> Plans)
{
    public static Linear ByColumns(string name, ImmutableArray<string> sources, int inputs, int ranks, Func<int, ColumnPlan> plan)
    {
        ImmutableArray<ColumnPlan> plans = [.. Enumerable.Range(0, ranks).Select(plan)];
        return new Linear(name, sources, inputs, plans.Sum(rank => rank.ColumnCount), SplitsColumns: true, plans);
    }

    public static Linear ByRows(string name, string source, int inputs, int outputs) =>
        new(name, [source], inputs, outputs, SplitsColumns: false, [ColumnPlan.Whole(outputs)]);
}
