using System.Runtime.InteropServices;

namespace LayerCake.Building;

/// <summary>Tells failures that may pass by themselves from those that the same inputs give again.</summary>
public static class PassingFailures
{
    /// <summary>
    /// True where reading or writing failed though the file is there and the disk is not full, memory ran out, native code failed (a GPU, say), or the step ran over
    /// its time (what it had finished is not lost). Everything else is in the recipe, the model, the data or LayerCake, and would fail again.
    /// </summary>
    public static bool MayPass(Exception exception)
    {
        for (var cause = exception; cause is not null; cause = cause.InnerException)
        {
            switch (cause)
            {
                case OutOfMemoryException or StepTimeoutException:
                case ExternalException when cause.GetType() == typeof(ExternalException) || cause is SEHException:
                    return true;
                case IOException storage:
                    return !IsLasting(storage);
                case AggregateException several:
                    return several.InnerExceptions.All(MayPass);
            }
        }

        return false;
    }

    private static bool IsLasting(IOException exception) =>
        exception is FileNotFoundException or DirectoryNotFoundException or EndOfStreamException or PathTooLongException or DriveNotFoundException
        || StorageErrors.IsLasting(exception);
}
