using System.Net;
using LayerCake.Building;

namespace LayerCake.RemoteCaches;

/// <summary>
/// A server of Bazel's HTTP cache shape: GET, HEAD and PUT of <c>cas/HEX</c> (content by its SHA-256) and <c>ac/HEX</c> (entries by key). nginx with WebDAV is
/// one, bazel-remote another.
/// </summary>
internal sealed class HttpCache : IRemoteCache
{
    private const int MostRedirects = 5;

    /// <summary>Larger bodies wait for the server's consent, so that a refusal comes before gigabytes were sent, and as an answer, not as a broken connection.</summary>
    private const long AskFirst = 1 << 20;

    private readonly HttpLocation _location;
    private readonly RemoteCacheOptions _options;
    private readonly RetryPolicy _retries;
    private readonly HttpClient _client;

    public HttpCache(HttpLocation location, RemoteCacheOptions options)
    {
        (_location, _options, _retries, _client) = (location, options, new RetryPolicy(options), Connections.Create(options));
    }

    public string Name => _location.Name;

    public Task<byte[]?> GetEntryAsync(Digest key, long maxBytes, CancellationToken token) => AskAsync(HttpMethod.Get, Entry(key), async (what, answer, idle) =>
    {
        if (answer is null)
        {
            return null;
        }

        var body = await answer.Content.ReadAsStreamAsync(idle.Token).ConfigureAwait(false);
        await using (body.ConfigureAwait(false))
        {
            return (byte[]?)await Body.ReadAllAsync(what, body, answer.Content.Headers.ContentLength, maxBytes, idle).ConfigureAwait(false);
        }
    }, token);

    public Task<bool> GetContentAsync(Digest digest, long size, Func<Stream> open, CancellationToken token) =>
        AskAsync(HttpMethod.Get, Content(digest), async (what, answer, idle) =>
        {
            if (answer is null)
            {
                return false;
            }

            if (answer.Content.Headers.ContentLength is { } length && length != size)
            {
                throw new RemoteCacheException($"{what}: the server has {length:N0} bytes where {size:N0} belong");
            }

            var body = await answer.Content.ReadAsStreamAsync(idle.Token).ConfigureAwait(false);
            await using (body.ConfigureAwait(false))
            {
                var sink = new SinkStream(open);
                await using (sink.ConfigureAwait(false))
                {
                    await Body.CopyAsync(what, body, size, sink, idle).ConfigureAwait(false);
                }
            }

            return true;
        }, token);

    public Task<IReadOnlyList<Digest>> FindMissingAsync(IReadOnlyList<KeyValuePair<Digest, long>> contents, CancellationToken token) =>
        Presence.FindMissingAsync(contents, IsThereAsync, _options, token);

    public Task PutEntryAsync(Digest key, ReadOnlyMemory<byte> content, CancellationToken token) =>
        PutAsync(Entry(key), content.Length, () => new MemoryStream(content.ToArray(), writable: false), token);

    public Task PutContentAsync(Digest digest, long size, Func<Stream> open, CancellationToken token) => PutAsync(Content(digest), size, open, token);

    public void Dispose() => _client.Dispose();

    private static string Content(Digest digest) => $"cas/{digest}";

    private static string Entry(Digest key) => $"ac/{key}";

    // Something of another length is not what we want there: it counts as missing, and the upload replaces it.
    private Task<bool> IsThereAsync(Digest digest, long size, CancellationToken token) => AskAsync(
        HttpMethod.Head,
        Content(digest),
        (_, answer, _) => Task.FromResult(answer is not null && (answer.Content.Headers.ContentLength is not { } length || length == size)),
        token);

    /// <summary>GET or HEAD; <paramref name="use"/> gets null where there is nothing.</summary>
    private Task<T> AskAsync<T>(HttpMethod method, string path, Func<string, HttpResponseMessage?, IdleTimer, Task<T>> use, CancellationToken token) =>
        _retries.RunAsync(async inner =>
        {
            var what = $"{Name}: {method} {path}";
            using var idle = new IdleTimer(_options, inner);
            using var answer = await SendAsync(what, path, address => Request(method, address), idle).ConfigureAwait(false);
            var status = (int)answer.StatusCode;
            return status switch
            {
                >= 200 and < 300 when status is not 206 => await use(what, answer, idle).ConfigureAwait(false),
                404 or 410 => await use(what, null, idle).ConfigureAwait(false),
                // A server that cannot be asked for presence is sent everything.
                405 or 501 when method == HttpMethod.Head => await use(what, null, idle).ConfigureAwait(false),
                _ => throw Failure(what, answer),
            };
        }, token);

    private Task PutAsync(string path, long size, Func<Stream> open, CancellationToken token) => _retries.RunAsync(async inner =>
    {
        var what = $"{Name}: PUT {path}";
        using var idle = new IdleTimer(_options, inner);
        UploadStream? source = null;
        try
        {
            using var answer = await SendAsync(
                what,
                path,
                address =>
                {
                    source = new UploadStream(what, open, size, idle);
                    var request = Request(HttpMethod.Put, address);
                    request.Content = new UploadContent(source);
                    request.Headers.ExpectContinue = size > AskFirst ? true : null;
                    return request;
                },
                idle).ConfigureAwait(false);
            if (!answer.IsSuccessStatusCode)
            {
                throw Failure(what, answer);
            }
        }
        catch (Exception) when (source?.Failure is { } failure && !inner.IsCancellationRequested)
        {
            throw new LocalException(failure);
        }
        finally
        {
            if (source is not null)
            {
                await source.DisposeAsync().ConfigureAwait(false);
            }
        }
    }, token);

    private HttpRequestMessage Request(HttpMethod method, Uri address)
    {
        var request = new HttpRequestMessage(method, address);
        foreach (var (name, value) in _location.Headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        return request;
    }

    /// <summary>Sends a request and follows redirects, but only on the same server: our headers are for nobody else.</summary>
    private async Task<HttpResponseMessage> SendAsync(string what, string path, Func<Uri, HttpRequestMessage> create, IdleTimer idle)
    {
        var address = new Uri(_location.Root, path);
        for (var redirects = 0; ; redirects++)
        {
            HttpResponseMessage answer;
            using (var request = create(address))
            {
                try
                {
                    idle.Touch();
                    answer = await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, idle.Token).ConfigureAwait(false);
                }
                catch (Exception exception) when (Answers.Failure(what, exception, idle) is { } failure)
                {
                    throw failure;
                }

                if (!Redirects(request.Method, (int)answer.StatusCode))
                {
                    return answer;
                }
            }

            using (answer)
            {
                var target = answer.Headers.Location is { } location ? new Uri(address, location) : null;
                if (target is null || Uri.Compare(target, address, UriComponents.SchemeAndServer, UriFormat.UriEscaped, StringComparison.OrdinalIgnoreCase) != 0)
                {
                    throw new RemoteCacheException($"{what}: the server redirects to another server, which is not followed; use that server's URL if it is meant");
                }

                if (redirects == MostRedirects)
                {
                    throw new RemoteCacheException($"{what}: the server redirects more than {MostRedirects} times");
                }

                address = target;
            }
        }
    }

    private static bool Redirects(HttpMethod method, int status) => status is 307 or 308 || status is 301 or 302 && method != HttpMethod.Put;

    private Exception Failure(string what, HttpResponseMessage answer) => Answers.Failure(
        what,
        (int)answer.StatusCode,
        Answers.RetryAfter(answer.Headers.RetryAfter, _options.Time),
        (answer.StatusCode, answer.RequestMessage!.Method.Method) switch
        {
            (HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden, _) =>
                $"put USER:PASSWORD@ before the host, or a header into {HttpLocation.HeaderVariable}, of somebody who may do this",
            (HttpStatusCode.RequestEntityTooLarge, _) => "raise the server's limit (nginx: client_max_body_size 0)",
            (HttpStatusCode.InsufficientStorage, _) => "free some space there",
            (HttpStatusCode.MethodNotAllowed or HttpStatusCode.NotFound or HttpStatusCode.Conflict or HttpStatusCode.NotImplemented, "PUT") =>
                "the server takes no uploads there (nginx: dav_methods PUT; create_full_put_path on)",
            _ => null,
        });
}
