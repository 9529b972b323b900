using System.Net;
using System.Net.Sockets;
using System.Text;

namespace LayerCake.RemoteCaches.Tests;

/// <summary>HTTP servers that fail, lie and hang.</summary>
[TestFixture]
internal sealed class HttpFaultTests
{
    private static readonly Contents s_contents = Contents.New(3 << 20);

    [Test]
    public async Task A_server_that_fails_twice_is_asked_three_times()
    {
        using var server = new ScriptedServer(request => request.Number < 3 ? request.AnswerAsync(503) : request.AnswerAsync(200, s_contents.Bytes));
        using var cache = RemoteCaches.Open(server.Url, Reading.Impatient());
        Assert.That(await cache.GetAsync(s_contents.Digest, s_contents.Size), Is.EqualTo(s_contents.Bytes));
        Assert.That(server.Requests, Is.EqualTo(Enumerable.Repeat($"GET /cas/{s_contents.Digest}", 3)));
    }

    [TestCase(500)]
    [TestCase(502)]
    [TestCase(429)]
    [TestCase(408)]
    public void A_server_that_goes_on_failing_is_given_up(int status)
    {
        using var server = new ScriptedServer(request => request.AnswerAsync(status, headers: "Retry-After: 0\r\n"));
        using var cache = RemoteCaches.Open(server.Url, Reading.Impatient());
        Assert.That(
            () => cache.GetAsync(s_contents.Digest, s_contents.Size),
            Throws.TypeOf<RemoteCacheException>().With.Message.Contains($"the server answered {status}").And.Message.Contains("(tried 3 times)"));
        Assert.That(server.Requests, Has.Count.EqualTo(3));
    }

    [TestCase(400, "")]
    [TestCase(401, "LAYERCAKE_CACHE_HEADER")]
    [TestCase(403, "LAYERCAKE_CACHE_HEADER")]
    [TestCase(507, "free some space there")]
    [TestCase(206, "")]
    public void What_will_not_pass_is_not_tried_again(int status, string advice)
    {
        using var server = new ScriptedServer(request => request.AnswerAsync(status));
        using var cache = RemoteCaches.Open(server.Url.Replace("//", "//user:hidden@"), Reading.Impatient());
        Assert.That(
            () => cache.GetAsync(s_contents.Digest, s_contents.Size),
            Throws.TypeOf<RemoteCacheException>().With.Message.Contains($"{status}").And.Message.Contains(advice).And.Message.Not.Contains("hidden"));
        Assert.That(server.Requests, Has.Count.EqualTo(1));
    }

    [TestCase(404)]
    [TestCase(410)]
    public async Task What_is_not_there_is_no_error(int status)
    {
        using var server = new ScriptedServer(request => request.AnswerAsync(status, "not here"u8.ToArray()));
        using var cache = RemoteCaches.Open(server.Url, Reading.Impatient());
        Assert.That(await cache.GetAsync(s_contents.Digest, s_contents.Size), Is.Null);
        Assert.That(await cache.GetEntryAsync(s_contents.Digest, 100, default), Is.Null);
    }

    [Test]
    public async Task A_truncated_body_is_fetched_again_from_the_start()
    {
        using var server = new ScriptedServer(async request =>
        {
            await request.AnswerAsync(200, s_contents.Size, s_contents.Bytes.AsMemory(0, request.Number == 1 ? 2_000_000 : s_contents.Bytes.Length));
            request.Close();
        });
        using var cache = RemoteCaches.Open(server.Url, Reading.Impatient());
        Assert.That(await cache.GetAsync(s_contents.Digest, s_contents.Size), Is.EqualTo(s_contents.Bytes));
        Assert.That(server.Requests, Has.Count.EqualTo(2));
    }

    [Test]
    public void A_body_that_is_always_truncated_is_an_error_that_says_where()
    {
        using var server = new ScriptedServer(async request =>
        {
            await request.AnswerAsync(200, s_contents.Size, s_contents.Bytes.AsMemory(0, 1000));
            request.Close();
        });
        using var cache = RemoteCaches.Open(server.Url, Reading.Impatient());
        Assert.That(
            () => cache.GetAsync(s_contents.Digest, s_contents.Size),
            Throws.TypeOf<RemoteCacheException>().With.Message.Contains("broke off after 1,000 of 3,145,728 bytes"));
    }

    [Test]
    public void A_body_without_a_length_that_ends_early_is_noticed()
    {
        using var server = new ScriptedServer(async request =>
        {
            await request.SendRawAsync("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nshort");
            request.Close();
        });
        using var cache = RemoteCaches.Open(server.Url, Reading.Impatient());
        Assert.That(() => cache.GetAsync(s_contents.Digest, s_contents.Size), Throws.TypeOf<RemoteCacheException>().With.Message.Contains("broke off after 5 of"));
    }

    [Test]
    public void A_body_without_end_is_cut_at_the_size_agreed_on()
    {
        using var server = new ScriptedServer(async request =>
        {
            await request.SendRawAsync("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
            while (true)
            {
                await request.SendRawAsync(s_contents.Bytes);
            }
        });
        using var cache = RemoteCaches.Open(server.Url, Reading.Impatient());
        var got = new MemoryStream();
        Assert.That(
            () => cache.GetContentAsync(s_contents.Digest, s_contents.Size, () => got, default),
            Throws.TypeOf<RemoteCacheException>().With.Message.Contains("sends more than the 3,145,728 bytes"));
        Assert.That(got.ToArray(), Has.Length.EqualTo(s_contents.Size));
        Assert.That(() => cache.GetEntryAsync(s_contents.Digest, 1_000_000, default), Throws.TypeOf<RemoteCacheException>().With.Message.Contains("longer than the 1,000,000 bytes"));
    }

    [Test]
    public void A_wrong_length_is_refused_before_anything_is_read()
    {
        using var server = new ScriptedServer(request => request.AnswerAsync(200, s_contents.Bytes.AsMemory(1)));
        using var cache = RemoteCaches.Open(server.Url, Reading.Impatient());
        Assert.That(
            () => cache.GetContentAsync(s_contents.Digest, s_contents.Size, () => throw new InvalidOperationException("opened"), default),
            Throws.TypeOf<RemoteCacheException>().With.Message.Contains("has 3,145,727 bytes where 3,145,728 belong"));
        Assert.That(server.Requests, Has.Count.EqualTo(1));
    }

    [Test]
    public void An_entry_that_announces_more_than_allowed_is_refused()
    {
        using var server = new ScriptedServer(request => request.AnswerAsync(200, long.MaxValue, "{"u8.ToArray()));
        using var cache = RemoteCaches.Open(server.Url, Reading.Impatient());
        Assert.That(() => cache.GetEntryAsync(s_contents.Digest, 1 << 20, default), Throws.TypeOf<RemoteCacheException>().With.Message.Contains("longer than the 1,048,576 bytes"));
    }

    [TestCase(false)]
    [TestCase(true)]
    public void A_server_that_stands_still_is_given_up(bool afterHalf)
    {
        using var server = new ScriptedServer(async request =>
        {
            if (afterHalf)
            {
                await request.AnswerAsync(200, s_contents.Size, s_contents.Bytes.AsMemory(0, 1 << 20));
            }

            await request.HangAsync();
        });
        using var cache = RemoteCaches.Open(server.Url, Reading.Impatient() with { IdleTimeout = TimeSpan.FromMilliseconds(200), Tries = 2 });
        Assert.That(
            () => cache.GetAsync(s_contents.Digest, s_contents.Size),
            Throws.TypeOf<RemoteCacheException>().With.Message.Contains("for 0.2 s").And.Message.Contains("(tried 2 times)"));
    }

    [Test]
    public void An_upload_that_nobody_takes_is_given_up()
    {
        var large = Contents.New(32 << 20);
        using var server = new ScriptedServer(async request =>
        {
            await request.SendRawAsync("HTTP/1.1 100 Continue\r\n\r\n");
            await request.HangAsync();
        });
        using var cache = RemoteCaches.Open(server.Url, Reading.Impatient() with { IdleTimeout = TimeSpan.FromMilliseconds(300), Tries = 1 });
        Assert.That(() => cache.PutAsync(large), Throws.TypeOf<RemoteCacheException>().With.Message.Contains("did not answer for 0.3 s"));
    }

    [Test]
    public void A_cancelled_transfer_ends_as_cancelled()
    {
        using var cancel = new CancellationTokenSource();
        using var server = new ScriptedServer(async request =>
        {
            await request.AnswerAsync(200, s_contents.Size, s_contents.Bytes.AsMemory(0, 1 << 20));
            await cancel.CancelAsync();
            await request.HangAsync();
        });
        using var cache = RemoteCaches.Open(server.Url, Reading.Impatient());
        Assert.That(() => cache.GetAsync(s_contents.Digest, s_contents.Size, cancel.Token), Throws.InstanceOf<OperationCanceledException>());
    }

    [Test]
    public void A_port_where_nobody_listens_is_given_up()
    {
        using var taken = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        taken.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        using var cache = RemoteCaches.Open($"http://127.0.0.1:{((IPEndPoint)taken.LocalEndPoint!).Port}", Reading.Impatient());
        Assert.That(() => cache.GetEntryAsync(s_contents.Digest, 100, default), Throws.TypeOf<RemoteCacheException>().With.Message.Contains("(tried 3 times)"));
        Assert.That(() => cache.FindMissingAsync([s_contents.Question], default), Throws.TypeOf<RemoteCacheException>());
        Assert.That(() => cache.PutAsync(s_contents), Throws.TypeOf<RemoteCacheException>());
    }

    [Test]
    public async Task A_connection_that_is_reset_and_an_answer_that_is_no_HTTP_are_given_up()
    {
        using var server = new ScriptedServer(async request =>
        {
            if (request.Number % 2 == 0)
            {
                await request.SendRawAsync("SSH-2.0-OpenSSH\u001b[31m\r\n\r\n");
            }

            request.Reset();
        });
        using var cache = RemoteCaches.Open(server.Url, Reading.Impatient());
        var error = await Assert.ThrowsAsync<RemoteCacheException>(() => cache.GetAsync(s_contents.Digest, s_contents.Size));
        Assert.That(error!.Message.Any(char.IsControl), Is.False);
        Assert.That(server.Requests, Has.Count.EqualTo(3));
    }

    [Test]
    public async Task A_redirect_on_the_same_server_is_followed()
    {
        using var server = new ScriptedServer(request => request.Path.StartsWith("/moved", StringComparison.Ordinal)
            ? request.AnswerAsync(200, s_contents.Bytes)
            : request.AnswerAsync(302, headers: $"Location: /moved{request.Path}\r\n"));
        using var cache = RemoteCaches.Open(server.Url, Reading.Impatient());
        Assert.That(await cache.GetAsync(s_contents.Digest, s_contents.Size), Is.EqualTo(s_contents.Bytes));
    }

    [Test]
    public void A_redirect_to_another_server_is_not_followed()
    {
        using var other = new ScriptedServer(request => request.AnswerAsync(200, s_contents.Bytes));
        using var server = new ScriptedServer(request => request.AnswerAsync(307, headers: $"Location: {other.Url}{request.Path}\r\n"));
        using var cache = RemoteCaches.Open(server.Url, Reading.Impatient());
        Assert.That(() => cache.GetAsync(s_contents.Digest, s_contents.Size), Throws.TypeOf<RemoteCacheException>().With.Message.Contains("redirects to another server"));
        Assert.That(() => cache.PutAsync(s_contents), Throws.TypeOf<RemoteCacheException>().With.Message.Contains("redirects to another server"));
        Assert.That(other.Requests, Is.Empty);
    }

    [Test]
    public void Redirects_in_a_circle_end()
    {
        using var server = new ScriptedServer(request => request.AnswerAsync(302, headers: $"Location: {request.Path}\r\n"));
        using var cache = RemoteCaches.Open(server.Url, Reading.Impatient());
        Assert.That(() => cache.GetEntryAsync(s_contents.Digest, 10, default), Throws.TypeOf<RemoteCacheException>().With.Message.Contains("more than 5 times"));
    }

    [Test]
    public async Task Credentials_of_the_URL_and_the_header_of_the_environment_are_sent()
    {
        string? authorization = null, token = null;
        using var server = new ScriptedServer(request =>
        {
            (authorization, token) = (request.Header("Authorization"), request.Header("X-Token"));
            return request.AnswerAsync(404);
        });
        using var cache = RemoteCaches.Open(
            server.Url.Replace("//", "//us%3Aer:p%40ss:word@"), Reading.Impatient(new Dictionary<string, string> { ["LAYERCAKE_CACHE_HEADER"] = "X-Token: abc" }));
        await cache.GetEntryAsync(s_contents.Digest, 10, default);
        Assert.That(authorization, Is.EqualTo("Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes("us:er:p@ss:word"))));
        Assert.That(token, Is.EqualTo("abc"));
    }

    [Test]
    public async Task A_server_without_HEAD_is_sent_everything()
    {
        using var server = new ScriptedServer(request => request.AnswerAsync(405));
        using var cache = RemoteCaches.Open(server.Url, Reading.Impatient());
        Assert.That(await cache.FindMissingAsync([s_contents.Question], default), Is.EqualTo(new[] { s_contents.Digest }));
    }

    [Test]
    public async Task Content_of_another_length_counts_as_missing()
    {
        using var server = new ScriptedServer(request => request.SendRawAsync("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"));
        using var cache = RemoteCaches.Open(server.Url, Reading.Impatient());
        Assert.That(await cache.FindMissingAsync([s_contents.Question, new(s_contents.Digest, 3)], default), Is.EqualTo(new[] { s_contents.Digest }));
    }

    [Test]
    public async Task An_upload_is_sent_again_whole()
    {
        var bodies = new List<byte[]>();
        using var server = new ScriptedServer(async request =>
        {
            bodies.Add(await request.ReadBodyAsync());
            await request.AnswerAsync(request.Number == 1 ? 500 : 201);
        });
        using var cache = RemoteCaches.Open(server.Url, Reading.Impatient());
        await cache.PutAsync(s_contents);
        Assert.That(bodies, Has.Count.EqualTo(2).And.All.EqualTo(s_contents.Bytes));
    }

    [Test]
    public void An_upload_that_is_refused_is_not_sent()
    {
        using var server = new ScriptedServer(async request =>
        {
            await request.AnswerAsync(413, headers: "Connection: close\r\n");
            request.Close();
        });
        using var cache = RemoteCaches.Open(server.Url, Reading.Impatient());
        Assert.That(() => cache.PutAsync(s_contents), Throws.TypeOf<RemoteCacheException>().With.Message.Contains("client_max_body_size"));
        Assert.That(server.Requests, Has.Count.EqualTo(1));
    }

    [Test]
    public void What_fails_on_this_side_comes_out_as_it_is_and_is_not_tried_again()
    {
        using var server = new ScriptedServer(async request =>
        {
            await request.ReadBodyAsync();
            await request.AnswerAsync(200, s_contents.Bytes);
        });
        using var cache = RemoteCaches.Open(server.Url, Reading.Impatient());
        Assert.That(
            () => cache.GetContentAsync(s_contents.Digest, s_contents.Size, () => new MemoryStream(new byte[10]), default),
            Throws.TypeOf<NotSupportedException>());
        Assert.That(
            () => cache.GetContentAsync(s_contents.Digest, s_contents.Size, () => throw new IOException("disk full"), default),
            Throws.TypeOf<IOException>().With.Message.EqualTo("disk full"));
        Assert.That(server.Requests, Has.Count.EqualTo(2));
        Assert.That(
            () => cache.PutContentAsync(s_contents.Digest, s_contents.Size, () => throw new FileNotFoundException("gone"), default),
            Throws.TypeOf<FileNotFoundException>());
        Assert.That(
            () => cache.PutContentAsync(s_contents.Digest, s_contents.Size + 1, s_contents.Open, default),
            Throws.TypeOf<RemoteCacheException>().With.Message.Contains("the content to upload ended after 3,145,728 of 3,145,729 bytes"));
    }
}
