using Amazon.Runtime;
using Amazon.Runtime.Internal;
using Amazon.S3;
using LayerCake.Building;

namespace LayerCake.RemoteCaches;

/// <summary>What an exception of the SDK means.</summary>
internal static class S3Errors
{
    /// <summary>Whether the object is not there. A missing bucket is something else.</summary>
    public static bool IsMissing(AmazonS3Exception exception) => exception is { StatusCode: System.Net.HttpStatusCode.NotFound, ErrorCode: not "NoSuchBucket" };

    /// <summary>The failure to report; null for what is no failure of the server or the network.</summary>
    public static Exception? Failure(string what, Exception exception, IdleTimer idle, TimeProvider time)
    {
        if (exception is LocalException or TransientException or RemoteCacheException)
        {
            return null;
        }

        if (!idle.Expired && exception is AmazonServiceException { StatusCode: > 0 } service)
        {
            return OfAnswer(what, service, time);
        }

        if (Answers.Failure(what, exception, idle) is { } failure)
        {
            return failure;
        }

        return exception switch
        {
            OperationCanceledException => null,
            AmazonClientException => new RemoteCacheException(
                $"{what}: {LocationText.Plain(exception.Message.TrimEnd('.'), 300)}; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE", exception),
            // What the SDK makes of an answer that is no S3 answer.
            AmazonServiceException or System.Xml.XmlException or FormatException or InvalidOperationException or InvalidDataException
                => new RemoteCacheException($"{what}: the answer is not one of S3: {LocationText.Plain(exception.Message.TrimEnd('.'), 200)}", exception),
            _ => null,
        };
    }

    private static Exception OfAnswer(string what, AmazonServiceException exception, TimeProvider time)
    {
        var status = (int)exception.StatusCode;
        var code = exception.ErrorCode is { Length: > 0 and < 60 } name && name.All(char.IsAsciiLetterOrDigit) && name != exception.StatusCode.ToString()
            ? name
            : null;
        var request = code is null ? what : $"{what}: {code}";
        if (code is "SlowDown" or "RequestTimeout" or "InternalError" or "OperationAborted" or "Throttling" or "RequestTimeTooSkewed" && !Answers.MayPass(status))
        {
            return new TransientException($"{request}: the server answered {Answers.Text(status)}", RetryAfter(exception, time), exception);
        }

        return Answers.Failure(request, status, RetryAfter(exception, time), (status, code) switch
        {
            (_, "NoSuchBucket") => "create the bucket, or correct its name",
            (301 or 307, _) or (400, "AuthorizationHeaderMalformed") => "the bucket is in another region or at another endpoint; set AWS_REGION or AWS_ENDPOINT_URL_S3",
            (401 or 403, _) => "check the credentials and the bucket's policy (without s3:ListBucket, S3 answers so for a missing object too)",
            _ => null,
        });
    }

    private static TimeSpan? RetryAfter(Exception? exception, TimeProvider time)
    {
        for (; exception is not null; exception = exception.InnerException)
        {
            if (exception is HttpErrorResponseException { Response: { } response } && response.IsHeaderPresent("Retry-After"))
            {
                var text = response.GetHeaderValue("Retry-After");
                return System.Net.Http.Headers.RetryConditionHeaderValue.TryParse(text, out var value) ? Answers.RetryAfter(value, time) : null;
            }
        }

        return null;
    }
}
