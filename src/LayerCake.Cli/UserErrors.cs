using LayerCake.Building;
using LayerCake.Checkpoints;
using LayerCake.Evaluation;
using LayerCake.Models;
using LayerCake.Provenance;
using LayerCake.Quantization;
using LayerCake.Recipes;
using LayerCake.RemoteCaches;
using LayerCake.Reporting;
using LayerCake.Runtime;
using LayerCake.Text;
using LayerCake.Text.Chat;
using LayerCake.Torch;
using LayerCake.TurboMind;

namespace LayerCake.Cli;

/// <summary>Sorts what went wrong: the user's to mend (one text, an exit code, no stack trace) or a fault of ours.</summary>
internal static class UserErrors
{
    /// <summary>The exit code and the text for the console; null for what is no user's error.</summary>
    public static (ExitCode Code, string Message)? Of(Exception exception) => exception switch
    {
        UsageException or RemoteLocationException => (ExitCode.Usage, exception.Message),
        RecipeException => (ExitCode.Recipe, exception.Message),
        LockException => (ExitCode.Locked, exception.Message),
        BuildException => (ExitCode.Storage, exception.Message),
        StepTimeoutException => (ExitCode.Timeout, exception.Message),
        TorchException => (ExitCode.Torch, exception.Message),
        CheckpointException { ConcernsOutput: true } or QuantizationException { ConcernsOutput: true } or WorkspaceException { ConcernsOutput: true }
            => (ExitCode.Storage, exception.Message),
        ProvenanceException { ConcernsOutput: true } => (ExitCode.Storage, exception.Message),
        ProvenanceException => (ExitCode.Input, exception.Message),
        CheckpointException or ModelException or TokenizerException or CalibrationDataException or QuantizationException or WorkspaceException
            or Calibration.CalibrationException or ReportingException or Reconstruction.ReconstructionException or RuntimeException or ChatTemplateException => (ExitCode.Input, exception.Message),
        QualityGateException => (ExitCode.Quality, exception.Message),
        EvaluationException => (ExitCode.Input, exception.Message),
        OperationCanceledException => (ExitCode.Interrupted, "stopped; nothing half-made was kept"),
        AggregateException { InnerExceptions: [var only] } => Of(only),
        IOException or UnauthorizedAccessException => (ExitCode.Storage, exception.Message),
        _ => null,
    };
}
