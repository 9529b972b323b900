using System.Diagnostics.CodeAnalysis;

namespace LayerCake.Recipes;

/// <summary>Which release of LMDeploy reads what.</summary>
public static class EngineTable
{
    internal const string Product = "lmdeploy";

    private static readonly EngineRelease s_launchDecidesPolicy = new(0, 2, 0);
    private static readonly EngineRelease s_onlineKv = new(0, 4, 0);
    private static readonly EngineRelease s_yaml = new(0, 6, 0);
    private static readonly EngineRelease s_noWorkspace = new(0, 10, 0);

    /// <summary>The release that the file formats of this project describe.</summary>
    public static EngineContract Default { get; } = ContractOf(new EngineRelease(0, 1, 0));

    /// <summary>The releases that workspaces are written for, oldest first.</summary>
    public static IReadOnlyList<EngineContract> Built { get; } =
    [
        .. new EngineRelease[]
        {
            new(0, 0, 13), new(0, 0, 14), new(0, 1, 0), new(0, 2, 0), new(0, 2, 1), new(0, 2, 2), new(0, 2, 3), new(0, 2, 4), new(0, 2, 5),
            new(0, 2, 6), new(0, 3, 0),
        }.Select(ContractOf),
    ];

    /// <summary>Reads <c>lmdeploy 0.1.0</c>, releases that are known but not built for included (see <see cref="EngineContract.Refusal"/>).</summary>
    internal static bool TryParse(string text, [NotNullWhen(true)] out EngineContract? contract, out string problem)
    {
        contract = null;
        var space = text.IndexOf(' ');
        var product = space < 0 ? text : text[..space];
        if (product != Product)
        {
            problem = $"is '{Quoting.Clip(text)}'; it must be a release of lmdeploy, such as '{Default.Name}'"
                + (EngineRelease.TryParse(text, out _) || NearName.Of(product, [Product]) is not null
                    ? ""
                    : " (vLLM, SGLang and transformers load the AWQ folder of auto_awq as it is)");
            return false;
        }

        if (!EngineRelease.TryParse(space < 0 ? "" : text[(space + 1)..], out var release))
        {
            problem = $"is '{Quoting.Clip(text)}'; write the release with three numbers, such as '{Default.Name}'";
            return false;
        }

        if (release < s_onlineKv && !Built.Any(built => built.Release == release))
        {
            var nearest = Built.MinBy(built => built.Release.DistanceTo(release))!;
            problem = $"is '{Quoting.Clip(text)}', which is not a known release; the nearest is '{nearest.Name}'";
            return false;
        }

        contract = ContractOf(release);
        problem = "";
        return true;
    }

    private static EngineContract ContractOf(EngineRelease release)
    {
        var online = release >= s_onlineKv;
        var workspace = release >= s_noWorkspace ? WorkspaceConfiguration.None
            : release >= s_yaml ? WorkspaceConfiguration.Yaml
            : WorkspaceConfiguration.Ini;
        return new EngineContract(release)
        {
            ReadsKvScales = !online,
            Workspace = workspace,
            KeepsQuantPolicy = release < s_launchDecidesPolicy,
            Refusal = !online ? null : Refusal(workspace),
        };
    }

    private static string Refusal(WorkspaceConfiguration workspace)
    {
        var needs = workspace switch
        {
            WorkspaceConfiguration.Ini => "releases 0.4.0 to 0.5.3 quantize the KV cache while they run, and workspaces for them are not checked yet",
            WorkspaceConfiguration.Yaml => "releases 0.6.0 to 0.9.2 read a workspace with config.yaml, which is not written yet",
            _ => "releases from 0.10.0 on load no workspace; give them the AWQ folder of auto_awq",
        };
        return $"{needs}. Workspaces are written for lmdeploy 0.0.13 to 0.3.0: write 'lmdeploy 0.3.0', the nearest";
    }
}
