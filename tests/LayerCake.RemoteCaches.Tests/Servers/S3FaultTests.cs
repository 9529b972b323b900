using System.Text;

namespace LayerCake.RemoteCaches.Tests;

/// <summary>S3 servers that fail, lie and hang.</summary>
[TestFixture]
internal sealed class S3FaultTests
{
    private static readonly Contents s_contents = Contents.New(3 << 20);

    [Test]
    public async Task Requests_are_path_style_below_the_prefix()
    {
        using var server = new ScriptedServer(request => request.AnswerAsync(404));
        using var cache = Open(server);
        var hex = s_contents.Digest.ToString();
        Assert.That(await cache.GetAsync(s_contents.Digest, s_contents.Size), Is.Null);
        Assert.That(await cache.GetEntryAsync(s_contents.Digest, 100, default), Is.Null);
        Assert.That(server.Requests, Is.EqualTo(new[] { $"GET /bucket/a/b/cas/sha256/{hex[..2]}/{hex}", $"GET /bucket/a/b/ac/1/{hex}.json" }));
    }

    [Test]
    public async Task An_upload_is_plain_bytes_signed_with_their_digest()
    {
        byte[]? body = null;
        string? signed = null, digest = null, encoding = null;
        using var server = new ScriptedServer(async request =>
        {
            body = await request.ReadBodyAsync();
            (signed, digest, encoding) = (request.Header("x-amz-content-sha256"), request.Header("x-amz-checksum-sha256"), request.Header("Content-Encoding"));
            await request.AnswerAsync(200);
        });
        using var cache = Open(server);
        await cache.PutAsync(s_contents);
        Assert.That(body, Is.EqualTo(s_contents.Bytes));
        Assert.That(signed, Is.EqualTo(s_contents.Digest.ToString()));
        Assert.That(digest, Is.EqualTo(Convert.ToBase64String(Convert.FromHexString(s_contents.Digest.ToString()))));
        Assert.That(encoding, Is.Null);
    }

    [Test]
    public async Task A_server_that_fails_twice_is_asked_three_times()
    {
        using var server = new ScriptedServer(request => request.Number < 3
            ? request.AnswerAsync(503, Xml("SlowDown"), "Retry-After: 0\r\nContent-Type: application/xml\r\n")
            : request.AnswerAsync(200, s_contents.Bytes));
        using var cache = Open(server);
        Assert.That(await cache.GetAsync(s_contents.Digest, s_contents.Size), Is.EqualTo(s_contents.Bytes));
        Assert.That(server.Requests, Has.Count.EqualTo(3));
    }

    [TestCase(404, "NoSuchBucket", "create the bucket", 1)]
    [TestCase(403, "AccessDenied", "check the credentials", 1)]
    [TestCase(400, "AuthorizationHeaderMalformed", "set AWS_REGION", 1)]
    [TestCase(301, "PermanentRedirect", "set AWS_REGION", 1)]
    [TestCase(500, "InternalError", "(tried 3 times)", 3)]
    [TestCase(503, "SlowDown", "(tried 3 times)", 3)]
    public void A_refusal_says_what_and_what_to_do(int status, string code, string advice, int tries)
    {
        using var server = new ScriptedServer(request => request.AnswerAsync(status, Xml(code), "Content-Type: application/xml\r\n"));
        using var cache = Open(server);
        Assert.That(
            () => cache.GetAsync(s_contents.Digest, s_contents.Size),
            Throws.TypeOf<RemoteCacheException>().With.Message.Contains(code).And.Message.Contains(advice).And.Message.Not.Contains("key-id").And.Message.Not.Contains("hidden"));
        Assert.That(server.Requests, Has.Count.EqualTo(tries));
    }

    [Test]
    public async Task A_truncated_body_is_fetched_again()
    {
        using var server = new ScriptedServer(async request =>
        {
            await request.AnswerAsync(200, s_contents.Size, s_contents.Bytes.AsMemory(0, request.Number == 1 ? 1_500_000 : s_contents.Bytes.Length));
            request.Close();
        });
        using var cache = Open(server);
        Assert.That(await cache.GetAsync(s_contents.Digest, s_contents.Size), Is.EqualTo(s_contents.Bytes));
        Assert.That(server.Requests, Has.Count.EqualTo(2));
    }

    [Test]
    public void A_wrong_length_is_refused()
    {
        using var server = new ScriptedServer(request => request.AnswerAsync(200, s_contents.Bytes.AsMemory(1)));
        using var cache = Open(server);
        Assert.That(() => cache.GetAsync(s_contents.Digest, s_contents.Size), Throws.TypeOf<RemoteCacheException>().With.Message.Contains("where 3,145,728 belong"));
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
        using var cache = Open(server, TimeSpan.FromMilliseconds(300));
        Assert.That(() => cache.GetAsync(s_contents.Digest, s_contents.Size), Throws.TypeOf<RemoteCacheException>().With.Message.Contains("for 0.3 s"));
    }

    [Test]
    public async Task An_answer_that_is_no_S3_answer_is_given_up()
    {
        using var server = new ScriptedServer(request => request.AnswerAsync(400, "<html>\u001b[31mlogin"u8.ToArray(), "Content-Type: text/html\r\n"));
        using var cache = Open(server);
        var error = await Assert.ThrowsAsync<RemoteCacheException>(() => cache.GetAsync(s_contents.Digest, s_contents.Size));
        Assert.That(error!.Message.Any(char.IsControl), Is.False);
        using var ok = new ScriptedServer(request => request.AnswerAsync(200, "no XML"u8.ToArray()));
        using var other = Open(ok);
        Assert.That(() => other.PutAsync(Contents.New(9 << 20)), Throws.TypeOf<RemoteCacheException>());
    }

    [Test]
    public async Task A_part_that_fails_is_sent_again_by_itself()
    {
        var large = Contents.New(12 << 20);
        var parts = new System.Collections.Concurrent.ConcurrentDictionary<string, byte[]>();
        var failed = 0;
        using var server = new ScriptedServer(async request =>
        {
            var body = await request.ReadBodyAsync();
            if (request.Path.Contains("partNumber=2") && Interlocked.Exchange(ref failed, 1) == 0)
            {
                await request.AnswerAsync(500);
                return;
            }

            if (request.Method == "PUT")
            {
                parts[request.Path[(request.Path.IndexOf("partNumber=") + 11)..][..1]] = body;
            }

            await AnswerMultipartAsync(request);
        });
        using var cache = Open(server);
        await cache.PutAsync(large);
        Assert.That(parts.OrderBy(part => part.Key).SelectMany(part => part.Value), Is.EqualTo(large.Bytes));
        Assert.That(server.Requests.Count(each => each.StartsWith("PUT")), Is.EqualTo(4));
        Assert.That(server.Requests, Has.None.StartsWith("DELETE"));
    }

    [Test]
    public void Parts_of_an_upload_that_fails_are_given_up()
    {
        var large = Contents.New(12 << 20);
        using var server = new ScriptedServer(async request =>
        {
            await request.ReadBodyAsync();
            if (request.Path.Contains("partNumber=2"))
            {
                await request.AnswerAsync(500);
                return;
            }

            await AnswerMultipartAsync(request);
        });
        using var cache = Open(server);
        Assert.That(() => cache.PutAsync(large), Throws.TypeOf<RemoteCacheException>().With.Message.Contains("part 2: the server answered 500"));
        Assert.That(server.Requests.Last(), Does.StartWith("DELETE").And.Contains("uploadId=upload-1"));
    }

    [Test]
    public async Task An_upload_completed_unheard_is_complete()
    {
        var large = Contents.New(12 << 20);
        var completing = 0;
        using var server = new ScriptedServer(async request =>
        {
            await request.ReadBodyAsync();
            if (request.Method == "POST" && request.Path.Contains("uploadId"))
            {
                await request.AnswerAsync(++completing == 1 ? 502 : 404, completing == 1 ? default : Xml("NoSuchUpload"), "Content-Type: application/xml\r\n");
                return;
            }

            if (request.Method == "HEAD")
            {
                await request.SendRawAsync($"HTTP/1.1 200 OK\r\nContent-Length: {large.Size}\r\n\r\n");
                return;
            }

            await AnswerMultipartAsync(request);
        });
        using var cache = Open(server);
        await cache.PutAsync(large);
        Assert.That(completing, Is.EqualTo(2));
    }

    [TestCase(1L << 20, 32 << 20)]
    [TestCase(320_000L << 20, 32 << 20)]
    [TestCase(640_000L << 20, 64 << 20)]
    public void Parts_grow_where_ten_thousand_would_not_do(long size, int part) =>
        Assert.That(MultipartUpload.PartSize(size, new RemoteCacheOptions()), Is.EqualTo(part));

    private static Task AnswerMultipartAsync(ScriptedRequest request) => (request.Method, request.Path.Contains("uploads")) switch
    {
        ("POST", true) => request.AnswerAsync(
            200, "<InitiateMultipartUploadResult><Bucket>bucket</Bucket><Key>k</Key><UploadId>upload-1</UploadId></InitiateMultipartUploadResult>"u8.ToArray(), "Content-Type: application/xml\r\n"),
        ("POST", _) => request.AnswerAsync(
            200, "<CompleteMultipartUploadResult><Bucket>bucket</Bucket><Key>k</Key><ETag>e</ETag></CompleteMultipartUploadResult>"u8.ToArray(), "Content-Type: application/xml\r\n"),
        ("PUT", _) => request.AnswerAsync(200, headers: "ETag: \"e\"\r\n"),
        _ => request.AnswerAsync(204),
    };

    private static byte[] Xml(string code) => Encoding.UTF8.GetBytes($"<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>no</Message></Error>");

    private static IRemoteCache Open(ScriptedServer server, TimeSpan? idle = null) => RemoteCaches.Open("s3://bucket/a/b", Reading.Impatient(new Dictionary<string, string>
    {
        ["AWS_ENDPOINT_URL"] = server.Url,
        ["AWS_REGION"] = "us-east-1",
        ["AWS_ACCESS_KEY_ID"] = "key-id",
        ["AWS_SECRET_ACCESS_KEY"] = "hidden",
    }) with
    {
        IdleTimeout = idle ?? TimeSpan.FromSeconds(30),
        MultipartThreshold = 8 << 20,
        PartSize = 5 << 20,
    });
}
