using Amazon.S3.Model;
using LayerCake.Building;

namespace LayerCake.RemoteCaches;

/// <summary>
/// A bucket behind the S3 API, of AWS or of any other server: <c>PREFIX/cas/sha256/ab/HEX</c> and <c>PREFIX/ac/1/HEX.json</c>. It needs GET, HEAD, PUT and multipart
/// uploads and nothing else: no conditional writes, no listing, no deletion.
/// </summary>
internal sealed class S3Cache : IRemoteCache
{
    internal const string ContentType = "application/octet-stream";

    private readonly S3Location _location;
    private readonly RemoteCacheOptions _options;
    private readonly HttpClient _connections;
    private readonly Lazy<S3Requests> _requests;

    public S3Cache(S3Location location, S3Settings settings, RemoteCacheOptions options)
    {
        (_location, _options, _connections) = (location, options, Connections.Create(options));
        // Loading the SDK and searching for profiles takes a tenth of a second, which a build that asks nothing need not pay.
        _requests = new Lazy<S3Requests>(() => new S3Requests(settings.Connect(_connections), location, options));
    }

    public string Name => _location.Name;

    public Task<byte[]?> GetEntryAsync(Digest key, long maxBytes, CancellationToken token) =>
        _requests.Value.GetAsync(_location.EntryKey(key), async (what, answer, idle) =>
            answer is null ? null : await Body.ReadAllAsync(what, answer.ResponseStream, answer.ContentLength, maxBytes, idle).ConfigureAwait(false), token);

    public Task<bool> GetContentAsync(Digest digest, long size, Func<Stream> open, CancellationToken token) =>
        _requests.Value.GetAsync(_location.ContentKey(digest), async (what, answer, idle) =>
        {
            if (answer is null)
            {
                return false;
            }

            if (answer.ContentLength != size)
            {
                throw new RemoteCacheException($"{what}: the server has {answer.ContentLength:N0} bytes where {size:N0} belong");
            }

            var sink = new SinkStream(open);
            await using (sink.ConfigureAwait(false))
            {
                await Body.CopyAsync(what, answer.ResponseStream, size, sink, idle).ConfigureAwait(false);
            }

            return true;
        }, token);

    // Something of another length is not what we want there: it counts as missing, and the upload replaces it.
    public Task<IReadOnlyList<Digest>> FindMissingAsync(IReadOnlyList<KeyValuePair<Digest, long>> contents, CancellationToken token) => Presence.FindMissingAsync(
        contents,
        async (digest, size, inner) => await _requests.Value.LengthAsync(_location.ContentKey(digest), inner).ConfigureAwait(false) == size,
        _options,
        token);

    public Task PutEntryAsync(Digest key, ReadOnlyMemory<byte> content, CancellationToken token) =>
        PutAsync(_location.EntryKey(key), Digest.Of(content.Span), content.Length, () => new MemoryStream(content.ToArray(), writable: false), token);

    public Task PutContentAsync(Digest digest, long size, Func<Stream> open, CancellationToken token) => size > _options.MultipartThreshold
        ? new MultipartUpload(_requests.Value, _location.ContentKey(digest)).RunAsync(size, open, token)
        : PutAsync(_location.ContentKey(digest), digest, size, open, token);

    public void Dispose()
    {
        if (_requests.IsValueCreated)
        {
            _requests.Value.Client.Dispose();
        }

        _connections.Dispose();
    }

    private static string Base64(Digest digest)
    {
        Span<byte> bytes = stackalloc byte[Digest.ByteLength];
        digest.CopyTo(bytes);
        return Convert.ToBase64String(bytes);
    }

    /// <summary>The client reads what it signs twice. What cannot be read twice is kept in memory; it is smaller than what goes in parts.</summary>
    private static Stream Rewindable(Stream source, long size)
    {
        if (source.CanSeek)
        {
            return source;
        }

        using (source)
        {
            var content = new byte[size];
            var length = source.ReadAtLeast(content, content.Length, throwOnEndOfStream: false);
            return new MemoryStream(content, 0, length, writable: false);
        }
    }

    private Task PutAsync(string key, Digest digest, long size, Func<Stream> open, CancellationToken token)
    {
        var requests = _requests.Value;
        return requests.UploadAsync(
            requests.What("PUT", key),
            size,
            () => Rewindable(open(), size),
            (body, idle) =>
            {
                var request = new PutObjectRequest
                {
                    BucketName = _location.Bucket,
                    Key = key,
                    InputStream = body,
                    ContentType = ContentType,
                    AutoCloseStream = false,
                    AutoResetStreamPosition = false,
                    UseChunkEncoding = false,
                    // TLS protects the bytes on their way; without it, the signature does.
                    DisablePayloadSigning = requests.IsSecure,
                    // A server that knows this header refuses other bytes.
                    ChecksumSHA256 = Base64(digest),
                };
                request.Headers.ContentLength = size;
                return requests.Client.PutObjectAsync(request, idle.Token);
            },
            token);
    }
}
