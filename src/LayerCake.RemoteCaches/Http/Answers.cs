using System.Net;
using System.Net.Http.Headers;
using LayerCake.Building;

namespace LayerCake.RemoteCaches;

/// <summary>What answers and failures of servers mean: not there, try again, or give up and say what to do.</summary>
internal static class Answers
{
    /// <summary>Whether another try may be answered otherwise.</summary>
    public static bool MayPass(int status) => status is 408 or 425 or 429 || status >= 500 && status is not (501 or 505 or 507 or 508 or 510 or 511);

    /// <summary>The failure that an answer amounts to. Nothing that the server wrote is repeated: it may be anything.</summary>
    /// <param name="what">The request.</param>
    /// <param name="status">The status of the answer.</param>
    /// <param name="retryAfter">What the server asks for.</param>
    /// <param name="advice">Added for a failure that will not pass.</param>
    public static Exception Failure(string what, int status, TimeSpan? retryAfter, string? advice)
    {
        var message = $"{what}: the server answered {Text(status)}";
        return MayPass(status)
            ? new TransientException(message, retryAfter)
            : new RemoteCacheException(advice is null ? message : $"{message}; {advice}");
    }

    /// <summary>The failure of a request that got no answer; null where the exception is nothing of the network's.</summary>
    public static Exception? Failure(string what, Exception exception, IdleTimer idle)
    {
        if (idle.Expired)
        {
            return new TransientException($"{what}: the server did not answer for {idle.Patience.TotalSeconds:0.#} s", inner: exception);
        }

        if (idle.Token.IsCancellationRequested)
        {
            return null;
        }

        for (var each = exception; each is not null; each = each.InnerException)
        {
            switch (each)
            {
                case TimeoutException:
                    return new TransientException($"{what}: no connection could be made in time", inner: exception);
                case HttpRequestException { HttpRequestError: HttpRequestError.SecureConnectionError }:
                    return new RemoteCacheException($"{what}: no secure connection could be made: {Deepest(each)}", exception);
                case HttpRequestException or IOException or System.Net.Sockets.SocketException:
                    return new TransientException($"{what}: {Deepest(each)}", inner: exception);
            }
        }

        return null;
    }

    public static TimeSpan? RetryAfter(RetryConditionHeaderValue? header, TimeProvider time) =>
        header?.Delta ?? (header?.Date is { } date ? date - time.GetUtcNow() : null);

    public static string Text(int status) => Enum.IsDefined((HttpStatusCode)status) ? $"{status} ({(HttpStatusCode)status})" : $"{status}";

    private static string Deepest(Exception exception)
    {
        while (exception.InnerException is { } inner)
        {
            exception = inner;
        }

        return LocationText.Plain(exception.Message.TrimEnd('.'), 200);
    }
}
