namespace LayerCake.Building;

/// <summary>Takes what a build has to say while it runs. Called from any thread.</summary>
public interface IBuildReporter
{
    /// <summary>A line that a step prints.</summary>
    void Line(string text);

    /// <summary>Something that did not stop the build but should be known.</summary>
    void Warn(string text);

    /// <summary>How far a step is, in whatever it counts.</summary>
    void Progress(string what, long done, long total);

    /// <summary>Another process is making the same thing.</summary>
    /// <param name="what">What is waited for: a step's name.</param>
    /// <param name="owner">Who makes it; null where that is not known (yet).</param>
    void Waiting(string what, LockOwner? owner);
}
