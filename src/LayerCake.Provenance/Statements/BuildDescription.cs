using System.Text.Json;

namespace LayerCake.Provenance;

/// <summary>How a package was made. Holds nothing of the machine: no times, hosts, users, paths or environment values, since the same build gives the same bytes.</summary>
public sealed record BuildDescription
{
    public required string RecipeName { get; init; }

    /// <summary>Writes the effective recipe as one JSON object.</summary>
    public required Action<Utf8JsonWriter> WriteRecipe { get; init; }

    /// <summary>Versions of what took part, by name: <c>layercake</c>, <c>engine</c>, <c>numerics</c>.</summary>
    public required IReadOnlyDictionary<string, string> Versions { get; init; }

    /// <summary>The steps before packaging, each after those it depends on.</summary>
    public required IReadOnlyList<BuildStepDescription> Steps { get; init; }

    /// <summary>What was read from outside the build.</summary>
    public required IReadOnlyList<Material> Materials { get; init; }
}
