using Amazon.S3;
using Amazon.S3.Model;

namespace LayerCake.RemoteCaches;

/// <summary>Requests to one bucket: each with its idle timer, its retries, and failures in our words.</summary>
internal sealed class S3Requests(AmazonS3Client client, S3Location location, RemoteCacheOptions options)
{
    private readonly RetryPolicy _retries = new(options);

    public AmazonS3Client Client => client;

    public string Bucket => location.Bucket;

    public RemoteCacheOptions Options => options;

    public bool IsSecure { get; } = !(client.Config.ServiceURL is { } url && url.StartsWith("http://", StringComparison.OrdinalIgnoreCase));

    /// <summary>What a request is called in messages; the key is named below the bucket.</summary>
    public string What(string verb, string key) => $"s3://{location.Bucket}: {verb} {key}";

    public Task<T> SendAsync<T>(string what, Func<IdleTimer, Task<T>> send, CancellationToken token) => _retries.RunAsync(async inner =>
    {
        using var idle = new IdleTimer(options, inner);
        try
        {
            return await send(idle).ConfigureAwait(false);
        }
        catch (Exception exception) when (S3Errors.Failure(what, exception, idle, options.Time) is { } failure)
        {
            throw failure;
        }
    }, token);

    /// <summary>Sends a body of known length.</summary>
    public Task<T> UploadAsync<T>(string what, long size, Func<Stream> open, Func<UploadStream, IdleTimer, Task<T>> send, CancellationToken token) =>
        SendAsync(what, async idle =>
        {
            var source = new UploadStream(what, open, size, idle);
            await using (source.ConfigureAwait(false))
            {
                try
                {
                    return await send(source, idle).ConfigureAwait(false);
                }
                catch (Exception) when (source.Failure is { } failure && !token.IsCancellationRequested)
                {
                    throw new LocalException(failure);
                }
            }
        }, token);

    /// <summary>Length of an object; null where there is none.</summary>
    public Task<long?> LengthAsync(string key, CancellationToken token) => SendAsync<long?>(What("HEAD", key), async idle =>
    {
        try
        {
            return (await client.GetObjectMetadataAsync(location.Bucket, key, idle.Token).ConfigureAwait(false)).ContentLength;
        }
        catch (AmazonS3Exception exception) when (S3Errors.IsMissing(exception))
        {
            return null;
        }
    }, token);

    /// <summary>Reads an object; <paramref name="use"/> gets null where there is none.</summary>
    public Task<T> GetAsync<T>(string key, Func<string, GetObjectResponse?, IdleTimer, Task<T>> use, CancellationToken token)
    {
        var what = What("GET", key);
        return SendAsync(what, async idle =>
        {
            GetObjectResponse? answer;
            try
            {
                answer = await client.GetObjectAsync(new GetObjectRequest { BucketName = location.Bucket, Key = key }, idle.Token).ConfigureAwait(false);
            }
            catch (AmazonS3Exception exception) when (S3Errors.IsMissing(exception))
            {
                answer = null;
            }

            using (answer)
            {
                return await use(what, answer, idle).ConfigureAwait(false);
            }
        }, token);
    }
}
