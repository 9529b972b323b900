using System.Text;
using System.Text.Json;

namespace LayerCake.TurboMind;

/// <summary>
/// serve.sh and launch.json: the launch command for releases that overwrite config.ini's quant_policy unless it is given again
/// (LMDeploy 0.2.0 to 0.3.0). Earlier releases read the file and need neither.
/// </summary>
public static class LaunchFiles
{
    public const string ScriptName = "serve.sh";

    public const string JsonName = "launch.json";

    /// <summary>Writes both into the workspace.</summary>
    /// <param name="workspace">The workspace.</param>
    /// <param name="command">The engine's command with its arguments, in which the workspace is <c>.</c>; plain words, nothing to quote.</param>
    /// <param name="tensorParallel">Ranks, for launch.json.</param>
    /// <param name="quantPolicy">The policy, for launch.json.</param>
    public static void Write(string workspace, IReadOnlyList<string> command, int tensorParallel, int quantPolicy)
    {
        OutputFile.WriteText(Path.Combine(workspace, ScriptName), Script(command), executable: true);
        OutputFile.WriteText(Path.Combine(workspace, JsonName), Json(command, tensorParallel, quantPolicy));
    }

    private static string Script(IReadOnlyList<string> arguments) =>
        $"""
        #!/bin/sh
        # Serves this workspace over HTTP. The KV cache policy is named here because this release of LMDeploy
        # overwrites the one in config.ini. Further arguments are passed on, for example --server-port 8000.
        set -eu
        cd "$(dirname "$0")"
        exec {string.Join(' ', arguments)} "$@"

        """.ReplaceLineEndings("\n");

    private static string Json(IReadOnlyList<string> arguments, int tensorParallel, int quantPolicy)
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true, NewLine = "\n" }))
        {
            writer.WriteStartObject();
            writer.WriteString("working_directory", "the workspace");
            writer.WriteStartArray("command");
            foreach (var argument in arguments)
            {
                writer.WriteStringValue(argument);
            }

            writer.WriteEndArray();
            writer.WriteNumber("tensor_parallel", tensorParallel);
            writer.WriteNumber("quant_policy", quantPolicy);
            writer.WriteEndObject();
        }

        return Encoding.UTF8.GetString(stream.ToArray()) + "\n";
    }
}
