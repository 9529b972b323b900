namespace LayerCake.Reporting;

/// <summary>
/// Which fields of a recipe, and which versions, are in the key of which step. Build records hold the recipe as a whole; a test holds this table against the
/// keys that the steps write.
/// </summary>
internal static class StepFields
{
    public const string Calibrate = "calibrate";
    public const string KvQparams = "kv_qparams";
    public const string AutoAwq = "auto_awq";
    public const string Convert = "convert";
    public const string Evaluate = "evaluate";
    public const string Package = "package";

    /// <summary>What a step's output is called.</summary>
    public static string OutputOf(string step) => step switch
    {
        Calibrate => "statistics",
        KvQparams => "KV scales",
        AutoAwq => "int4 checkpoint",
        Convert => "workspace",
        Evaluate => "figures",
        _ => "output",
    };

    /// <summary>Whether a field of the recipe (<c>calibrate.samples</c>) is in the step's key.</summary>
    public static bool Has(string step, string field) => step switch
    {
        Calibrate => Under(field, "calibrate"),
        KvQparams => Under(field, "kv_qparams") || field == "convert.tensor_parallel",
        AutoAwq => Under(field, "auto_awq") || Under(field, "calibrate"),
        Convert => Under(field, "model") || Under(field, "convert") || field == "auto_awq.group_size",
        Evaluate => Under(field, "evaluate") && field is not ("evaluate.max_perplexity_increase" or "evaluate.max_kl"),
        _ => true,
    };

    /// <summary>Whether what took part under this name is in the step's key.</summary>
    public static bool HasVersion(string step, string name) => (step, name) switch
    {
        (Calibrate, "numerics") => true,
        (Package, "layercake" or "engine") => true,
        _ => false,
    };

    private static bool Under(string field, string section) =>
        field == section || (field.Length > section.Length && field[section.Length] == '.' && field.StartsWith(section, StringComparison.Ordinal));
}
