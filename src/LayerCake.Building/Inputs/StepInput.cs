namespace LayerCake.Building;

/// <summary>Something from outside that a step reads: a file, or a folder with the files in it.</summary>
public sealed record StepInput
{
    private StepInput(string name, string path, bool isFolder, Func<RelativePath, bool>? include)
    {
        Name = name;
        Path = path;
        IsFolder = isFolder;
        Include = include;
    }

    /// <summary>What it is to the step, in the key: <c>model</c>, <c>dataset</c>. The path itself is not in the key.</summary>
    public string Name { get; }

    public string Path { get; }

    public bool IsFolder { get; }

    internal Func<RelativePath, bool>? Include { get; }

    public static StepInput File(string name, string path) => new(name, System.IO.Path.GetFullPath(path), false, null);

    /// <summary>
    /// All files of a folder and of those below it, save what begins with a dot (<c>.git</c>, <c>.cache</c>). Links to files are followed, as the
    /// Hugging Face cache has them; a link to a folder is an error.
    /// </summary>
    /// <param name="name">What the folder is to the step.</param>
    /// <param name="path">The folder.</param>
    /// <param name="include">Which of the files count; all where it is null. A file that a step reads must count.</param>
    public static StepInput Folder(string name, string path, Func<RelativePath, bool>? include = null) =>
        new(name, System.IO.Path.GetFullPath(path), true, include);
}
