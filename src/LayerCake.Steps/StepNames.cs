namespace LayerCake.Steps;

/// <summary>The steps, by the names recipes, tasks and keys use.</summary>
public static class StepNames
{
    public const string Calibrate = "calibrate";
    public const string KvQparams = "kv_qparams";
    public const string AutoAwq = "auto_awq";
    public const string Convert = "convert";
    public const string Evaluate = "evaluate";
    public const string Archive = "archive";
    public const string Package = "package";
}
