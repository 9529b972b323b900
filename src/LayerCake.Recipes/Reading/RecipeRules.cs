namespace LayerCake.Recipes;

/// <summary>What must hold between sections. Every rule looks only at values that were read, so it works beside other faults.</summary>
internal sealed class RecipeRules(SectionReading top, IReadOnlyDictionary<RecipeSection, SectionReading> sections, FaultList faults)
{
    public void Check()
    {
        CheckEngine();
        CheckCalibration();
        CheckWeightType();
    }

    private void CheckEngine()
    {
        var given = top.Gives(TopFields.Engine, out var engine, out var engineOrigin);
        engine = given ? engine : TopFields.Engine.Default;
        if (engine.Refusal is { } refusal)
        {
            faults.Add(engineOrigin, $"engine {engine.Name} cannot be built for: {refusal}");
        }

        if (sections.TryGetValue(RecipeSchema.KvQparams, out var kv))
        {
            var cacheGiven = kv.Gives(KvQparamsFields.Cache, out var cache, out var cacheOrigin);
            if (engine.KvRefusal(cacheGiven ? cache : KvQparamsFields.Cache.Default) is { } kvRefusal)
            {
                faults.Add(cacheGiven ? cacheOrigin : kv.Origin, $"kv_qparams cannot be used: {kvRefusal}");
            }
        }
    }

    private void CheckCalibration()
    {
        RecipeSection[] readers = [RecipeSchema.KvQparams, RecipeSchema.AutoAwq];
        if (sections.TryGetValue(RecipeSchema.Calibrate, out var calibrate))
        {
            if (!readers.Any(sections.ContainsKey))
            {
                faults.Add(calibrate.Origin, "calibrate has no use: nothing reads its statistics. Add kv_qparams or auto_awq, or remove it");
            }

            return;
        }

        foreach (var reader in readers.Where(reader => reader != RecipeSchema.AutoAwq || NeedsCalibration()))
        {
            if (sections.TryGetValue(reader, out var section))
            {
                faults.Add(section.Origin, $"{reader.Name} needs calibrate, whose {(reader == RecipeSchema.AutoAwq ? "samples" : "statistics")} it reads; add a section such as calibrate: {RecipeSchema.Calibrate.Example}");
            }
        }
    }

    /// <summary>Whether the method of auto_awq needs samples or statistics; rounding to nearest does not.</summary>
    private bool NeedsCalibration() =>
        !sections.TryGetValue(RecipeSchema.AutoAwq, out var awq) || !awq.Gives(AutoAwqFields.Method, out var method, out _) || method != QuantizationMethod.Rtn;

    private void CheckWeightType()
    {
        if (!sections.TryGetValue(RecipeSchema.Convert, out var convert)
            || !convert.Gives(ConvertFields.WeightType, out var type, out var origin)
            || type == WeightType.Auto)
        {
            return;
        }

        if (sections.ContainsKey(RecipeSchema.AutoAwq))
        {
            faults.Add(origin, $"convert.weight_type {ConvertFields.WeightType.Format(type)} contradicts auto_awq, whose weights are int4; write auto, or remove auto_awq");
        }
        else if (type == WeightType.BFloat16 && sections.ContainsKey(RecipeSchema.KvQparams))
        {
            // LMDeploy v0.1.0's attention kernels for bfloat16 take int8 blocks for bfloat16 ones.
            faults.Add(origin, "convert.weight_type bfloat16 cannot go with kv_qparams: the engine reads an int8 KV cache with float16 or int4 weights only; write float16");
        }
    }
}
