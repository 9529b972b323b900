using System.Net;

namespace LayerCake.RemoteCaches;

/// <summary>The body of a PUT: an <see cref="UploadStream"/>, copied with large buffers and a length known beforehand.</summary>
internal sealed class UploadContent(UploadStream source) : HttpContent
{
    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        // CopyToAsync asks for a buffer of the shared pool and reads as much as there is.
        await source.CopyToAsync(stream, Body.BufferSize, cancellationToken).ConfigureAwait(false);
    }

    protected override bool TryComputeLength(out long length)
    {
        length = source.Length;
        return true;
    }
}
