namespace LayerCake.Reporting;

/// <summary>Which linears hurt: a map of what was used, the worst by name beside what other methods and bits would leave, and all of it as numbers.</summary>
internal static class SensitivityTables
{
    public const string Note = "How much of what each linear gives is lost: √(E‖(W′ − W)x‖² / E‖Wx‖²) over the inputs of calibration, and what rounding to nearest (rtn) and other methods would leave.";

    private const int WorstShown = 5;

    public static void Write(Markup markup, IReadOnlyList<LinearSensitivity> sensitivities)
    {
        var columns = ColumnsOf(sensitivities);
        var worst = sensitivities.OrderByDescending(linear => linear.Used.Error).ToList();
        markup.Element("p", () =>
        {
            markup.Text("The worst is ").Element("b", $"layer {worst[0].Layer} {worst[0].Linear}").Text($" with {ErrorMap.Percent(worst[0].Used.Error)}");
            if (worst[0].Errors.FirstOrDefault(error => error is { Method: "rtn", Bits: 8 }) is { } eight)
            {
                markup.Text($"; in 8 bits it would be {ErrorMap.Percent(eight.Error)}");
            }

            markup.Text(".");
        }, ("class", "lead"));
        ErrorMap.Draw(
            markup, "sensitivity", "Output error by layer and linear", [.. sensitivities.Select(linear => new WeightError(linear.Layer, linear.Linear, linear.Used.Error))]);
        markup.Element("h3", "The worst linears");
        Table(markup, columns, worst.Take(WorstShown));
        markup.Element("h3", "On average over the layers");
        Table(markup, columns, sensitivities.GroupBy(linear => linear.Linear, StringComparer.Ordinal).Select(group => MeanOf(group.Key, [.. group])));
        markup.Details("The numbers", $"{sensitivities.Count} linears", () => Table(markup, columns, sensitivities));
    }

    /// <summary>From the fewest bits to the most, within them from what loses most.</summary>
    private static List<string> ColumnsOf(IReadOnlyList<LinearSensitivity> sensitivities) =>
    [
        .. sensitivities.SelectMany(linear => linear.Errors).GroupBy(error => error.Name, StringComparer.Ordinal)
            .OrderBy(group => group.First().Bits).ThenByDescending(group => group.Average(error => error.Error)).Select(group => group.Key),
    ];

    /// <summary>Layer -1 stands for all.</summary>
    private static LinearSensitivity MeanOf(string name, IReadOnlyList<LinearSensitivity> linears) => new(
        -1, name,
        [
            .. linears.SelectMany(linear => linear.Errors).GroupBy(error => error.Name, StringComparer.Ordinal)
                .Select(group => group.First() with { Error = group.Average(error => error.Error) }),
        ]);

    private static void Table(Markup markup, List<string> columns, IEnumerable<LinearSensitivity> linears) => markup.Element(
        "div",
        () => markup.Element("table", () =>
        {
            markup.Element("thead", () => markup.Element("tr", () =>
            {
                markup.Element("th", "Lost, in %");
                columns.ForEach(column => markup.Element("th", column, ("class", "n")));
            }));
            markup.Element("tbody", () =>
            {
                foreach (var linear in linears)
                {
                    markup.Element("tr", () =>
                    {
                        markup.Element("td", linear.Layer < 0 ? ErrorMap.ShortName(linear.Linear) : $"{linear.Layer} {ErrorMap.ShortName(linear.Linear)}", ("title", linear.Linear));
                        foreach (var column in columns)
                        {
                            var error = linear.Errors.FirstOrDefault(error => error.Name == column);
                            var used = linear.Layer >= 0 && error == linear.Used;
                            markup.Element("td", error is null ? "" : Numbers.Short(100 * error.Error), ("class", used ? "n used" : "n"));
                        }
                    });
                }
            });
        }),
        ("class", "wide tight"));
}
