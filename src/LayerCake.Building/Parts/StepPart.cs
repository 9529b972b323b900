namespace LayerCake.Building;

/// <summary>A part that is being written. Disposed before <see cref="Commit"/>, it never was.</summary>
public sealed class StepPart : IDisposable
{
    private readonly StepParts _parts;
    private readonly string _name;
    private readonly string _path;
    private PartWriter? _writer;

    // Without a writer, parts are not kept: everything is accepted and nothing is written.
    internal StepPart(StepParts parts, string name, PartWriter? writer, string path) =>
        (_parts, _name, _writer, _path) = (parts, name, writer, path);

    public void Write(ReadOnlySpan<byte> bytes)
    {
        try
        {
            _writer?.Write(bytes);
        }
        catch (Exception exception) when (StorageErrors.IsStorage(exception))
        {
            Drop(exception);
        }
    }

    /// <summary>Makes the part durable under its key.</summary>
    public void Commit()
    {
        if (_writer is null)
        {
            return;
        }

        try
        {
            _writer.Finish();
            _parts.Faults.Pass(FaultPoints.PartWritten);
            _writer.MoveTo(_path);
            _writer = null;
            _parts.Faults.Pass(FaultPoints.PartPublished);
        }
        catch (Exception exception) when (StorageErrors.IsStorage(exception))
        {
            Drop(exception);
        }
    }

    public void Dispose()
    {
        _writer?.Abandon();
        _writer = null;
    }

    private void Drop(Exception exception)
    {
        Dispose();
        _parts.TurnOff(_name, exception);
    }
}
