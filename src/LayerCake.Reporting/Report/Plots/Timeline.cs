namespace LayerCake.Reporting;

/// <summary>When each step ran: a row a step, so that what ran side by side stands above each other. Widths are shares, so that it fits every screen.</summary>
internal static class Timeline
{
    private const int RowHeight = 40;
    private const int Top = 22;

    public static void Draw(Markup markup, IReadOnlyList<ReportStep> steps, TimeSpan duration)
    {
        var whole = Math.Max(0.001, Math.Max(duration.TotalSeconds, steps.Max(step => (step.Started + step.Elapsed).TotalSeconds)));
        var height = Top + (steps.Count * RowHeight);
        markup.Element(
            "svg",
            () =>
            {
                markup.Element("title", "When each step ran", ("id", "time-title"));
                markup.Element(
                    "desc", string.Join("; ", steps.Select(step => $"{step.Name} from {Durations.Short(step.Started)} for {Durations.Short(step.Elapsed)}")), ("id", "time-desc"));
                foreach (var mark in Axis.Marks(0, whole, 4))
                {
                    var x = Markup.Percent(mark / whole);
                    var anchor = mark == 0 ? "start" : mark / whole > 0.95 ? "end" : "middle";
                    markup.Empty("line", ("class", "grid"), ("x1", x), ("x2", x), ("y1", $"{Top - 4}"), ("y2", $"{height}"));
                    markup.Element("text", MarkText(mark, whole), ("class", "mark"), ("x", x), ("y", "12"), ("text-anchor", anchor));
                }

                for (var row = 0; row < steps.Count; row++)
                {
                    Bar(markup, steps[row], whole, Top + (row * RowHeight));
                }
            },
            ("class", "time"), ("role", "img"), ("aria-labelledby", "time-title time-desc"), ("width", "100%"), ("height", $"{height}"));
    }

    private static void Bar(Markup markup, ReportStep step, double whole, int top)
    {
        var (start, length) = (step.Started.TotalSeconds / whole, step.Elapsed.TotalSeconds / whole);
        markup.Empty("rect", ("class", "track"), ("x", "0"), ("y", $"{top + 20}"), ("width", "100%"), ("height", "12"), ("rx", "3"));
        markup.Element("text", step.Name, ("class", "name"), ("x", "0"), ("y", $"{top + 14}"));
        markup.Element("text", $"{step.Outcome} · {Durations.Short(step.Elapsed)}", ("class", "how"), ("x", "100%"), ("y", $"{top + 14}"), ("text-anchor", "end"));
        if (step.Outcome != "skipped")
        {
            // Too short to be seen is still there.
            var width = Math.Max(length, 0.004);
            markup.Titled(
                "rect", $"{step.Name}: {Durations.Short(step.Elapsed)} from {Durations.Short(step.Started)} on",
                ("class", $"bar {StepGraph.ClassOf(step.Outcome)}"), ("x", Markup.Percent(Math.Min(start, 1 - width))), ("y", $"{top + 20}"), ("width", Markup.Percent(width)), ("height", "12"), ("rx", "3"));
        }
    }

    private static string MarkText(double seconds, double whole) => whole >= 600
        ? $"{Markup.Number(seconds / 60)} min"
        : $"{Markup.Number(seconds)} s";
}
