using System.Text;

namespace LayerCake.Recipes;

/// <summary>Gets the text of a recipe: UTF-8, of bearable size, without what YAML must not hold.</summary>
internal static class RecipeText
{
    private static readonly UTF8Encoding s_strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <param name="path">Path of the file.</param>
    /// <param name="shown">What messages call it.</param>
    /// <exception cref="RecipeException">The file cannot be read, is too large or is no UTF-8.</exception>
    public static string Read(string path, string shown)
    {
        byte[] bytes;
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
            bytes = ReadAtMost(stream, RecipeLimits.FileBytes + 1);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw Refuse(shown, "there is no such file");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException)
        {
            throw Refuse(shown, Directory.Exists(path) ? "this is a folder; name a recipe file" : $"the file cannot be read ({e.Message})");
        }

        if (bytes.Length > RecipeLimits.FileBytes)
        {
            throw Refuse(shown, $"the file is larger than {RecipeLimits.FileBytes / 1024} KiB, which no recipe is; is it the right file?");
        }

        return Decode(shown, bytes);
    }

    /// <summary>Adds a fault for each character and each line that YAML does not allow and whose own message would mislead.</summary>
    /// <returns>Whether there was none.</returns>
    public static bool Check(string file, string text, FaultList faults)
    {
        var clean = true;
        var line = 1;
        var start = 0;
        var indenting = true;
        var tabAt = -1;
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            if (c == '\n' || (c == '\r' && (i + 1 == text.Length || text[i + 1] != '\n')))
            {
                (line, start, indenting, tabAt) = (line + 1, i + 1, true, -1);
            }
            else if (indenting && c == '\t')
            {
                tabAt = tabAt < 0 ? i : tabAt;
            }
            else if (c is < ' ' and not '\t' and not '\r' or '\x7f')
            {
                faults.Add(new Origin(file, line, i - start + 1), $"the character U+{(int)c:X4} cannot stand in a recipe; is it a text file?");
                return false;
            }
            else if (indenting && c is not ' ' and not '\r')
            {
                indenting = false;
                if (tabAt >= 0 && c != '#')
                {
                    faults.Add(new Origin(file, line, tabAt - start + 1), "a tab in the indentation; YAML wants spaces");
                    clean = false;
                }
            }
        }

        return clean;
    }

    // The length is not asked for, so that a pipe can be read too.
    private static byte[] ReadAtMost(Stream stream, int limit)
    {
        var buffer = new byte[Math.Min(limit, 8192)];
        var count = 0;
        while (true)
        {
            var read = stream.Read(buffer, count, buffer.Length - count);
            count += read;
            if (read == 0 || count == limit)
            {
                return buffer[..count];
            }

            if (count == buffer.Length)
            {
                Array.Resize(ref buffer, Math.Min(limit, buffer.Length * 4));
            }
        }
    }

    private static string Decode(string path, byte[] bytes)
    {
        if (bytes is [0xFF, 0xFE, ..] or [0xFE, 0xFF, ..])
        {
            throw Refuse(path, "the file is UTF-16; save it as UTF-8");
        }

        try
        {
            return s_strict.GetString(bytes is [0xEF, 0xBB, 0xBF, ..] ? bytes.AsSpan(3) : bytes);
        }
        catch (DecoderFallbackException e)
        {
            var bad = Math.Clamp(e.Index, 0, bytes.Length);
            var before = bytes.AsSpan(0, bad);
            var line = before.Count((byte)'\n') + 1;
            var column = Encoding.UTF8.GetCharCount(before[(before.LastIndexOf((byte)'\n') + 1)..]) + 1;
            throw new RecipeException(new RecipeFault(path, line, column, "the file is not UTF-8 here; save it as UTF-8"));
        }
    }

    private static RecipeException Refuse(string path, string message) => new(new RecipeFault(path, 0, 0, message));
}
