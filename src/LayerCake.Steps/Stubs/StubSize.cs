using LayerCake.Models;
using LayerCake.Recipes;
using LayerCake.TurboMind;

namespace LayerCake.Steps;

/// <summary>How small a model of the same kind may be: what the recipe asks of the real one must still fit.</summary>
internal static class StubSize
{
    private const int MostLayers = 2;

    // What widths come in: the engine's head size, its int4 tiles, and the groups of every usual size.
    private const int Unit = 128;

    /// <summary>
    /// The same model with two layers at most and the least heads and inner channels that tensor_parallel and group_size divide. Head size, vocabulary, biases,
    /// rotary settings and whether heads are grouped stay.
    /// </summary>
    /// <param name="recipe">Says what must fit.</param>
    /// <param name="model">The real model's numbers.</param>
    /// <param name="weights">What convert will write.</param>
    public static ModelConfiguration Of(Recipe recipe, ModelConfiguration model, TurboMind.WeightType weights)
    {
        var shallow = model with { LayerCount = Math.Min(model.LayerCount, MostLayers) };
        var queriesPerKey = SmallestFactor(model.HeadCount / model.KeyValueHeadCount);
        for (var keyHeads = 1; keyHeads < model.KeyValueHeadCount; keyHeads++)
        {
            var heads = queriesPerKey * keyHeads;
            var narrow = shallow with { KeyValueHeadCount = keyHeads, HeadCount = heads, HiddenSize = heads * model.HeadDimension };
            for (var inner = Unit; inner < model.IntermediateSize; inner += Unit)
            {
                if (Fits(recipe, narrow with { IntermediateSize = inner }, weights))
                {
                    return narrow with { IntermediateSize = inner };
                }
            }
        }

        return shallow;
    }

    private static bool Fits(Recipe recipe, ModelConfiguration model, TurboMind.WeightType weights)
    {
        var groupSize = recipe.AutoAwq?.GroupSize.Value ?? 0;
        return (groupSize == 0 || (model.HiddenSize % groupSize == 0 && model.IntermediateSize % groupSize == 0))
            && WorkspaceLimits.Faults(
                ModelCheck.DimensionsOf(model), weights, recipe.Convert.TensorParallel.Degree, groupSize, recipe.KvQparams is not null).Count == 0;
    }

    private static int SmallestFactor(int number)
    {
        for (var factor = 2; factor * factor <= number; factor++)
        {
            if (number % factor == 0)
            {
                return factor;
            }
        }

        return number;
    }
}
