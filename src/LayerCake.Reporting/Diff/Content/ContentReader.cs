using LayerCake.Checkpoints;
using LayerCake.TurboMind;

namespace LayerCake.Reporting;

/// <summary>Opens what can be compared: a workspace, a checkpoint folder, a folder of files, one checkpoint file.</summary>
internal static class ContentReader
{
    // A package has some dozens of files beside its weights, and a weight file for each tensor.
    private const int MostFiles = 1_000_000;

    /// <exception cref="ReportingException">There is nothing of that name, or too much.</exception>
    /// <exception cref="CheckpointException">It is a checkpoint, but a damaged one.</exception>
    /// <exception cref="WorkspaceException">It is a workspace whose config.ini cannot be read.</exception>
    public static HeldContent Open(string path)
    {
        var full = System.IO.Path.GetFullPath(path);
        if (!Directory.Exists(full) && !File.Exists(full))
        {
            throw new ReportingException($"{path} does not exist; name a package, a workspace, a checkpoint folder or a checkpoint file");
        }

        var held = new HeldContent { Path = path, Kind = KindOf(full) };
        try
        {
            var taken = new HashSet<string>(StringComparer.Ordinal);
            switch (held.Kind)
            {
                case HeldKind.Workspace:
                    WorkspaceContentReader.Read(full, held, taken);
                    break;
                case HeldKind.Checkpoint:
                    CheckpointContentReader.ReadFolder(full, held, taken);
                    break;
                default:
                    CheckpointContentReader.ReadFiles(full, held, taken);
                    break;
            }

            AddFiles(full, held, taken);
            return held;
        }
        catch (Exception exception) when (exception is UnauthorizedAccessException or IOException)
        {
            held.Dispose();
            throw new ReportingException($"{path} cannot be read: {exception.Message.TrimEnd('.')}", exception);
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }

    private static HeldKind KindOf(string path) =>
        WorkspacePaths.IsWorkspace(path) || File.Exists(System.IO.Path.Combine(path, EngineConfigurationFile.FileName)) ? HeldKind.Workspace
        : File.Exists(System.IO.Path.Combine(path, "config.json")) ? HeldKind.Checkpoint
        : HeldKind.Files;

    private static void AddFiles(string root, HeldContent held, HashSet<string> taken)
    {
        if (!Directory.Exists(root))
        {
            return;
        }

        var folders = new Stack<DirectoryInfo>([new DirectoryInfo(root)]);
        while (folders.TryPop(out var folder))
        {
            foreach (var entry in folder.EnumerateFileSystemInfos())
            {
                var relative = System.IO.Path.GetRelativePath(root, entry.FullName).Replace(System.IO.Path.DirectorySeparatorChar, '/');
                if (entry.LinkTarget is { } target)
                {
                    held.Files.Add(relative, new HeldFile(target, IsLink: true));
                }
                else if (entry is DirectoryInfo inner)
                {
                    folders.Push(inner);
                }
                else if (!taken.Contains(entry.FullName))
                {
                    held.Files.Add(relative, new HeldFile(entry.FullName, IsLink: false));
                }

                if (held.Files.Count > MostFiles)
                {
                    throw new ReportingException($"{held.Path} holds more than {MostFiles} files; name a package or a checkpoint folder");
                }
            }
        }
    }
}
