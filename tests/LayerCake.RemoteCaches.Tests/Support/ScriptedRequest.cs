using System.Net.Sockets;
using System.Text;

namespace LayerCake.RemoteCaches.Tests;

/// <summary>One request to a <see cref="ScriptedServer"/>, and the ways to answer it, right and wrong.</summary>
internal sealed class ScriptedRequest(Socket socket, Stream stream, string head, int number, CancellationToken end)
{
    private readonly string[] _lines = head.Split("\r\n");

    /// <summary>Of this server, from 1.</summary>
    public int Number => number;

    public string Method => _lines[0].Split(' ')[0];

    public string Path => _lines[0].Split(' ')[1];

    public string? Header(string name) =>
        Array.Find(_lines, line => line.StartsWith(name + ":", StringComparison.OrdinalIgnoreCase))?[(name.Length + 1)..].Trim();

    public async Task<byte[]> ReadBodyAsync()
    {
        if (Header("Expect") is not null)
        {
            await SendRawAsync("HTTP/1.1 100 Continue\r\n\r\n");
        }

        var body = new byte[int.Parse(Header("Content-Length") ?? "0")];
        await stream.ReadExactlyAsync(body, end);
        return body;
    }

    /// <summary>A correct answer.</summary>
    public Task AnswerAsync(int status, ReadOnlyMemory<byte> body = default, string headers = "") => AnswerAsync(status, body.Length, body, headers);

    /// <summary>An answer that announces <paramref name="length"/> bytes and sends <paramref name="body"/>.</summary>
    public async Task AnswerAsync(int status, long length, ReadOnlyMemory<byte> body, string headers = "")
    {
        await SendRawAsync($"HTTP/1.1 {status} Reason\r\nContent-Length: {length}\r\n{headers}\r\n");
        await stream.WriteAsync(body, end);
    }

    public Task SendRawAsync(string text) => stream.WriteAsync(Encoding.Latin1.GetBytes(text), end).AsTask();

    public Task SendRawAsync(ReadOnlyMemory<byte> bytes) => stream.WriteAsync(bytes, end).AsTask();

    /// <summary>Says nothing more until the server ends.</summary>
    public Task HangAsync() => Task.Delay(Timeout.Infinite, end);

    /// <summary>Ends the connection in good order.</summary>
    public void Close() => socket.Shutdown(SocketShutdown.Both);

    /// <summary>Ends the connection with a reset.</summary>
    public void Reset() => socket.Close(0);
}
