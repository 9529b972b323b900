namespace LayerCake.Chat.Terminal;

/// <summary>Makes texts safe for a terminal.</summary>
internal static class ControlPictures
{
    /// <summary>The text with control characters, except line ends and tabs, as pictures (U+2400 on) or U+FFFD: escape sequences lose their effect.</summary>
    public static string Of(string text) => text.Any(IsUnsafe) ? string.Concat(text.Select(Picture)) : text;

    private static bool IsUnsafe(char character) => char.IsControl(character) && character is not ('\n' or '\t');

    private static char Picture(char character) => !IsUnsafe(character) ? character : character switch
    {
        < ' ' => (char)('\u2400' + character),
        '\u007F' => '\u2421',
        _ => '\uFFFD',
    };
}
