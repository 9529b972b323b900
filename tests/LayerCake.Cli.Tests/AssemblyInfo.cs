using System.Runtime.Versioning;

// Signals, modes and mounts are those of Unix. The tests wait for processes of their own, so a few may run at once.
[assembly: UnsupportedOSPlatform("windows")]
[assembly: Platform(Exclude = "Win", Reason = "uses signals, modes and mounts")]
[assembly: Parallelizable(ParallelScope.All)]
[assembly: FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
[assembly: LevelOfParallelism(3)]
