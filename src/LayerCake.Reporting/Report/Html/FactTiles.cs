namespace LayerCake.Reporting;

/// <summary>The few numbers that people look for first: what became smaller, and at what cost.</summary>
internal static class FactTiles
{
    public static void Write(Markup markup, BuildReportData data)
    {
        var sizes = data.Sizes;
        markup.Element(
            "div",
            () =>
            {
                if (sizes.PackageWeights is { } weights)
                {
                    Tile(markup, $"Weights{(sizes.WeightType is { } type ? $" ({type})" : "")}", weights, sizes.SourceWeights, "of the model's");
                }

                if (sizes.CachePerToken is { } perToken)
                {
                    Tile(markup, "KV cache of one token", perToken, sizes.CachePerTokenBefore, "in 16 bits");
                    if (sizes.SessionLength is { } tokens && perToken <= long.MaxValue / tokens / 2)
                    {
                        Tile(markup, $"KV cache of {Numbers.Count(tokens)} tokens", perToken * tokens, sizes.CachePerTokenBefore * tokens, "in 16 bits");
                    }
                }

                if (data.WeightErrors.Count > 0)
                {
                    var worst = data.WeightErrors.MaxBy(error => error.Error)!;
                    Plain(markup, "Weight error, on average", ErrorMap.Percent(data.WeightErrors.Average(error => error.Error)), $"at most {ErrorMap.Percent(worst.Error)}, layer {worst.Layer} {worst.Linear}");
                }
                else if (sizes.Package is { } package)
                {
                    Plain(markup, "Package", Numbers.Bytes(package), "with tokenizer, templates and records");
                }
            },
            ("class", "facts"));
    }

    private static void Tile(Markup markup, string what, long now, long? before, string of) => markup.Element("div", () =>
    {
        markup.Element("p", what, ("class", "what")).Element("p", Numbers.Bytes(now), ("class", "now"));
        if (before is not > 0)
        {
            return;
        }

        var share = now / (double)before.Value;
        markup.Element("p", now == before ? $"as {of}" : $"from {Numbers.Bytes(before.Value)} {of}, {Change(share)}", ("class", "was"));
        markup.Element(
            "svg",
            () =>
            {
                markup.Empty("rect", ("class", "was-bar"), ("x", "0"), ("y", "0"), ("width", Markup.Percent(Math.Min(1, 1 / share))), ("height", "8"), ("rx", "2"));
                markup.Empty("rect", ("class", "now-bar"), ("x", "0"), ("y", "0"), ("width", Markup.Percent(Math.Min(1, share))), ("height", "8"), ("rx", "2"));
            },
            ("aria-hidden", "true"), ("width", "100%"), ("height", "8"));
    }, ("class", "fact"));

    private static void Plain(Markup markup, string what, string now, string note) => markup.Element(
        "div", () => markup.Element("p", what, ("class", "what")).Element("p", now, ("class", "now")).Element("p", note, ("class", "was")), ("class", "fact"));

    private static string Change(double share) => share < 1
        ? FormattableString.Invariant($"{100 * (1 - share):0}\u00A0%\u00A0less")
        : FormattableString.Invariant($"{100 * (share - 1):0}\u00A0%\u00A0more");
}
