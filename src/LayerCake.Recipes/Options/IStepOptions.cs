namespace LayerCake.Recipes;

/// <summary>What a recipe says about one step. Everything in it changes the step's bytes; what does not is in <see cref="ExecutionOptions"/>.</summary>
public interface IStepOptions
{
    /// <summary>Writes every option under its name in the recipe.</summary>
    void AddTo(IKeyWriter key);
}
