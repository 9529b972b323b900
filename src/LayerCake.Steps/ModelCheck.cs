using LayerCake.Calibration;
using LayerCake.Checkpoints;
using LayerCake.Models;
using LayerCake.Quantization;
using LayerCake.Recipes;
using LayerCake.Reconstruction;
using LayerCake.Torch;
using LayerCake.TurboMind;

namespace LayerCake.Steps;

/// <summary>Everything that can be known to go wrong with a recipe and its model before anything runs, from headers alone.</summary>
internal static class ModelCheck
{
    /// <summary>The model's sizes as the workspace format sees them.</summary>
    public static ModelDimensions DimensionsOf(ModelConfiguration configuration) => new()
    {
        LayerCount = configuration.LayerCount,
        HiddenSize = configuration.HiddenSize,
        HeadCount = configuration.HeadCount,
        KeyValueHeadCount = configuration.KeyValueHeadCount,
        IntermediateSize = configuration.IntermediateSize,
        VocabularySize = configuration.VocabularySize,
    };

    /// <summary>Refuses a model that a later step of the recipe could not carry.</summary>
    public static void Run(Recipe recipe, HuggingFaceFolder model, ModelConfiguration configuration)
    {
        ModelLayout.Check(model.Weights, configuration);
        if (recipe.AutoAwq is { } awq)
        {
            AwqOptionsOf(awq).Validate(configuration);
            CheckKept(recipe, awq, configuration);
        }

        CheckName(recipe);
        CheckLimits(recipe, DimensionsOf(configuration), WeightTypeOf(recipe, model));
        CheckConversion(recipe, model);
        CheckMemory(recipe, configuration);
        CheckTime(recipe, configuration);
        if (model.TokenizerModelPath is null)
        {
            throw new Text.TokenizerException(
                $"{model.Path}: no tokenizer found. The SentencePiece model {Text.TokenizerFolder.ModelFileName} is looked for: download it from the model's repository into the folder.");
        }
    }

    /// <summary>LMDeploy goes by the model's name alone to choose how a checkpoint is read.</summary>
    private static void CheckName(Recipe recipe)
    {
        try
        {
            _ = SourceFormat.Infer(ChatModel.Find(recipe.Model.Name), recipe.AutoAwq is null ? null : "awq");
        }
        catch (WorkspaceException exception)
        {
            throw recipe.Refuse("model.name", exception.Message);
        }
    }

    /// <summary>Where another value of the recipe would do, the refusal points to the value; else the model itself is refused.</summary>
    private static void CheckLimits(Recipe recipe, ModelDimensions model, TurboMind.WeightType weights)
    {
        var parallel = recipe.Convert.TensorParallel.Degree;
        var groupSize = recipe.AutoAwq?.GroupSize.Value ?? 0;
        var scales = recipe.KvQparams is not null;
        if (scales && weights == TurboMind.WeightType.BFloat16)
        {
            const string message = "convert.weight_type auto is bfloat16 for this bfloat16 checkpoint, which cannot go with kv_qparams: the engine reads an int8 KV "
                + "cache with float16 or int4 weights only; write weight_type: float16, or add auto_awq";
            var refusal = recipe.Refuse("convert.weight_type", message);

            // auto is the default: where the recipe does not say it, kv_qparams is the line to look at.
            throw refusal.Faults[0] is { Line: 0 } fault && fault.File == recipe.File ? recipe.Refuse("kv_qparams", message) : refusal;
        }

        if (parallel > 1 && WorkspaceLimits.Faults(model, weights, 1, groupSize, scales).Count == 0)
        {
            try
            {
                WorkspaceLimits.Check(model, weights, parallel, groupSize, scales);
            }
            catch (WorkspaceException exception)
            {
                throw recipe.Refuse("convert.tensor_parallel", exception.Message);
            }
        }

        WorkspaceLimits.Check(model, weights, parallel, groupSize, scales);
    }

    /// <summary>
    /// Plans the conversion of the float model. auto_awq keeps the names and sizes of all tensors, so what convert would refuse after it, it refuses here.
    /// </summary>
    private static void CheckConversion(Recipe recipe, HuggingFaceFolder model)
    {
        var weights = WeightTypeOf(recipe, model);
        ConversionPlan.Create(ConversionSource.From(model), new ConversionOptions
        {
            ModelName = recipe.Model.Name,
            TensorParallel = recipe.Convert.TensorParallel.Degree,
            WeightType = weights == TurboMind.WeightType.Int4 ? TurboMind.WeightType.Float16 : weights,
            // The tokenizer is read later, when a step runs; these are in every vocabulary.
            SpecialTokens = new SpecialTokenIds(0, 0),
        });
    }

    private static void CheckMemory(Recipe recipe, ModelConfiguration configuration)
    {
        if (recipe is { AutoAwq: { } awq, Execution.MemoryBudget: { } limit } && !awq.ReadsStatistics())
        {
            var (samples, tokens) = (recipe.Calibrate?.Samples ?? 0, recipe.Calibrate?.SequenceLength ?? 0);
            var least = ComputesOnGpu(recipe, awq)
                ? ReconstructionMemory.HostBesideGpu(configuration, MethodOf(awq), EffortOf(awq), samples, tokens)
                : ReconstructionMemory.Least(configuration, MethodOf(awq), EffortOf(awq), samples, tokens);
            if (least > limit.Bytes)
            {
                throw recipe.Refuse(
                    "execution.memory_budget",
                    $"auto_awq with the method {Reconstructor.NameOf(MethodOf(awq))} and effort {awq.Effort.ToString().ToLowerInvariant()} needs {(least + 999_999) / 1_000_000} MB for "
                    + $"{samples} samples of {tokens} tokens, but the budget is {limit}; raise it, use fewer or shorter samples, a smaller effort, or a method that needs less (rtn, lmdeploy)");
            }
        }

        if (!recipe.ReadsStatistics || recipe is not { Calibrate: { } calibrate, Execution.MemoryBudget: { } budget }
            || TorchDevices.ResolveKind(CalibrateStep.DeviceName(recipe.Execution.Device)) != DeviceKind.Cpu)
        {
            return;
        }

        var needed = CalibrationMemory.PeakOnCpu(configuration, calibrate.Samples, calibrate.SequenceLength, threads: 1);
        if (needed > budget.Bytes)
        {
            throw recipe.Refuse(
                "execution.memory_budget",
                $"calibrating {calibrate.Samples} samples of {calibrate.SequenceLength} tokens needs {(needed + 999_999) / 1_000_000} MB, but the budget is {budget}; "
                + "raise it, or use fewer or shorter samples");
        }
    }

    /// <summary>The recipe with the method that auto means for its model and its device.</summary>
    public static Recipe WithMethod(Recipe recipe, ModelConfiguration configuration)
    {
        if (recipe.AutoAwq is not { Method: QuantizationMethod.Auto } awq)
        {
            return recipe;
        }

        var device = TorchDevices.ResolveKind(CalibrateStep.DeviceName(recipe.Execution.Device));
        var learns = AutomaticMethod.Of(configuration, EffortOf(awq), device) == ReconstructionMethod.Learned;
        return recipe with { AutoAwq = awq with { Method = learns ? QuantizationMethod.Learned : QuantizationMethod.Gptq } };
    }

    /// <summary>Whether auto_awq computes on a GPU: the method can, and the recipe's device is one.</summary>
    public static bool ComputesOnGpu(Recipe recipe, AutoAwqOptions awq) =>
        awq.CanUseGpu() && TorchDevices.ResolveKind(CalibrateStep.DeviceName(recipe.Execution.Device)) == DeviceKind.Cuda;

    /// <summary>Refuses only what no processor can do in the time; what takes longer than it should is stopped when its time is over.</summary>
    private static void CheckTime(Recipe recipe, ModelConfiguration configuration)
    {
        if (recipe is not { AutoAwq: { } awq, Execution.Timeout: { } limit } || awq.ReadsStatistics() || ComputesOnGpu(recipe, awq))
        {
            return;
        }

        var (samples, tokens) = (recipe.Calibrate?.Samples ?? 0, recipe.Calibrate?.SequenceLength ?? 0);
        var least = ReconstructionTime.Least(configuration, MethodOf(awq), EffortOf(awq), samples, tokens, Environment.ProcessorCount);
        if (least > limit.Time)
        {
            throw recipe.Refuse(
                "execution.timeout",
                $"auto_awq with the method {Reconstructor.NameOf(MethodOf(awq))} and effort {awq.Effort.ToString().ToLowerInvariant()} takes more than {Math.Floor(least.TotalSeconds):0} s "
                + $"on {Environment.ProcessorCount} processors for {samples} samples of {tokens} tokens, but a step may take {limit}; raise it, use fewer or shorter samples, "
                + "a smaller effort, or a method that needs less (rtn, lmdeploy)");
        }
    }

    public static AwqOptions AwqOptionsOf(AutoAwqOptions options) => new() { Bits = options.Bits.Value, GroupSize = options.GroupSize.Value };

    public static ReconstructionMethod MethodOf(AutoAwqOptions options) => options.MethodToRun() switch
    {
        QuantizationMethod.Rtn => ReconstructionMethod.Rtn,
        QuantizationMethod.Awq => ReconstructionMethod.Awq,
        QuantizationMethod.Gptq => ReconstructionMethod.Gptq,
        _ => ReconstructionMethod.Learned,
    };

    public static ReconstructionEffort EffortOf(AutoAwqOptions options) => options.Effort switch
    {
        QuantizationEffort.Fast => ReconstructionEffort.Fast,
        QuantizationEffort.Balanced => ReconstructionEffort.Balanced,
        _ => ReconstructionEffort.Best,
    };

    /// <summary>A workspace has one type for the linears of its layers, so int4 takes them all; the head is 16-bit whatever a recipe says.</summary>
    private static void CheckKept(Recipe recipe, AutoAwqOptions awq, ModelConfiguration configuration)
    {
        var family = ModelFamily.Of(configuration);
        var head = family.Head[..^".weight".Length];
        foreach (var rule in awq.Keep.Rules)
        {
            if (family.ObservedLinears(configuration).FirstOrDefault(linear => KeepRules.Matches(rule, linear)) is { } layered)
            {
                throw recipe.Refuse(
                    "auto_awq.keep",
                    $"auto_awq.keep: '{rule}' names {layered}, and a workspace of {recipe.Engine.Name} cannot carry it in 16 bits: it has one type for all linears of all "
                    + $"layers. Remove the rule; {head} stays 16-bit anyway");
            }

            if (!KeepRules.Matches(rule, head))
            {
                throw recipe.Refuse(
                    "auto_awq.keep",
                    $"auto_awq.keep: '{rule}' matches no linear of this model, whose linears are {head} and, for example, {family.ObservedLinears(configuration)[0]}");
            }
        }
    }

    /// <summary>What convert will write: int4 after auto_awq, else what the recipe or the checkpoint says.</summary>
    public static TurboMind.WeightType WeightTypeOf(Recipe recipe, HuggingFaceFolder model) => (recipe.AutoAwq, recipe.Convert.WeightType) switch
    {
        (not null, _) => TurboMind.WeightType.Int4,
        (_, Recipes.WeightType.BFloat16) => TurboMind.WeightType.BFloat16,
        (_, Recipes.WeightType.Auto) when model.DeclaredDType == DType.BF16 => TurboMind.WeightType.BFloat16,
        _ => TurboMind.WeightType.Float16,
    };
}
