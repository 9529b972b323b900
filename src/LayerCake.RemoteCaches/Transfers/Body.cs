using System.Buffers;
using LayerCake.Building;

namespace LayerCake.RemoteCaches;

/// <summary>Reads what a server sends, up to what was agreed on and not a byte more.</summary>
internal static class Body
{
    /// <summary>Reads go to the socket with this many bytes at once.</summary>
    public const int BufferSize = 1 << 20;

    /// <summary>
    /// Copies a body of exactly <paramref name="size"/> bytes. Reading the next bytes overlaps writing (and hashing, which the caller's stream may do) the last ones.
    /// </summary>
    /// <param name="what">For messages: <c>https://host/cache: GET cas/…</c>.</param>
    /// <param name="body">The server's bytes.</param>
    /// <param name="size">How many there shall be.</param>
    /// <param name="sink">Takes them; its failures come out as they are.</param>
    /// <param name="idle">Watches the server.</param>
    /// <exception cref="TransientException">The body ended early or stood still.</exception>
    /// <exception cref="RemoteCacheException">The body is longer.</exception>
    public static async Task CopyAsync(string what, Stream body, long size, Stream sink, IdleTimer idle)
    {
        var filling = ArrayPool<byte>.Shared.Rent(BufferSize);
        var draining = ArrayPool<byte>.Shared.Rent(BufferSize);
        var writing = Task.CompletedTask;
        try
        {
            for (var left = size; left > 0;)
            {
                var wanted = (int)Math.Min(left, BufferSize);
                await FillAsync(what, body, filling.AsMemory(0, wanted), size - left, size, idle).ConfigureAwait(false);
                left -= wanted;
                idle.Rest();
                await writing.ConfigureAwait(false);
                idle.Touch();
                (filling, draining) = (draining, filling);
                var full = draining.AsMemory(0, wanted);
                writing = size <= BufferSize ? sink.WriteAsync(full, idle.Token).AsTask() : Task.Run(() => sink.WriteAsync(full, idle.Token).AsTask(), CancellationToken.None);
            }

            if (await ReadAsync(what, body, filling.AsMemory(0, 1), size, size, idle).ConfigureAwait(false) > 0)
            {
                throw new RemoteCacheException($"{what}: the server sends more than the {size:N0} bytes that belong there");
            }

            idle.Rest();
            await writing.ConfigureAwait(false);
        }
        finally
        {
            // The caller disposes its stream next: no write may still be under way.
            await writing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            ArrayPool<byte>.Shared.Return(filling);
            ArrayPool<byte>.Shared.Return(draining);
        }
    }

    /// <summary>A small body as a whole. One of more than <paramref name="maxBytes"/> is refused, and never read into memory.</summary>
    /// <param name="what">For messages.</param>
    /// <param name="body">The server's bytes.</param>
    /// <param name="announced">The length that the server announced; null where it did not.</param>
    /// <param name="maxBytes">The longest body that is taken.</param>
    /// <param name="idle">Watches the server.</param>
    public static async Task<byte[]> ReadAllAsync(string what, Stream body, long? announced, long maxBytes, IdleTimer idle)
    {
        if (announced > maxBytes)
        {
            throw TooLong(what, maxBytes);
        }

        // Grown as bytes come: an announced length alone makes nobody allocate.
        var content = new byte[(int)Math.Min(Math.Min(announced ?? 4096, maxBytes) + 1, 64 << 10)];
        var length = 0;
        while (true)
        {
            if (length == content.Length)
            {
                Array.Resize(ref content, (int)Math.Min(Math.Min(2L * content.Length, maxBytes + 1), Array.MaxLength));
            }

            var read = await ReadAsync(what, body, content.AsMemory(length), length, announced ?? length, idle).ConfigureAwait(false);
            length += read;
            if (length > maxBytes)
            {
                throw TooLong(what, maxBytes);
            }

            if (read == 0)
            {
                break;
            }
        }

        if (announced is { } whole && length < whole)
        {
            throw Truncated(what, length, whole);
        }

        return content[..length];
    }

    private static async Task FillAsync(string what, Stream body, Memory<byte> buffer, long before, long size, IdleTimer idle)
    {
        for (var filled = 0; filled < buffer.Length;)
        {
            var read = await ReadAsync(what, body, buffer[filled..], before + filled, size, idle).ConfigureAwait(false);
            filled += read > 0 ? read : throw Truncated(what, before + filled, size);
        }
    }

    private static async ValueTask<int> ReadAsync(string what, Stream body, Memory<byte> buffer, long before, long size, IdleTimer idle)
    {
        try
        {
            idle.Touch();
            return await body.ReadAsync(buffer, idle.Token).ConfigureAwait(false);
        }
        catch (Exception exception) when (idle.Expired)
        {
            throw new TransientException($"{what}: nothing came for {idle.Patience.TotalSeconds:0.#} s after {before:N0} of {size:N0} bytes", inner: exception);
        }
        catch (Exception exception) when (exception is IOException or HttpRequestException && !idle.Token.IsCancellationRequested)
        {
            throw Truncated(what, before, size, exception);
        }
    }

    private static TransientException Truncated(string what, long length, long size, Exception? inner = null) =>
        new($"{what}: the transfer broke off after {length:N0} of {size:N0} bytes", inner: inner);

    private static RemoteCacheException TooLong(string what, long maxBytes) => new($"{what}: the entry is longer than the {maxBytes:N0} bytes an entry may have");
}
