using System.Runtime.Versioning;

// Modes, links and signals are those of Unix.
[assembly: UnsupportedOSPlatform("windows")]
[assembly: Platform(Exclude = "Win", Reason = "checks modes, links and signals")]
