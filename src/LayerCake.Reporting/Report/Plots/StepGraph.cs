namespace LayerCake.Reporting;

/// <summary>The steps as boxes, each below those it depends on, with lines from output to input.</summary>
internal static class StepGraph
{
    private const int BoxWidth = 152;
    private const int BoxHeight = 52;
    private const int Across = 20;
    private const int Down = 34;

    public static void Draw(Markup markup, IReadOnlyList<ReportStep> steps)
    {
        var rows = RowsOf(steps);
        var most = rows.Max(row => row.Count);
        var (width, height) = ((most * BoxWidth) + ((most - 1) * Across) + 2, (rows.Count * BoxHeight) + ((rows.Count - 1) * Down) + 2);
        var places = new Dictionary<string, (double X, double Y)>(StringComparer.Ordinal);
        for (var row = 0; row < rows.Count; row++)
        {
            // A step alone in its row stands below what it reads, so that lines past it go beside it and not through it.
            var above = rows[row] is [var single] ? single.After.Where(places.ContainsKey).Select(before => places[before].X).ToList() : [];
            var left = above.Count > 0 ? above.Average() : (width - (rows[row].Count * BoxWidth) - ((rows[row].Count - 1) * Across)) / 2.0;
            for (var i = 0; i < rows[row].Count; i++)
            {
                places[rows[row][i].Name] = (left + (i * (BoxWidth + Across)), 1 + (row * (BoxHeight + Down)));
            }
        }

        markup.Element(
            "svg",
            () =>
            {
                markup.Element("title", "Steps and what they depend on", ("id", "graph-title"));
                markup.Element("desc", string.Join("; ", steps.Select(Sentence)), ("id", "graph-desc"));
                foreach (var step in steps)
                {
                    foreach (var before in step.After.Where(places.ContainsKey))
                    {
                        Edge(markup, places[before], places[step.Name]);
                    }
                }

                foreach (var step in steps)
                {
                    Box(markup, step, places[step.Name]);
                }
            },
            ("class", "graph"), ("role", "img"), ("aria-labelledby", "graph-title graph-desc"), ("viewBox", $"0 0 {width} {height}"), ("width", $"{width}"), ("height", $"{height}"));
    }

    /// <summary>The first word of an outcome as a class of the style sheet.</summary>
    public static string ClassOf(string outcome) => outcome switch
    {
        "ran" => "ran",
        "cached" => "cached",
        "from remote cache" => "remote",
        "failed" => "failed",
        _ => "skipped",
    };

    private static string Sentence(ReportStep step) =>
        $"{step.Name} {step.Outcome}{(step.After.Count > 0 ? $", after {string.Join(" and ", step.After)}" : "")}";

    private static void Edge(Markup markup, (double X, double Y) from, (double X, double Y) to)
    {
        var (x1, y1, x2, y2) = (from.X + (BoxWidth / 2.0), from.Y + BoxHeight, to.X + (BoxWidth / 2.0), to.Y);
        var bend = Math.Max(Down / 2.0, Math.Abs(y2 - y1) / 2);
        markup.Empty("path", ("class", "edge"), ("d", string.Join(' ', "M", N(x1), N(y1), "C", N(x1), N(y1 + bend), N(x2), N(y2 - bend), N(x2), N(y2))));
    }

    private static void Box(Markup markup, ReportStep step, (double X, double Y) place)
    {
        markup.Element(
            "g",
            () =>
            {
                markup.Element("title", $"{step.Name}: {step.Outcome}. {step.Reason}");
                markup.Empty("rect", ("x", N(place.X)), ("y", N(place.Y)), ("width", N(BoxWidth)), ("height", N(BoxHeight)), ("rx", "8"));
                markup.Empty("rect", ("class", "edge-mark"), ("x", N(place.X)), ("y", N(place.Y + 8)), ("width", "4"), ("height", N(BoxHeight - 16)), ("rx", "2"));
                markup.Element("text", Clip(step.Name), ("class", "name"), ("x", N(place.X + 16)), ("y", N(place.Y + 22)));
                markup.Element("text", step.Elapsed > TimeSpan.Zero && step.Outcome != "cached" ? $"{step.Outcome} · {Durations.Short(step.Elapsed)}" : step.Outcome, ("class", "how"), ("x", N(place.X + 16)), ("y", N(place.Y + 40)));
            },
            ("class", $"box {ClassOf(step.Outcome)}"));
    }

    /// <summary>A step's row is one below the lowest of those it depends on.</summary>
    private static List<List<ReportStep>> RowsOf(IReadOnlyList<ReportStep> steps)
    {
        var depth = new Dictionary<string, int>(StringComparer.Ordinal);
        var rows = new List<List<ReportStep>>();
        foreach (var step in steps)
        {
            var row = step.After.Select(before => depth.TryGetValue(before, out var above) ? above + 1 : 0).DefaultIfEmpty(0).Max();
            depth[step.Name] = row;
            while (rows.Count <= row)
            {
                rows.Add([]);
            }

            rows[row].Add(step);
        }

        return [.. rows.Where(row => row.Count > 0)];
    }

    private static string Clip(string name) => name.Length <= 18 ? name : name[..17] + "…";

    private static string N(double value) => Markup.Number(value);
}
