using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using LayerCake.Testing;

namespace LayerCake.Reporting.Tests;

/// <summary>A headless Chromium that can reach nothing: its proxy is this test, which notes who knocks.</summary>
internal sealed partial class Browser : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(4);

    private readonly TemporaryFolder _profile = new();
    private readonly TcpListener _proxy = new(IPAddress.Loopback, 0);
    private readonly string _program;
    private readonly ConcurrentBag<string> _asked = [];

    private Browser(string program)
    {
        _program = program;
        _proxy.Start();
        _ = CountAsync();
    }

    /// <summary>What pages asked for, as the first line of each request. What the browser asks its own makers is left out.</summary>
    public IEnumerable<string> Asked => _asked.Where(line => !MakersHosts().IsMatch(line));

    /// <summary>The browser of this machine; where there is none the test is skipped, on CI it fails.</summary>
    public static Browser Open()
    {
        var names = new[] { Environment.GetEnvironmentVariable("CHROMIUM"), "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome" };
        if (names.FirstOrDefault(name => !string.IsNullOrEmpty(name) && File.Exists(name)) is { } program)
        {
            return new Browser(program);
        }

        const string Reason = "no Chromium here: build/browser/install.sh installs it, or CHROMIUM names one";
        if (string.IsNullOrEmpty(Environment.GetEnvironmentVariable("CI")))
        {
            Assert.Ignore(Reason);
        }

        throw new AssertionException(Reason);
    }

    /// <summary>The page's elements after it was laid out.</summary>
    public string Dom(string file) => Run(file, "--dump-dom", "--virtual-time-budget=3000");

    /// <summary>A picture of the page.</summary>
    public Picture Screenshot(string file, int width, int height, bool dark)
    {
        var path = _profile.At($"{Guid.NewGuid():n}.png");
        Run(file, $"--screenshot={path}", $"--window-size={width},{height}", "--hide-scrollbars", $"--blink-settings=preferredColorScheme={(dark ? 0 : 1)}");
        return Picture.Read(path);
    }

    public void Dispose()
    {
        _proxy.Dispose();
        _profile.Dispose();
    }

    private string Run(string file, params string[] arguments)
    {
        var start = new ProcessStartInfo(_program) { RedirectStandardOutput = true, RedirectStandardError = true };
        string[] all =
        [
            "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking", "--disable-component-update",
            "--disable-sync", "--disable-default-apps", "--disable-extensions", "--metrics-recording-only", "--disable-features=OptimizationHints,MediaRouter,Translate",
            $"--user-data-dir={_profile.At("profile")}", $"--proxy-server=127.0.0.1:{((IPEndPoint)_proxy.LocalEndpoint).Port}", "--proxy-bypass-list=<-loopback>",
            .. arguments, new Uri(file).AbsoluteUri,
        ];
        foreach (var argument in all)
        {
            start.ArgumentList.Add(argument);
        }

        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(Limit))
        {
            process.Kill(entireProcessTree: true);
            throw new AssertionException("the browser did not end");
        }

        Assert.That(process.ExitCode, Is.Zero, error.GetAwaiter().GetResult());
        return output.GetAwaiter().GetResult();
    }

    private async Task CountAsync()
    {
        try
        {
            while (true)
            {
                _ = KeepAsync(await _proxy.AcceptTcpClientAsync().ConfigureAwait(false));
            }
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private async Task KeepAsync(TcpClient client)
    {
        using (client)
        using (var reader = new StreamReader(client.GetStream()))
        {
            try
            {
                _asked.Add(await reader.ReadLineAsync().ConfigureAwait(false) ?? "");
            }
            catch (IOException)
            {
                _asked.Add("a connection that was broken off");
            }
        }
    }

    [GeneratedRegex(@"^[A-Z]+ (http://)?[a-z0-9.-]+\.(google|googleapis|gstatic)\.com[:/]|^$")]
    private static partial Regex MakersHosts();
}
