namespace LayerCake.Cli;

/// <summary>What the command's exit status means. The table in docs/command-line.md is tested against this type.</summary>
public enum ExitCode
{
    /// <summary>Done.</summary>
    Success = 0,

    /// <summary>A fault of LayerCake itself; the message has the details to report.</summary>
    Fault = 1,

    /// <summary>The command line is wrong: an unknown option, a missing or badly formed value.</summary>
    Usage = 2,

    /// <summary>Asked by --question: something would run.</summary>
    WouldRun = 3,

    /// <summary>The recipe is missing or wrong, or asks for what the engine release cannot run.</summary>
    Recipe = 4,

    /// <summary>A checkpoint, tokenizer, statistics file, calibration text, workspace, archive or key cannot be used.</summary>
    Input = 5,

    /// <summary>The artifact store or an output folder cannot be read or written: no space, no permission.</summary>
    Storage = 6,

    /// <summary>libtorch cannot be loaded on this machine.</summary>
    Torch = 7,

    /// <summary>With --locked: what would be built, or what was, is not what the lock record says.</summary>
    Locked = 8,

    /// <summary>Told by diff and build --check: the two are not the same.</summary>
    Different = 9,

    /// <summary>A package is not what its records or its signature say.</summary>
    Verification = 10,

    /// <summary>A model lost more by quantization than the recipe, or the command, allows.</summary>
    Quality = 11,

    /// <summary>A step took longer than execution.timeout of the recipe allows.</summary>
    Timeout = 124,

    /// <summary>Stopped by Ctrl+C or a signal.</summary>
    Interrupted = 130,
}
