using System.Globalization;
using System.Reflection;
using System.Text;

namespace LayerCake.TurboMind;

/// <summary>Everything of a workspace that is not a weight: Triton's model repository, the tokenizer, the start script.</summary>
public static class WorkspaceTree
{
    private const string ResourcePrefix = "workspace/";
    private const string Script = "service_docker_up.sh";
    private const string Interactive = "triton_models/interactive/config.pbtxt";

    private static readonly string[] Placeholders = ["triton_models/interactive/1/placeholder", "triton_models/tokenizer/placeholder"];

    private static readonly (string Link, string Target)[] Links =
    [
        ("model_repository/turbomind", "../triton_models/interactive"),
        ("model_repository/preprocessing", "../triton_models/preprocessing"),
        ("model_repository/postprocessing", "../triton_models/postprocessing"),
        ("triton_models/interactive/1/weights", "../../weights"),
        ("triton_models/preprocessing/1/tokenizer", "../../tokenizer"),
        ("triton_models/postprocessing/1/tokenizer", "../../tokenizer"),
    ];

    /// <summary>Relative paths of the files (not links) that every workspace has beside weights and tokenizer.</summary>
    internal static IEnumerable<string> TemplatePaths => Templates().Select(template => template.Path).Concat(Placeholders).Order(StringComparer.Ordinal);

    internal static IEnumerable<(string Link, string Target)> SymbolicLinks => Links;

    /// <summary>Writes the tree into <paramref name="folder"/>, which exists; weights may be there already or come later.</summary>
    /// <exception cref="WorkspaceException">Something cannot be read or written.</exception>
    public static void Write(string folder, WorkspaceContent content)
    {
        OutputFile.CreateFolder(WorkspacePaths.Weights(folder));
        OutputFile.CreateFolder(WorkspacePaths.Tokenizer(folder));
        foreach (var source in content.SideFiles.Prepend(content.TokenizerPath))
        {
            Copy(source, Path.Combine(WorkspacePaths.Tokenizer(folder), Path.GetFileName(source)));
        }

        // Our tokenizer.py comes after the model's files: the Triton models import it.
        foreach (var (path, text) in Templates())
        {
            WriteTemplate(folder, path, Edited(path, text, content));
        }

        foreach (var path in Placeholders)
        {
            WriteTemplate(folder, path, "");
        }

        foreach (var (link, target) in Links)
        {
            Link(Path.Combine(folder, link), target);
        }
    }

    private static string Edited(string path, string text, WorkspaceContent content)
    {
        var ranks = content.TensorParallel.ToString(CultureInfo.InvariantCulture);
        return path switch
        {
            Script => text.Replace("TP=1\n", $"TP={ranks}\n", StringComparison.Ordinal),
            Interactive => text + Parameter("tensor_para_size", ranks) + Parameter("model_name", content.ModelName),
            _ => text,
        };
    }

    private static string Parameter(string key, string value) =>
        $"parameters {{\n  key: \"{key}\"\n  value: {{\n    string_value: \"{value}\"\n  }}\n}}\n";

    private static IEnumerable<(string Path, string Text)> Templates()
    {
        var assembly = Assembly.GetExecutingAssembly();
        foreach (var name in assembly.GetManifestResourceNames().Order(StringComparer.Ordinal))
        {
            if (name.StartsWith(ResourcePrefix, StringComparison.Ordinal))
            {
                using var stream = assembly.GetManifestResourceStream(name)!;
                using var reader = new StreamReader(stream, Encoding.UTF8);
                yield return (name[ResourcePrefix.Length..], reader.ReadToEnd().ReplaceLineEndings("\n"));
            }
        }
    }

    private static void WriteTemplate(string folder, string path, string text)
    {
        var full = Path.Combine(folder, path);
        OutputFile.CreateFolder(Path.GetDirectoryName(full)!);
        OutputFile.WriteText(full, text, executable: path == Script);
    }

    private static void Copy(string source, string destination)
    {
        try
        {
            File.Copy(source, destination, overwrite: true);
            if (!OperatingSystem.IsWindows())
            {
                // A read-only source (a hub cache, say) must not make a workspace that cannot be edited or removed.
                File.SetUnixFileMode(destination, File.GetUnixFileMode(destination) | UnixFileMode.UserRead | UnixFileMode.UserWrite);
            }
        }
        catch (FileNotFoundException fault)
        {
            throw new WorkspaceException($"{source} does not exist", fault);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new WorkspaceException($"{source} cannot be copied to {destination}: {fault.Message.TrimEnd('.')}. Free space there or choose another output folder", fault) { ConcernsOutput = true };
        }
    }

    private static void Link(string path, string target)
    {
        try
        {
            OutputFile.CreateFolder(Path.GetDirectoryName(path)!);
            if (new FileInfo(path).LinkTarget is not null)
            {
                File.Delete(path);
            }

            Directory.CreateSymbolicLink(path, target);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new WorkspaceException($"the link {path} -> {target} cannot be made: {fault.Message}. A workspace needs a file system with symbolic links", fault) { ConcernsOutput = true };
        }
    }
}
