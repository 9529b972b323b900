using LayerCake.Building;

namespace LayerCake.RemoteCaches;

/// <summary>Tries again what may pass, a bounded number of times, and waits in between: longer each time, and not in step with other clients.</summary>
internal sealed class RetryPolicy(RemoteCacheOptions options)
{
    /// <summary>Runs <paramref name="attempt"/> until it returns, fails for good, or has been tried often enough.</summary>
    /// <exception cref="RemoteCacheException">The last try failed too.</exception>
    public async Task<T> RunAsync<T>(Func<CancellationToken, Task<T>> attempt, CancellationToken token)
    {
        for (var tried = 1; ; tried++)
        {
            try
            {
                return await attempt(token).ConfigureAwait(false);
            }
            catch (LocalException exception)
            {
                exception.Rethrow();
            }
            catch (TransientException exception)
            {
                token.ThrowIfCancellationRequested();
                if (tried >= options.Tries)
                {
                    throw new RemoteCacheException(tried == 1 ? exception.Message : $"{exception.Message} (tried {tried} times)", exception.InnerException);
                }

                await Task.Delay(DelayAfter(tried, exception.RetryAfter, Random.Shared.NextDouble()), options.Time, token).ConfigureAwait(false);
            }
        }
    }

    public Task RunAsync(Func<CancellationToken, Task> attempt, CancellationToken token) => RunAsync(
        async inner =>
        {
            await attempt(inner).ConfigureAwait(false);
            return true;
        },
        token);

    /// <param name="tried">Tries so far, from 1.</param>
    /// <param name="retryAfter">What the server asked for.</param>
    /// <param name="random">In [0, 1).</param>
    internal TimeSpan DelayAfter(int tried, TimeSpan? retryAfter, double random)
    {
        var delay = options.FirstDelay * Math.Pow(2, tried - 1) * (0.5 + random);
        if (retryAfter > delay)
        {
            delay = retryAfter.Value;
        }

        return delay > options.LongestDelay ? options.LongestDelay : delay;
    }
}
