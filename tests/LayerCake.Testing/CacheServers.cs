using System.Diagnostics;

namespace LayerCake.Testing;

/// <summary>
/// Real servers for shared caches, OpenStack Swift's S3 API and nginx with WebDAV, as <c>build/servers/start.sh</c> starts them: on free ports of the loopback
/// interface, with their files in a temporary folder. They end with this process, however it ends.
/// </summary>
public sealed class CacheServers : IDisposable
{
    private static readonly Lazy<CacheServers> s_shared = new(() =>
    {
        var servers = Start();
        AppDomain.CurrentDomain.ProcessExit += (_, _) => servers.Dispose();
        return servers;
    });

    private readonly TemporaryFolder _folder = new();
    private readonly Dictionary<string, string> _settings = [];

    private CacheServers()
    {
    }

    /// <summary>
    /// The servers that all tests of this process share, started at the first call. Where they are not installed, the test is ignored with the reason; on CI
    /// (the variable CI is set) it fails.
    /// </summary>
    public static CacheServers Shared
    {
        get
        {
            Require();
            return s_shared.Value;
        }
    }

    /// <summary>Location of the S3 cache, with <see cref="S3Environment"/>.</summary>
    public string S3 => _settings["S3_CACHE"];

    /// <summary>The AWS variables (endpoint, region, credentials) that <see cref="S3"/> needs.</summary>
    public IReadOnlyDictionary<string, string> S3Environment => _settings.Where(each => each.Key.StartsWith("AWS_", StringComparison.Ordinal)).ToDictionary();

    /// <summary>Location of the HTTP cache.</summary>
    public string Http => _settings["HTTP_CACHE"];

    /// <summary>Location of an HTTP cache with a password, which it holds.</summary>
    public string HttpPrivate => _settings["HTTP_PRIVATE_CACHE"];

    /// <summary>Servers of one test's own, which it may stop; installed or not as for <see cref="Shared"/>.</summary>
    public static CacheServers Start() => Start([]);

    /// <summary>As <see cref="Start()"/> without the S3 server, which takes seconds to start.</summary>
    public static CacheServers StartHttp() => Start(["nginx"]);

    private static CacheServers Start(string[] only)
    {
        Require();
        var servers = new CacheServers();
        try
        {
            foreach (var line in Script("start.sh", [servers._folder.At("servers"), Environment.ProcessId.ToString(), .. only]).Split('\n', StringSplitOptions.RemoveEmptyEntries))
            {
                var equals = line.IndexOf('=');
                servers._settings[line[..equals]] = line[(equals + 1)..];
            }

            return servers;
        }
        catch
        {
            servers._folder.Dispose();
            throw;
        }
    }

    /// <summary>Ends Swift; requests under way break off.</summary>
    public void StopS3() => Script("stop.sh", _folder.At("servers"), "swift");

    /// <summary>Ends nginx; requests under way break off.</summary>
    public void StopHttp() => Script("stop.sh", _folder.At("servers"), "nginx");

    public void Dispose()
    {
        Script("stop.sh", _folder.At("servers"));
        _folder.Dispose();
    }

    private static void Require()
    {
        string[] programs = ["swift-proxy-server", "swift-account-server", "swift-container-server", "swift-object-server", "memcached", "nginx"];
        string[] folders = [.. (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator), "/usr/sbin", "/sbin"];
        var missing = programs.Where(program => !Array.Exists(folders, folder => File.Exists(Path.Combine(folder, program)))).ToArray();
        if (missing.Length == 0)
        {
            return;
        }

        var reason = $"not installed: {string.Join(", ", missing)} (build/servers/install.sh installs them on Debian)";
        if (!string.IsNullOrEmpty(Environment.GetEnvironmentVariable("CI")))
        {
            Assert.Fail(reason);
        }

        Assert.Ignore(reason);
    }

    private static string Script(string name, params string[] arguments)
    {
        var start = new ProcessStartInfo("bash", [Path.Combine(RepositoryFiles.Root, "build", "servers", name), .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? output : throw new InvalidOperationException($"{name}: {errors.Result}");
    }
}
