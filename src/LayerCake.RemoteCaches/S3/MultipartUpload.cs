using System.Buffers;
using Amazon.S3;
using Amazon.S3.Model;
using LayerCake.Building;

namespace LayerCake.RemoteCaches;

/// <summary>
/// Uploads content in parts: the content is read once, from start to end, into buffers, and several parts are under way at once. A part that fails is sent again by
/// itself. The object appears when all parts are there; whatever else happens, the parts are given up.
/// </summary>
internal sealed class MultipartUpload(S3Requests requests, string key)
{
    /// <summary>S3's limit.</summary>
    private const int MostParts = 10_000;

    private static readonly TimeSpan s_abortPatience = TimeSpan.FromSeconds(10);

    private readonly string _what = requests.What("PUT", key);

    /// <summary>Bytes of each part but the last.</summary>
    public static int PartSize(long size, RemoteCacheOptions options) => (int)Math.Min(Array.MaxLength, Math.Max(options.PartSize, (size + MostParts - 1) / MostParts));

    public async Task RunAsync(long size, Func<Stream> open, CancellationToken token)
    {
        var upload = await requests.SendAsync(
            _what,
            idle => requests.Client.InitiateMultipartUploadAsync(
                new InitiateMultipartUploadRequest { BucketName = requests.Bucket, Key = key, ContentType = S3Cache.ContentType }, idle.Token),
            token).ConfigureAwait(false);
        try
        {
            var parts = await SendPartsAsync(upload.UploadId, size, open, token).ConfigureAwait(false);
            await CompleteAsync(upload.UploadId, size, parts, token).ConfigureAwait(false);
        }
        catch
        {
            await AbortAsync(upload.UploadId).ConfigureAwait(false);
            throw;
        }
    }

    private async Task<List<PartETag>> SendPartsAsync(string upload, long size, Func<Stream> open, CancellationToken token)
    {
        var partSize = PartSize(size, requests.Options);
        using var failed = CancellationTokenSource.CreateLinkedTokenSource(token);
        using var room = new SemaphoreSlim(requests.Options.PartsAtOnce);
        var sending = new List<Task<PartETag>>();
        Exception? first = null;
        try
        {
            var source = open();
            await using (source.ConfigureAwait(false))
            {
                for (long done = 0; done < size; done += partSize)
                {
                    await room.WaitAsync(failed.Token).ConfigureAwait(false);
                    var length = (int)Math.Min(partSize, size - done);
                    var buffer = ArrayPool<byte>.Shared.Rent(length);
                    var read = await source.ReadAtLeastAsync(buffer.AsMemory(0, length), length, throwOnEndOfStream: false, failed.Token).ConfigureAwait(false);
                    if (read < length)
                    {
                        throw new RemoteCacheException($"{_what}: the content to upload ended after {done + read:N0} of {size:N0} bytes");
                    }

                    sending.Add(SendPartAsync(sending.Count + 1, buffer, length));
                }
            }
        }
        catch (Exception exception)
        {
            await failed.CancelAsync().ConfigureAwait(false);
            first = exception;
        }

        // All of them have to be over before the parts are given up: one that arrives later would stay.
        await Task.WhenAll((IEnumerable<Task>)sending).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        token.ThrowIfCancellationRequested();
        if (sending.Find(part => part.IsFaulted) is { } faulted)
        {
            await faulted.ConfigureAwait(false);
        }

        if (first is not null)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(first);
        }

        return [.. sending.Select(part => part.Result)];

        async Task<PartETag> SendPartAsync(int number, byte[] buffer, int length)
        {
            try
            {
                var answer = await requests.UploadAsync(
                    $"{_what}, part {number}",
                    length,
                    () => new MemoryStream(buffer, 0, length, writable: false),
                    (body, idle) => requests.Client.UploadPartAsync(
                        new UploadPartRequest
                        {
                            BucketName = requests.Bucket,
                            Key = key,
                            UploadId = upload,
                            PartNumber = number,
                            PartSize = length,
                            InputStream = body,
                            UseChunkEncoding = false,
                            // TLS protects the bytes on their way; without it, the signature does.
                            DisablePayloadSigning = requests.IsSecure,
                        },
                        idle.Token),
                    failed.Token).ConfigureAwait(false);
                return new PartETag(number, answer.ETag);
            }
            catch
            {
                await failed.CancelAsync().ConfigureAwait(false);
                throw;
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(buffer);
                room.Release();
            }
        }
    }

    private async Task CompleteAsync(string upload, long size, List<PartETag> parts, CancellationToken token)
    {
        var tries = 0;
        await requests.SendAsync(
            _what,
            async idle =>
            {
                try
                {
                    tries++;
                    await requests.Client.CompleteMultipartUploadAsync(
                        new CompleteMultipartUploadRequest { BucketName = requests.Bucket, Key = key, UploadId = upload, PartETags = parts },
                        idle.Token).ConfigureAwait(false);
                }
                catch (AmazonS3Exception exception) when (tries > 1 && S3Errors.IsMissing(exception))
                {
                    // An earlier try may have been completed without our hearing of it.
                    if (await requests.LengthAsync(key, idle.Token).ConfigureAwait(false) != size)
                    {
                        throw;
                    }
                }

                return true;
            },
            token).ConfigureAwait(false);
    }

    private async Task AbortAsync(string upload)
    {
        // The caller may have been cancelled; this has its own patience.
        using var patience = new CancellationTokenSource(s_abortPatience, requests.Options.Time);
        try
        {
            await requests.SendAsync(
                _what,
                idle => requests.Client.AbortMultipartUploadAsync(
                    new AbortMultipartUploadRequest { BucketName = requests.Bucket, Key = key, UploadId = upload }, idle.Token),
                patience.Token).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is RemoteCacheException or OperationCanceledException)
        {
            // The server is gone, then. A rule of the bucket removes what incomplete uploads leave (docs/caching.md).
        }
    }
}
