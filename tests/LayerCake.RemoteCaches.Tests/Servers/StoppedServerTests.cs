using System.Net;
using System.Net.Sockets;
using System.Text;

namespace LayerCake.RemoteCaches.Tests;

/// <summary>Servers that end in the middle, and uploaders that do.</summary>
[TestFixture]
internal sealed class StoppedServerTests
{
    [Test]
    public async Task A_server_that_ends_in_the_middle_of_a_download_is_given_up()
    {
        using var servers = CacheServers.Start();
        foreach (var (kind, stop) in new (CacheKind, Action)[] { (CacheKind.S3, servers.StopS3), (CacheKind.Http, servers.StopHttp) })
        {
            using var cache = kind.Open(servers);
            var contents = Contents.New(24_000_000);
            await cache.PutAsync(contents);
            var stopped = false;
            Assert.That(
                () => cache.GetContentAsync(
                    contents.Digest,
                    contents.Size,
                    () => new ActingStream(() =>
                    {
                        if (!stopped)
                        {
                            stopped = true;
                            stop();
                        }
                    }),
                    default),
                Throws.TypeOf<RemoteCacheException>().With.Message.Contains("(tried 3 times)"),
                $"{kind}");
            Assert.That(() => cache.PutAsync(contents), Throws.TypeOf<RemoteCacheException>(), $"{kind}");
        }
    }

    [TestCase(CacheKind.S3)]
    [TestCase(CacheKind.Http)]
    public async Task An_uploader_that_is_killed_leaves_no_object(CacheKind kind)
    {
        // Half of a request: what the server sees of a process that is killed.
        var servers = CacheServers.Shared;
        using var cache = kind.Open(servers);
        var contents = Contents.New(4_000_000);
        var (address, path, headers) = kind == CacheKind.S3
            ? (new Uri(servers.S3Environment["AWS_ENDPOINT_URL_S3"]), $"/v1/AUTH_test/layercake/team/cache/cas/sha256/{$"{contents.Digest}"[..2]}/{contents.Digest}", await SwiftTokenAsync(servers))
            : (new Uri(servers.Http), $"/cas/{contents.Digest}", "");
        using (var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp))
        {
            await socket.ConnectAsync(IPAddress.Loopback, address.Port);
            await socket.SendAsync(Encoding.ASCII.GetBytes($"PUT {path} HTTP/1.1\r\nHost: {address.Authority}\r\n{headers}Content-Length: {contents.Size}\r\n\r\n"));
            for (var sent = 0; sent < 2_000_000;)
            {
                sent += await socket.SendAsync(contents.Bytes.AsMemory(sent, 2_000_000 - sent));
            }

            socket.Close(0);
        }

        Assert.That(await cache.FindMissingAsync([contents.Question], default), Has.Count.EqualTo(1));
        Assert.That(await cache.GetAsync(contents.Digest, contents.Size), Is.Null);
        await cache.PutAsync(contents);
        Assert.That(await cache.GetAsync(contents.Digest, contents.Size), Is.EqualTo(contents.Bytes));
    }

    [Test]
    public void A_wrong_password_is_an_error_that_names_the_remedy()
    {
        using var http = RemoteCaches.Open(CacheServers.Shared.HttpPrivate.Replace("cache:", "cache:hidden"), Reading.Impatient());
        Assert.That(
            () => http.GetEntryAsync(Contents.NewKey(), 100, default),
            Throws.TypeOf<RemoteCacheException>().With.Message.Contains("401 (Unauthorized)").And.Message.Contains("LAYERCAKE_CACHE_HEADER").And.Message.Not.Contains("hidden"));
        var environment = new Dictionary<string, string>(CacheServers.Shared.S3Environment) { ["AWS_SECRET_ACCESS_KEY"] = "hidden" };
        using var s3 = RemoteCaches.Open(CacheServers.Shared.S3, Reading.Impatient(environment));
        Assert.That(
            () => s3.GetEntryAsync(Contents.NewKey(), 100, default),
            Throws.TypeOf<RemoteCacheException>().With.Message.Contains("SignatureDoesNotMatch").And.Message.Contains("check the credentials").And.Message.Not.Contains("hidden"));
    }

    [Test]
    public void A_bucket_that_is_missing_is_named()
    {
        using var cache = RemoteCaches.Open("s3://no-such-bucket/a", Reading.Impatient(CacheServers.Shared.S3Environment));
        Assert.That(
            () => cache.PutEntryAsync(Contents.NewKey(), new byte[1], default),
            Throws.TypeOf<RemoteCacheException>().With.Message.Contains("s3://no-such-bucket").And.Message.Contains("create the bucket"));
    }

    private static async Task<string> SwiftTokenAsync(CacheServers servers)
    {
        using var client = new HttpClient(new SocketsHttpHandler { UseProxy = false });
        using var request = new HttpRequestMessage(HttpMethod.Get, servers.S3Environment["AWS_ENDPOINT_URL_S3"] + "/auth/v1.0");
        request.Headers.Add("X-Auth-User", servers.S3Environment["AWS_ACCESS_KEY_ID"]);
        request.Headers.Add("X-Auth-Key", servers.S3Environment["AWS_SECRET_ACCESS_KEY"]);
        using var answer = await client.SendAsync(request);
        return $"X-Auth-Token: {answer.Headers.GetValues("X-Auth-Token").Single()}\r\n";
    }

    /// <summary>Takes a download and does something with each write.</summary>
    private sealed class ActingStream(Action action) : MemoryStream
    {
        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            action();
            return ValueTask.CompletedTask;
        }
    }
}
