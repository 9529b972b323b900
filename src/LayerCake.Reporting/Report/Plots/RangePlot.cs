namespace LayerCake.Reporting;

/// <summary>The range that each layer's keys or values have: a bar from the smallest to the largest, a column a layer.</summary>
internal static class RangePlot
{
    private const int Height = 180;
    private const int Left = 44;
    private const int Bottom = 20;
    private const int Top = 8;

    /// <param name="markup">Gets the plot.</param>
    /// <param name="id">Unique in the page.</param>
    /// <param name="what">Keys or values.</param>
    /// <param name="ranges">Layer, smallest, largest.</param>
    public static void Draw(Markup markup, string id, string what, IReadOnlyList<(int Layer, float Min, float Max)> ranges)
    {
        var low = Math.Min(0, ranges.Min(range => (double)range.Min));
        var high = Math.Max(0, ranges.Max(range => (double)range.Max));
        var span = high > low ? high - low : 1;
        var inner = Height - Top - Bottom;
        markup.Element(
            "div",
            () =>
            {
                // The scale stands beside the plot, so that the plot itself can be as wide as the screen.
                markup.Element(
                    "svg",
                    () =>
                    {
                        foreach (var mark in Axis.Marks(low, high, 4))
                        {
                            markup.Element("text", Markup.Number(mark).Replace('-', '−'), ("class", "mark"), ("x", $"{Left - 8}"), ("y", Markup.Number(Y(mark) + 4)), ("text-anchor", "end"));
                        }
                    },
                    ("class", "scale"), ("aria-hidden", "true"), ("width", $"{Left}"), ("height", $"{Height}"));
                markup.Element(
                    "svg",
                    () =>
                    {
                        markup.Element("title", $"Range of the {what} by layer", ("id", $"{id}-title"));
                        markup.Element("desc", Describe(what, ranges), ("id", $"{id}-desc"));
                        foreach (var mark in Axis.Marks(low, high, 4))
                        {
                            markup.Empty("line", ("class", mark == 0 ? "zero" : "grid"), ("x1", "0"), ("x2", "100%"), ("y1", Markup.Number(Y(mark))), ("y2", Markup.Number(Y(mark))));
                        }

                        var every = LayerMarks.Every(ranges.Count);
                        for (var i = 0; i < ranges.Count; i++)
                        {
                            var (layer, min, max) = ranges[i];
                            markup.Titled(
                                "rect", $"layer {layer}: {Numbers.Short(min)} to {Numbers.Short(max)}",
                                ("class", $"range {id}"), ("x", Markup.Percent((i + 0.2) / ranges.Count)), ("width", Markup.Percent(0.6 / ranges.Count)),
                                ("y", Markup.Number(Y(max))), ("height", Markup.Number(Math.Max(1, Y(min) - Y(max)))), ("rx", "2"));
                            if (i % every == 0)
                            {
                                markup.Element("text", $"{layer}", ("class", "mark"), ("x", Markup.Percent((i + 0.5) / ranges.Count)), ("y", $"{Height - 5}"), ("text-anchor", "middle"));
                            }
                        }
                    },
                    ("role", "img"), ("aria-labelledby", $"{id}-title {id}-desc"), ("width", "100%"), ("height", $"{Height}"));
            },
            ("class", "plot"));

        double Y(double value) => Top + (inner * (high - value) / span);
    }

    private static string Describe(string what, IReadOnlyList<(int Layer, float Min, float Max)> ranges)
    {
        var widest = ranges.MaxBy(range => range.Max - range.Min);
        return $"{ranges.Count} layers; the {what} of layer {widest.Layer} have the widest range, {Numbers.Short(widest.Min)} to {Numbers.Short(widest.Max)}";
    }
}
