namespace LayerCake.Reporting;

/// <summary>Figures from zero up, a bar each, side by side.</summary>
internal static class BarPlot
{
    private const int Height = 180;
    private const int Left = 44;
    private const int Bottom = 20;
    private const int Top = 8;

    /// <param name="Name">Below the bar.</param>
    /// <param name="Value">Its height; what is no number has none.</param>
    /// <param name="Text">The value as people read it.</param>
    public readonly record struct Bar(string Name, double Value, string Text);

    /// <param name="markup">Gets the plot.</param>
    /// <param name="id">Unique in the page.</param>
    /// <param name="title">What the bars are.</param>
    /// <param name="bars">From left to right.</param>
    /// <param name="named">Whether names stand below the bars; pointing at one tells it either way.</param>
    public static void Draw(Markup markup, string id, string title, IReadOnlyList<Bar> bars, bool named = true)
    {
        var high = bars.Select(bar => bar.Value).Where(double.IsFinite).DefaultIfEmpty(0).Max();
        var top = high > 0 ? high * 1.05 : 1;
        var inner = Height - Top - Bottom;
        markup.Element(
            "div",
            () =>
            {
                markup.Element(
                    "svg",
                    () =>
                    {
                        foreach (var mark in Axis.Marks(0, top, 4))
                        {
                            markup.Element("text", Numbers.Short(mark), ("class", "mark"), ("x", $"{Left - 8}"), ("y", Markup.Number(Y(mark) + 4)), ("text-anchor", "end"));
                        }
                    },
                    ("class", "scale"), ("aria-hidden", "true"), ("width", $"{Left}"), ("height", $"{Height}"));
                markup.Element(
                    "svg",
                    () =>
                    {
                        markup.Element("title", title, ("id", $"{id}-title"));
                        markup.Element("desc", Describe(bars), ("id", $"{id}-desc"));
                        foreach (var mark in Axis.Marks(0, top, 4))
                        {
                            markup.Empty("line", ("class", mark == 0 ? "zero" : "grid"), ("x1", "0"), ("x2", "100%"), ("y1", Markup.Number(Y(mark))), ("y2", Markup.Number(Y(mark))));
                        }

                        var every = LayerMarks.Every(bars.Count);
                        for (var i = 0; i < bars.Count; i++)
                        {
                            var bar = bars[i];
                            var y = double.IsFinite(bar.Value) ? Y(bar.Value) : Y(0);
                            markup.Titled(
                                "rect", $"{bar.Name}: {bar.Text}",
                                ("class", "figure"), ("x", Markup.Percent((i + 0.2) / bars.Count)), ("width", Markup.Percent(0.6 / bars.Count)),
                                ("y", Markup.Number(y)), ("height", Markup.Number(Math.Max(1, Y(0) - y))), ("rx", "2"));
                            if (named && i % every == 0)
                            {
                                markup.Element("text", bar.Name, ("class", "mark"), ("x", Markup.Percent((i + 0.5) / bars.Count)), ("y", $"{Height - 5}"), ("text-anchor", "middle"));
                            }
                        }
                    },
                    ("role", "img"), ("aria-labelledby", $"{id}-title {id}-desc"), ("width", "100%"), ("height", $"{Height}"));
            },
            ("class", "plot"));

        double Y(double value) => Top + (inner * (top - value) / top);
    }

    private static string Describe(IReadOnlyList<Bar> bars) => bars.Count <= 8
        ? string.Join(", ", bars.Select(bar => $"{bar.Name}: {bar.Text}"))
        : Largest(bars.MaxBy(bar => double.IsFinite(bar.Value) ? bar.Value : double.NegativeInfinity), bars.Count);

    private static string Largest(Bar bar, int count) => $"{count} figures; the largest is {bar.Name}, {bar.Text}";
}
