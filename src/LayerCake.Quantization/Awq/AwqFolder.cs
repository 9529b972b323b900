using LayerCake.Checkpoints;

namespace LayerCake.Quantization.Awq;

/// <summary>
/// The output folder. Files are made in a folder inside it and moved into place together at the end; a run that fails leaves
/// nothing behind and an earlier result untouched. Without config.json, which goes first and comes last, no reader takes the folder for a checkpoint.
/// </summary>
internal sealed class AwqFolder : IDisposable
{
    private const string Purpose = "awq";

    private const string Configuration = "config.json";

    private readonly string _folder;

    private AwqFolder(string folder)
    {
        _folder = folder;
        Staging = StagingFolder.PathOf(folder, Purpose);
    }

    /// <summary>Where files are written until <see cref="Publish"/>.</summary>
    public string Staging { get; }

    /// <exception cref="QuantizationException">The folder is the model's own, cannot be written, or holds weights that convert would mix up with the new ones.</exception>
    public static AwqFolder Open(AwqRequest request)
    {
        var folder = new AwqFolder(request.OutputFolder);
        if (string.Equals(Real(request.OutputFolder), Real(request.Model.Path), StringComparison.Ordinal))
        {
            throw new QuantizationException(
                $"$WORK_DIR and $HF_MODEL should be different: both are {request.OutputFolder}, and the quantized weights would replace the model. Give another work_dir.");
        }

        try
        {
            StagingFolder.Create(request.OutputFolder, Purpose);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new QuantizationException($"The output folder {request.OutputFolder} cannot be written: {failure.Message.TrimEnd('.')}. Choose another one.", failure) { ConcernsOutput = true };
        }

        try
        {
            folder.RefuseForeignWeights(request.Format);
            return folder;
        }
        catch
        {
            folder.Dispose();
            throw;
        }
    }

    /// <summary>Copies what belongs to the model besides weights and config.json: tokenizer, generation settings, remote code.</summary>
    public void CopySideFiles(HuggingFaceFolder model)
    {
        var files = model.TokenizerModelPath is { } tokenizer ? model.SideFiles.Append(tokenizer) : model.SideFiles;
        foreach (var file in files)
        {
            var name = Path.GetFileName(file);
            if (name != Configuration && !name.EndsWith(".index.json", StringComparison.Ordinal))
            {
                File.Copy(file, Path.Combine(Staging, name), overwrite: true);
            }
        }
    }

    /// <summary>Moves everything into place; weights of an earlier run go away first, since convert would read them too.</summary>
    /// <returns>The names of the files, sorted.</returns>
    public IReadOnlyList<string> Publish()
    {
        File.Delete(Path.Combine(_folder, Configuration));
        foreach (var stale in Directory.EnumerateFiles(_folder).Where(file => ShardNames.IsOurs(Path.GetFileName(file))).ToArray())
        {
            File.Delete(stale);
        }

        var names = Directory.EnumerateFiles(Staging).Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal).ToArray();
        foreach (var name in names.OrderBy(name => name == Configuration))
        {
            File.Move(Path.Combine(Staging, name), Path.Combine(_folder, name), overwrite: true);
        }

        return names;
    }

    public void Dispose()
    {
        if (Directory.Exists(Staging))
        {
            Directory.Delete(Staging, recursive: true);
        }
    }

    private void RefuseForeignWeights(WeightFormat format)
    {
        // convert reads all *.safetensors of a folder, and only without any all *.bin.
        var foreign = Directory.EnumerateFiles(_folder)
            .Select(file => Path.GetFileName(file))
            .Where(name => !ShardNames.IsOurs(name))
            .FirstOrDefault(name => Path.GetExtension(name) == ".safetensors" || Path.GetExtension(name) == ShardNames.Extension(format));
        if (foreign is not null)
        {
            throw new QuantizationException(
                $"The output folder {_folder} holds {foreign}, which convert would take for a part of the quantized checkpoint. Remove it, or give another folder.");
        }
    }

    private static string Real(string path)
    {
        var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        return Directory.Exists(full) && Directory.ResolveLinkTarget(full, returnFinalTarget: true) is { } target
            ? Path.TrimEndingDirectorySeparator(target.FullName)
            : full;
    }
}
