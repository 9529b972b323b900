namespace LayerCake.Recipes;

/// <summary>A <see cref="RecipeField"/> whose values are of type <typeparamref name="T"/>.</summary>
internal abstract class RecipeField<T> : RecipeField
{
    private readonly T? _default;

    private protected RecipeField(string section, string name, string description)
        : base(section, name, description) => IsRequired = true;

    private protected RecipeField(string section, string name, string description, T @default)
        : base(section, name, description) => _default = @default;

    public sealed override bool IsRequired { get; }

    public T Default => IsRequired ? throw new InvalidOperationException($"{Path} has no default.") : _default!;

    public sealed override string? DefaultText => IsRequired || _default is null ? null : Format(_default);

    /// <summary>Writes <paramref name="value"/> under this field's name.</summary>
    public virtual void AddTo(IKeyWriter key, T value) => key.Add(Name, Format(value));

    /// <summary>The value as a recipe would write it.</summary>
    internal abstract string Format(T value);

    internal abstract bool TryRead(ScalarNode scalar, out T value, out string problem);

    internal sealed override bool TryRead(ScalarNode scalar, out object? value, out string problem)
    {
        var read = TryRead(scalar, out T typed, out problem);
        value = typed;
        return read;
    }
}
