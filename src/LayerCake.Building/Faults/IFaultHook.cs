namespace LayerCake.Building;

/// <summary>Is told when the build passes a named point at which it could be interrupted; tests kill the process there.</summary>
public interface IFaultHook
{
    void Pass(string point);
}
