namespace LayerCake.Recipes;

/// <summary>
/// What is built, checked and complete: every default is filled in. Steps that the recipe leaves out are null here and do not exist in its
/// plan; convert and package always exist.
/// </summary>
public sealed record Recipe
{
    /// <summary>Names the output folder: letters, digits, '.', '_' and '-'.</summary>
    public required string Name { get; init; }

    /// <summary>The release that must load the result.</summary>
    public required EngineContract Engine { get; init; }

    public required ModelOptions Model { get; init; }

    public CalibrateOptions? Calibrate { get; init; }

    public KvQparamsOptions? KvQparams { get; init; }

    public AutoAwqOptions? AutoAwq { get; init; }

    public required ConvertOptions Convert { get; init; }

    public EvaluateOptions? Evaluate { get; init; }

    public required PackageOptions Package { get; init; }

    /// <summary>How the work is done; no part of any key.</summary>
    public required ExecutionOptions Execution { get; init; }

    /// <summary>Full path of the recipe's folder, from which its relative paths count; those of a recipe that it extends count from that one's.</summary>
    public string Folder => Origin.Folder;

    /// <summary>The recipe's path as it was given.</summary>
    public string File => Origin.File;

    /// <summary>The <c>quant_policy</c> of the workspace.</summary>
    public int QuantPolicy => Engine.QuantPolicy(KvQparams?.Cache);

    /// <summary>Whether a step reads the statistics of calibrate, which else is not run: its section may only describe samples.</summary>
    public bool ReadsStatistics => KvQparams is not null || AutoAwq?.ReadsStatistics() == true;

    internal RecipeOrigin Origin { get; init; } = new("recipe", Directory.GetCurrentDirectory());

    /// <summary>The full path of <paramref name="path"/>, which is absolute or counts from the recipe's folder.</summary>
    public string ResolvePath(string path) => Path.GetFullPath(path, Folder);

    /// <summary>The full path of <paramref name="path"/>, the value of <paramref name="key"/>: absolute, or counted from the folder of the file that says it.</summary>
    private string ResolvePath(string key, string path) => Path.GetFullPath(path, Origin.FolderOf(key));

    /// <summary>Full path of the checkpoint's folder.</summary>
    /// <exception cref="RecipeException">The source is the hub, or there is no such folder.</exception>
    public string ResolveModel()
    {
        if (Model.Source is HubSource hub)
        {
            var revision = hub.Revision is null ? "" : $" --revision {hub.Revision}";
            throw Refuse(
                ModelFields.Source.Path,
                $"model.source is {hub}; models are not fetched from the hub. Download it (huggingface-cli download {hub.Repository}{revision} "
                + $"--local-dir models/{hub.Name}) beside the recipe and write the folder: models/{hub.Name}");
        }

        var folder = ResolvePath(ModelFields.Source.Path, Model.Source.Text);
        if (!Directory.Exists(folder))
        {
            throw Refuse(
                ModelFields.Source.Path,
                System.IO.File.Exists(folder)
                    ? $"model.source is a file, {Quoting.Clip(Model.Source.Text)}; name the folder that holds config.json and the weights"
                    : $"model.source {Quoting.Clip(Model.Source.Text)} does not exist (looked for {folder}); a relative path counts from the recipe's folder");
        }

        return folder;
    }

    /// <summary>Full path of the calibration text.</summary>
    /// <exception cref="RecipeException">The set is one that would have to be downloaded, or there is no such file.</exception>
    /// <exception cref="InvalidOperationException">The recipe does not calibrate.</exception>
    public string ResolveDataset() =>
        ResolveText(CalibrateFields.Dataset.Path, Calibrate?.Dataset ?? throw new InvalidOperationException("The recipe does not calibrate."));

    /// <summary>Full path of the text that the result is measured on.</summary>
    /// <exception cref="RecipeException">The set is one that would have to be downloaded, or there is no such file.</exception>
    /// <exception cref="InvalidOperationException">The recipe does not evaluate.</exception>
    public string ResolveEvaluationText() =>
        ResolveText(EvaluateFields.Dataset.Path, Evaluate?.Dataset ?? throw new InvalidOperationException("The recipe does not evaluate."));

    private string ResolveText(string key, CalibrationSource dataset)
    {
        if (dataset is NamedCalibrationSet)
        {
            throw Refuse(
                key,
                $"{key} is {dataset}; data sets are not fetched. Save its text as a .txt file, or as a .jsonl file with a text field "
                + $"a line, beside the recipe and write that file: data/{dataset}.txt");
        }

        var file = ResolvePath(key, dataset.Text);
        if (!System.IO.File.Exists(file))
        {
            throw Refuse(
                key,
                $"{key} {Quoting.Clip(dataset.Text)} does not exist (looked for {file}); a relative path counts from the recipe's folder");
        }

        return file;
    }

    /// <summary>
    /// A fault of the value of <paramref name="key"/> (<c>convert.tensor_parallel</c>) that only the checkpoint or the machine shows; it
    /// points to the line of the recipe, or to the argument, that says the value.
    /// </summary>
    public RecipeException Refuse(string key, string message) => new(Origin.PlaceOf(key).Fault(message));

    /// <summary>Writes everything that changes bytes, step by step: the effective recipe.</summary>
    public void AddTo(IKeyWriter key)
    {
        TopFields.Name.AddTo(key, Name);
        Engine.AddTo(key);
        key.AddNested(RecipeSchema.Model.Name, Model.AddTo);
        foreach (var (section, options) in Steps)
        {
            key.AddNested(section.Name, options.AddTo);
        }
    }

    /// <summary>The options of the steps that the recipe has, in the order in which they run.</summary>
    public IReadOnlyList<(RecipeSection Section, IStepOptions Options)> Steps =>
    [
        .. new (RecipeSection Section, IStepOptions? Options)[]
        {
            (RecipeSchema.Calibrate, Calibrate), (RecipeSchema.KvQparams, KvQparams), (RecipeSchema.AutoAwq, AutoAwq),
            (RecipeSchema.Convert, Convert), (RecipeSchema.Evaluate, Evaluate), (RecipeSchema.Package, Package),
        }.Where(step => step.Options is not null).Select(step => (step.Section, step.Options!)),
    ];
}
