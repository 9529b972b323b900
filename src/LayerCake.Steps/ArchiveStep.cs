using LayerCake.Building;
using LayerCake.Provenance;
using LayerCake.Recipes;

namespace LayerCake.Steps;

/// <summary>The package as one file: the same package gives the same archive.</summary>
internal sealed class ArchiveStep(Recipe recipe) : IBuildStep
{
    public string Name => StepNames.Archive;

    public int Version => 1;

    public IReadOnlyList<string> DependsOn => [StepNames.Package];

    public IReadOnlyList<StepInput> Inputs => [];

    /// <summary>The file's name: that of the recipe with the format's ending.</summary>
    public static string FileName(Recipe recipe) => recipe.Name + (recipe.Package.Archive == ArchiveFormat.Tar ? ".tar" : ".tar.zst");

    public void AddTo(IKeyWriter key)
    {
        key.Add("name", recipe.Name);
        key.AddNested(RecipeSchema.Package.Name, recipe.Package.AddTo);
    }

    public Task RunAsync(StepContext context, CancellationToken token)
    {
        var folder = context.InputFolder(StepNames.Package);
        var tree = context.InputTree(StepNames.Package);
        var path = Path.Combine(context.OutputFolder, FileName(recipe));
        using (var file = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 20))
        {
            PackageArchive.Write(
                file, recipe.Name, tree.Entries.Select(entry => EntryOf(entry, folder)), recipe.Package.Archive == ArchiveFormat.TarZst, token);
        }

        context.Reporter.Line(FormattableString.Invariant($"{FileName(recipe)}: {tree.TotalBytes / 1e6:0.00} MB in {new FileInfo(path).Length / 1e6:0.00} MB"));
        return Task.CompletedTask;
    }

    private static ArchiveEntry EntryOf(TreeEntry entry, string folder) => entry switch
    {
        TreeEntry.File file => new ArchiveEntry.File(file.Path.Value, file.Path.Below(folder), file.Size, file.Executable),
        TreeEntry.Link link => new ArchiveEntry.Link(link.Path.Value, link.Target),
        _ => new ArchiveEntry.Folder(entry.Path.Value),
    };
}
