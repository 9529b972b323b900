using Cake.Core;
using Cake.Core.Annotations;
using Cake.Core.Composition;
using Cake.Core.Configuration;

[assembly: CakeModule(typeof(LayerCake.CakeModule.ScriptCacheModule))]

namespace LayerCake.CakeModule;

/// <summary>
/// Makes Cake's compiled-script cache safe to use. Cake 7 writes a compiled script in place, so several cold starts at once
/// fail on each other's half-written file (cake#4127). Here every run compiles into a folder of its own and publishes the result
/// by rename when it ends; the cache is keyed by the content of the scripts. A run without this module compiles in memory.
/// </summary>
public sealed class ScriptCacheModule(ICakeConfiguration configuration, ICakeEnvironment environment) : ICakeModule
{
    public void Register(ICakeContainerRegistrar registrar)
    {
        // A dry run writes nothing, not even a cache.
        if (Environment.GetCommandLineArgs().Any(argument => argument is "--dryrun" or "--tree" or "--description"))
        {
            return;
        }

        var root = environment.WorkingDirectory.FullPath;
        if (PrivateScriptCache.TryOpen(root) is { } cache)
        {
            AppDomain.CurrentDomain.ProcessExit += (_, _) => cache.Publish();
            registrar.RegisterInstance<ICakeConfiguration>(new CachingConfiguration(configuration, cache.Folder));
        }
    }

    /// <summary>Cake's own settings with the script cache switched on and moved.</summary>
    private sealed class CachingConfiguration(ICakeConfiguration inner, string cacheFolder) : ICakeConfiguration
    {
        public string? GetValue(string key) => key.ToUpperInvariant() switch
        {
            "SETTINGS_ENABLESCRIPTCACHE" => bool.TrueString,
            "PATHS_CACHE" => cacheFolder,
            _ => inner.GetValue(key),
        };
    }
}
