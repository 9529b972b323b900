namespace LayerCake.Reporting;

/// <summary>The error of every linear as a cell, a column a layer and a row a linear; the more, the darker.</summary>
internal static class ErrorMap
{
    private const int RowHeight = 26;

    /// <param name="markup">Is written to.</param>
    /// <param name="id">Of this plot on the page.</param>
    /// <param name="title">What it is called when it is read aloud.</param>
    /// <param name="errors">At least one.</param>
    public static void Draw(Markup markup, string id, string title, IReadOnlyList<WeightError> errors)
    {
        var linears = errors.Select(error => error.Linear).Distinct(StringComparer.Ordinal).ToList();
        var layers = errors.Select(error => error.Layer).Distinct().Order().ToList();
        var (least, most) = (errors.Min(error => error.Error), errors.Max(error => error.Error));
        var height = linears.Count * RowHeight;
        markup.Element(
            "div",
            () =>
            {
                markup.Element(
                    "div",
                    () =>
                    {
                        foreach (var linear in linears)
                        {
                            markup.Element("span", ShortName(linear), ("title", linear));
                        }
                    },
                    ("class", "rows"), ("aria-hidden", "true"));
                markup.Element(
                    "svg",
                    () =>
                    {
                        markup.Element("title", title, ("id", $"{id}-title"));
                        markup.Element("desc", Describe(errors), ("id", $"{id}-desc"));
                        foreach (var error in errors)
                        {
                            var (column, row) = (layers.IndexOf(error.Layer), linears.IndexOf(error.Linear));
                            markup.Titled(
                                "rect", $"layer {error.Layer} {error.Linear}: {Percent(error.Error)}",
                                ("x", Markup.Percent((column + 0.03) / layers.Count)), ("width", Markup.Percent(0.94 / layers.Count)), ("y", $"{(row * RowHeight) + 1}"), ("height", $"{RowHeight - 2}"),
                                ("fill-opacity", Markup.Number(Shade(error.Error, least, most))), ("rx", "2"));
                        }

                        var every = LayerMarks.Every(layers.Count);
                        for (var i = 0; i < layers.Count; i += every)
                        {
                            markup.Element("text", $"{layers[i]}", ("class", "mark"), ("x", Markup.Percent((i + 0.5) / layers.Count)), ("y", $"{height + 15}"), ("text-anchor", "middle"));
                        }
                    },
                    ("class", "cells"), ("role", "img"), ("aria-labelledby", $"{id}-title {id}-desc"), ("width", "100%"), ("height", $"{height + 20}"));
            },
            ("class", "heat"));
        Legend(markup, least, most);
    }

    /// <summary>A share as people read it: <c>9.43 %</c>.</summary>
    public static string Percent(double share) => $"{Numbers.Short(100 * share)} %";

    private static void Legend(Markup markup, double least, double most) => markup.Element(
        "p",
        () =>
        {
            markup.Element("span", Percent(least));
            markup.Element(
                "svg",
                () =>
                {
                    for (var i = 0; i < 8; i++)
                    {
                        markup.Empty("rect", ("x", $"{i * 16}"), ("y", "0"), ("width", "15"), ("height", "12"), ("rx", "2"), ("fill-opacity", Markup.Number(Shade(i, 0, 7))));
                    }
                },
                ("class", "cells"), ("aria-hidden", "true"), ("width", "128"), ("height", "12"));
            markup.Element("span", Percent(most));
        },
        ("class", "legend"));

    private static double Shade(double value, double least, double most) => most > least ? 0.1 + (0.9 * (value - least) / (most - least)) : 0.5;

    /// <summary>Without the part of the layer that it is in: <c>q_proj</c>.</summary>
    public static string ShortName(string linear) => linear[(linear.LastIndexOf('.') + 1)..];

    private static string Describe(IReadOnlyList<WeightError> errors)
    {
        var worst = errors.MaxBy(error => error.Error)!;
        return $"{errors.Count} linears, on average {Percent(errors.Average(error => error.Error))}; the largest error is {Percent(worst.Error)}, layer {worst.Layer} {worst.Linear}";
    }
}
