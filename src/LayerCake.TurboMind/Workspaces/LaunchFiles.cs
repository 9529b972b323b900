using System.Globalization;
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
    public static void Write(string workspace, int tensorParallel, int quantPolicy)
    {
        string[] arguments =
        [
            "lmdeploy", "serve", "api_server", ".",
            "--tp", tensorParallel.ToString(CultureInfo.InvariantCulture),
            "--quant-policy", quantPolicy.ToString(CultureInfo.InvariantCulture),
        ];
        OutputFile.WriteText(Path.Combine(workspace, ScriptName), Script(arguments), executable: true);
        OutputFile.WriteText(Path.Combine(workspace, JsonName), Json(arguments, tensorParallel, quantPolicy));
    }

    private static string Script(string[] arguments) =>
        $"""
        #!/bin/sh
        # Serves this workspace over HTTP. The KV cache policy is named here because this release of LMDeploy
        # overwrites the one in config.ini. Further arguments are passed on, for example --server-port 23333.
        set -eu
        cd "$(dirname "$0")"
        exec {string.Join(' ', arguments)} "$@"

        """.ReplaceLineEndings("\n");

    private static string Json(string[] arguments, int tensorParallel, int quantPolicy)
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
