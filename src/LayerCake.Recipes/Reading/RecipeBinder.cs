namespace LayerCake.Recipes;

/// <summary>The document's nodes to a recipe: each value alone first, then what the values say together.</summary>
internal sealed class RecipeBinder
{
    // What stands beside the values of the top level; extends and matrix are worked off before.
    private static readonly string[] s_otherKeys = [.. RecipeSchema.Sections.Select(section => section.Name), RecipeSchema.ExtendsKey, RecipeSchema.MatrixKey];

    private readonly FaultList _faults;
    private readonly Dictionary<RecipeSection, SectionReading> _sections = [];
    private readonly SectionReading _top;

    private RecipeBinder(MapNode root, FaultList faults)
    {
        _faults = faults;
        _top = SectionReading.Read(RecipeSchema.Top, root.Origin, root.Entries, s_otherKeys, faults);
        foreach (var section in RecipeSchema.Sections)
        {
            // A second one is a duplicate key and has its fault.
            if (root.Find(section.Name) is { } entry)
            {
                ReadSection(section, entry);
            }
            else if (section.IsRequired && !faults.IsPartial)
            {
                faults.Add(root.Origin, $"{section.Name} is missing: a section such as {section.Example}");
            }
        }
    }

    /// <summary>The recipe that <paramref name="root"/> says; null when there is a fault.</summary>
    public static Recipe? Bind(Node? root, RecipeOrigin origin, FaultList faults)
    {
        switch (root)
        {
            case null or UnreadableNode:
                return null;
            case MapNode map:
                var binder = new RecipeBinder(map, faults);
                if (!faults.IsPartial)
                {
                    new RecipeRules(binder._top, binder._sections, faults).Check();
                }

                return faults.IsClean ? binder.Build(origin) : null;
            default:
                faults.Add(root.Origin, $"the recipe is {root.Description}; it must be a map with the keys name, model, calibrate…");
                return null;
        }
    }

    private void ReadSection(RecipeSection section, MapEntry entry)
    {
        switch (entry.Value)
        {
            case MapNode map:
                _sections[section] = SectionReading.Read(section, entry.Origin, map.Entries, [], _faults);
                break;
            case UnreadableNode:
                break;
            case ScalarNode { IsNull: true }:
                _faults.Add(entry.Origin, section.Fields.Any(field => field.IsRequired)
                    ? $"{section.Name} has no value; write a section such as {section.Example}"
                    : $"{section.Name} has no value; write '{section.Name}: {{}}' for its defaults, or leave the line out");
                break;
            default:
                _faults.Add(entry.Value.Origin, $"{section.Name} is {entry.Value.Description}; it must be a section such as {section.Example}");
                break;
        }
    }

    private Recipe Build(RecipeOrigin origin)
    {
        var model = _sections[RecipeSchema.Model];
        foreach (var (field, place) in _sections.Values.Prepend(_top).SelectMany(section => section.Origins))
        {
            origin.Add(field.Path, place);
        }

        foreach (var (section, reading) in _sections)
        {
            origin.Add(section.Name, reading.Origin);
        }

        return new Recipe
        {
            Name = _top.Get(TopFields.Name),
            Engine = _top.Get(TopFields.Engine),
            Model = new ModelOptions { Name = model.Get(ModelFields.Name), Source = model.Get(ModelFields.Source) },
            Calibrate = Optional(RecipeSchema.Calibrate, section => new CalibrateOptions
            {
                Dataset = section.Get(CalibrateFields.Dataset),
                Samples = section.Get(CalibrateFields.Samples),
                SequenceLength = section.Get(CalibrateFields.SequenceLength),
                Seed = section.Get(CalibrateFields.Seed),
            }),
            KvQparams = Optional(RecipeSchema.KvQparams, section => new KvQparamsOptions
            {
                Cache = section.Get(KvQparamsFields.Cache),
                Symmetric = section.Get(KvQparamsFields.Symmetric),
            }),
            AutoAwq = Optional(RecipeSchema.AutoAwq, section => new AutoAwqOptions
            {
                Bits = section.Get(AutoAwqFields.Bits),
                GroupSize = section.Get(AutoAwqFields.GroupSize),
                Method = section.Get(AutoAwqFields.Method),
                Effort = section.Get(AutoAwqFields.Effort),
                Keep = section.Get(AutoAwqFields.Keep),
                Format = section.Get(AutoAwqFields.Format),
            }),
            Convert = Optional(RecipeSchema.Convert, section => new ConvertOptions
            {
                TensorParallel = section.Get(ConvertFields.TensorParallel),
                WeightType = section.Get(ConvertFields.WeightType),
            }) ?? new ConvertOptions(),
            Evaluate = Optional(RecipeSchema.Evaluate, section => new EvaluateOptions
            {
                Dataset = section.Get(EvaluateFields.Dataset),
                Window = section.Get(EvaluateFields.Window),
                Windows = section.Get(EvaluateFields.Windows),
                Baseline = section.Get(EvaluateFields.Baseline),
                MaxPerplexityIncrease = section.Get(EvaluateFields.MaxPerplexityIncrease),
                MaxKl = section.Get(EvaluateFields.MaxKl),
            }),
            Package = Optional(RecipeSchema.Package, section => new PackageOptions
            {
                LaunchFiles = section.Get(PackageFields.LaunchFiles),
                Archive = section.Get(PackageFields.Archive),
            }) ?? new PackageOptions(),
            Execution = Optional(RecipeSchema.Execution, section => new ExecutionOptions
            {
                Device = section.Get(ExecutionFields.Device),
                MemoryBudget = section.Get(ExecutionFields.MemoryBudget),
                Timeout = section.Get(ExecutionFields.Timeout),
                Retries = section.Get(ExecutionFields.Retries),
                Placement = section.Get(ExecutionFields.Placement),
            }) ?? new ExecutionOptions(),
            Origin = origin,
        };
    }

    private T? Optional<T>(RecipeSection section, Func<SectionReading, T> build)
        where T : class => _sections.TryGetValue(section, out var reading) ? build(reading) : null;
}
