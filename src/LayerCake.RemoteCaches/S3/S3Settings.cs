using Amazon;
using Amazon.Runtime;
using Amazon.S3;

namespace LayerCake.RemoteCaches;

/// <summary>Where an S3 API is and who we are there, from the variables that every S3 tool reads; what they leave open, the SDK finds in profiles and roles.</summary>
/// <param name="Endpoint">Of a server that is not AWS; null for AWS, or where a profile says it.</param>
/// <param name="Region">Name of the region; null where it is not set.</param>
/// <param name="Credentials">Null for the SDK's own search: profile, web identity, container, instance.</param>
internal sealed record S3Settings(string? Endpoint, string? Region, AWSCredentials? Credentials)
{
    private const string DefaultRegion = "us-east-1";

    public static S3Settings Read(Func<string, string?> environment)
    {
        string? Setting(params string[] names) => names.Select(environment).FirstOrDefault(value => !string.IsNullOrWhiteSpace(value))?.Trim();

        var endpointName = string.IsNullOrWhiteSpace(environment("AWS_ENDPOINT_URL_S3")) ? "AWS_ENDPOINT_URL" : "AWS_ENDPOINT_URL_S3";
        var endpoint = Setting(endpointName);
        if (endpoint is not null && (!Uri.TryCreate(endpoint, UriKind.Absolute, out var address) || address.Scheme is not ("http" or "https")
            || address.UserInfo.Length > 0 || address.Query.Length > 0 || address.Fragment.Length > 0))
        {
            throw new RemoteLocationException(
                $"cannot use the environment variable {endpointName}='{LocationText.Printable(endpoint)}': write the URL of the S3 API, https://HOST:PORT");
        }

        var key = Setting("AWS_ACCESS_KEY_ID");
        var secret = Setting("AWS_SECRET_ACCESS_KEY");
        if (key is null != secret is null)
        {
            throw new RemoteLocationException("cannot use the S3 credentials in the environment: set both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or neither");
        }

        AWSCredentials? credentials = key is null ? null
            : Setting("AWS_SESSION_TOKEN") is { } session ? new SessionAWSCredentials(key, secret, session)
            : new BasicAWSCredentials(key, secret);
        return new S3Settings(endpoint, Setting("AWS_REGION", "AWS_DEFAULT_REGION"), credentials);
    }

    // A record prints its members; one of these is a secret.
    public override string ToString() => Endpoint ?? "AWS";

    /// <param name="client">Makes all requests; it stays the caller's.</param>
    public AmazonS3Client Connect(HttpClient client)
    {
        var config = new AmazonS3Config
        {
            HttpClientFactory = new OneClient(client),
            // Retries and timeouts are ours, the same for every kind of cache.
            MaxErrorRetry = 0,
            Timeout = Timeout.InfiniteTimeSpan,
            BufferSize = Body.BufferSize,
            // Other servers than AWS refuse the checksum trailers that the SDK sends by default, or store them as content.
            RequestChecksumCalculation = RequestChecksumCalculation.WHEN_REQUIRED,
            ResponseChecksumValidation = ResponseChecksumValidation.WHEN_REQUIRED,
        };
        if (Endpoint is not null)
        {
            config.ServiceURL = Endpoint;
        }

        if (config.ServiceURL is { Length: > 0 })
        {
            config.ForcePathStyle = true;
            config.AuthenticationRegion = Region ?? FallbackRegionFactory.GetRegionEndpoint(includeInstanceMetadata: false)?.SystemName ?? DefaultRegion;
        }
        else
        {
            config.RegionEndpoint = Region is not null ? RegionEndpoint.GetBySystemName(Region)
                : FallbackRegionFactory.GetRegionEndpoint(includeInstanceMetadata: false) ?? RegionEndpoint.USEast1;
        }

        return Credentials is null ? new AmazonS3Client(config) : new AmazonS3Client(Credentials, config);
    }

    /// <summary>Gives the SDK our client, so that both kinds of remote cache make their connections alike.</summary>
    private sealed class OneClient(HttpClient client) : HttpClientFactory
    {
        public override HttpClient CreateHttpClient(IClientConfig clientConfig) => client;

        public override bool UseSDKHttpClientCaching(IClientConfig clientConfig) => false;

        public override bool DisposeHttpClientsAfterUse(IClientConfig clientConfig) => false;
    }
}
