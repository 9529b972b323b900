using LayerCake.Evaluation;

namespace LayerCake.Reporting;

/// <summary>The page from top to bottom: what came out, how it came about, what it cost in precision, what it was made of.</summary>
internal sealed class ReportPage
{
    private readonly Markup _markup = new();
    private readonly BuildReportData _data;

    private ReportPage(BuildReportData data) => _data = data;

    public static string Render(BuildReportData data)
    {
        var page = new ReportPage(data);
        page.Write();
        return page._markup.ToString();
    }

    private void Write()
    {
        _markup.Raw("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">")
            .Empty("meta", ("http-equiv", "Content-Security-Policy"), ("content", StyleSheet.Policy))
            .Raw("<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><meta name=\"color-scheme\" content=\"light dark\">")
            .Element("title", $"{_data.Recipe}: build report")
            .Raw("<style>").Raw(StyleSheet.Text).Raw("</style></head><body>\n");
        WriteHeader();
        _markup.Raw("<main>\n");
        FactTiles.Write(_markup, _data);
        if (_data.Steps.Count > 0)
        {
            WriteSteps();
        }

        if (_data.Duration > TimeSpan.Zero)
        {
            WriteTimeline();
        }

        if (_data.Quality is { } quality)
        {
            WriteQuality(quality);
        }

        if (_data.KeyValueRanges.Count > 0)
        {
            WriteRanges();
        }

        if (_data.WeightErrors.Count > 0)
        {
            WriteErrors();
        }

        if (_data.Sensitivities.Count > 0)
        {
            Section("Sensitivity", SensitivityTables.Note, () => _markup.Element("div", () => SensitivityTables.Write(_markup, _data.Sensitivities), ("class", "card")));
        }

        WriteRecord();
        _markup.Raw("</main>\n").Element("footer", $"Written by LayerCake {_data.ProgramVersion}. This page needs no network and holds no script.").Raw("\n</body></html>\n");
    }

    private void WriteHeader() => _markup.Element("header", () =>
    {
        _markup.Element(
            "div",
            () =>
            {
                foreach (var (id, name) in new[] { ("auto", "Auto"), ("light", "Light"), ("dark", "Dark") })
                {
                    _markup.Empty("input", ("type", "radio"), ("name", "theme"), ("id", id), ("checked", id == "auto" ? "checked" : null)).Element("label", name, ("for", id));
                }
            },
            ("class", "theme"), ("role", "radiogroup"), ("aria-label", "Colours"));
        _markup.Element("p", "Build report", ("class", "kind")).Element("h1", _data.Recipe);
        _markup.Element("p", () =>
        {
            _markup.Element("b", _data.Outcome switch
            {
                "succeeded" => "Succeeded",
                "failed" => "Failed",
                _ => "Stopped",
            });
            _markup.Text(_data.Duration > TimeSpan.Zero ? $" after {Durations.Short(_data.Duration)}: {Counts()}." : $": {Counts()}.");
            if (_data.PackageFolder is { } folder)
            {
                _markup.Text(" The package is in ").Element("code", folder).Text(".");
            }
        }, ("class", "lead"));
        if (_data.Failure is { } failure)
        {
            _markup.Element("p", failure, ("class", "bad"));
        }

        if (_data.PackageDigest is { } digest)
        {
            _markup.Element("p", $"package {digest}", ("class", "digest"));
        }
    });

    private string Counts() => string.Join(", ", _data.Steps.GroupBy(step => step.Outcome).Select(group =>
        $"{group.Count()} {(group.Count() == 1 ? "step" : "steps")} {group.Key}"));

    private void WriteSteps() => Section("Steps", "Each step reads the outputs of those above it.", () => _markup.Element("div", () =>
    {
        StepGraph.Draw(_markup, _data.Steps);
        _markup.Element(
            "div",
            () => _markup.Element("table", () =>
            {
                _markup.Raw("<thead><tr><th>Step</th><th>Outcome</th><th class=\"n\">Time</th><th class=\"n\">Size</th><th>Why</th></tr></thead><tbody>");
                foreach (var step in _data.Steps)
                {
                    _markup.Element("tr", () => _markup
                        .Element("td", () => _markup.Element("span", step.Name, ("title", $"key {step.Key}")))
                        .Element("td", () => _markup.Element("span", step.Outcome, ("class", $"word {StepGraph.ClassOf(step.Outcome)}")))
                        .Element("td", Durations.Short(step.Elapsed), ("class", "n"))
                        .Element("td", step.Bytes > 0 ? Numbers.Bytes(step.Bytes) : "", ("class", "n"))
                        .Element("td", step.Reason, ("class", "why")));
                }

                _markup.Raw("</tbody>");
            }),
            ("class", "wide"));
    }, ("class", "card steps")));

    private void WriteTimeline() => Section("Timeline", "From the start of the build; a step that waits for another process counts as running.", () =>
        _markup.Element("div", () => Timeline.Draw(_markup, _data.Steps, _data.Duration), ("class", "card")));

    private void WriteQuality(QualityReport quality) => Section(
        "Evaluation",
        FormattableString.Invariant($"What quantizing cost, over {quality.Protocol.Tokens} tokens in {quality.Protocol.Windows} windows of {quality.Protocol.Window}. KL divergence is of the next-token distributions from {quality.Baseline.Name}, in nats."),
        () =>
        {
            _markup.Element("div", () =>
            {
                Card("Perplexity", () => BarPlot.Draw(
                    _markup, "perplexity", "Perplexity by variant", [.. quality.Variants.Select(variant => new BarPlot.Bar(variant.Name, variant.Perplexity, Numbers.Short(variant.Perplexity)))]));
                Card("KL divergence by position", () => BarPlot.Draw(
                    _markup, "kl", $"KL divergence of {quality.Variants[^1].Name} by position in the window",
                    [.. quality.Variants[^1].DivergenceByPosition.Select((value, i) => new BarPlot.Bar(Stretch(i, quality), value, Numbers.Short(value)))]));
            }, ("class", "two"));
            _markup.Element("div", () =>
            {
                Card("Output error by layer", () => BarPlot.Draw(
                    _markup, "outputs", "Relative error of what each layer adds to the residual stream",
                    [.. quality.Layers.Where(layer => layer.OutputError is not null).Select(layer => new BarPlot.Bar($"{layer.Layer}", layer.OutputError!.Value, ErrorMap.Percent(layer.OutputError.Value)))]));
                Card("KV error by head, int4", () => BarPlot.Draw(
                    _markup, "heads", "Relative error of keys and values of each head in an int4 cache",
                    [.. quality.Heads.Select(head => new BarPlot.Bar($"layer {head.Layer} {(head.Kind == KeyValueKind.Key ? "keys" : "values")} of head {head.Head}", head.Int4, $"int4 {ErrorMap.Percent(head.Int4)}, int8 {ErrorMap.Percent(head.Int8)}"))],
                    named: false));
            }, ("class", "two"));
            _markup.Element("div", () =>
            {
                WriteVariants(quality);
                foreach (var outlier in quality.Outliers)
                {
                    _markup.Element("p", FormattableString.Invariant(
                        $"Layer {outlier.Layer}, {(outlier.Kind == KeyValueKind.Key ? "keys" : "values")}, head {outlier.Head}, channel {outlier.Channel} reaches {Numbers.Short(outlier.Largest)}, all others {Numbers.Short(outlier.LargestOfOthers)}: an int4 cache would leave them an error of {ErrorMap.Percent(outlier.OthersError)} instead of {ErrorMap.Percent(outlier.OthersErrorWithout)}."), ("class", "bad"));
                }
            }, ("class", "card"));
        });

    private static string Stretch(int i, QualityReport quality)
    {
        var (count, positions) = (quality.Baseline.DivergenceByPosition.Count, quality.Protocol.Window - 1);
        return FormattableString.Invariant($"{((long)i * positions + count - 1) / count}");
    }

    private void WriteVariants(QualityReport quality) => _markup.Element("div", () => _markup.Element("table", () =>
    {
        _markup.Raw("<thead><tr><th>Variant</th><th class=\"n\">Perplexity</th><th class=\"n\">KL mean</th><th class=\"n\">KL max</th><th class=\"n\">Same top token</th></tr></thead><tbody>");
        foreach (var variant in quality.Variants)
        {
            _markup.Element("tr", () => _markup
                .Element("td", variant.Name)
                .Element("td", Numbers.Short(variant.Perplexity), ("class", "n"))
                .Element("td", Numbers.Short(variant.MeanDivergence), ("class", "n"))
                .Element("td", Numbers.Short(variant.LargestDivergence), ("class", "n"))
                .Element("td", ErrorMap.Percent(variant.TopAgreement), ("class", "n")));
        }

        _markup.Raw("</tbody>");
    }), ("class", "wide"));

    private void WriteRanges() => Section(
        "Key and value ranges",
        "What the int8 cache of each layer can hold, from the calibrated extremes; values outside are clipped. A wide range means coarse steps.",
        () => _markup.Element("div", () =>
        {
            Card("Keys", () => RangePlot.Draw(_markup, "keys", "keys", [.. _data.KeyValueRanges.Select(range => (range.Layer, range.KeyMin, range.KeyMax))]));
            Card("Values", () => RangePlot.Draw(_markup, "values", "values", [.. _data.KeyValueRanges.Select(range => (range.Layer, range.ValueMin, range.ValueMax))]));
        }, ("class", "two")));

    private void WriteErrors() => Section(
        "Weight error",
        "How far the 4-bit weights are from the smoothed 16-bit ones: √(Σ(w′ − w)² / Σw²) of every linear.",
        () => _markup.Element("div", () =>
        {
            ErrorMap.Draw(_markup, "error", "Weight error by layer and linear", _data.WeightErrors);
            var layers = _data.WeightErrors.GroupBy(error => error.Layer).OrderBy(layer => layer.Key).ToList();
            var linears = _data.WeightErrors.Select(error => error.Linear).Distinct(StringComparer.Ordinal).ToList();
            Details("The numbers", $"{_data.WeightErrors.Count} linears", () => _markup.Element("div", () => _markup.Element("table", () =>
            {
                _markup.Element("thead", () => _markup.Element("tr", () =>
                {
                    _markup.Element("th", "Layer");
                    linears.ForEach(linear => _markup.Element("th", linear, ("class", "n")));
                }));
                _markup.Element("tbody", () => layers.ForEach(layer => _markup.Element("tr", () =>
                {
                    _markup.Element("td", $"{layer.Key}");
                    linears.ForEach(linear => _markup.Element("td", layer.FirstOrDefault(error => error.Linear == linear) is { } found ? ErrorMap.Percent(found.Error) : "", ("class", "n")));
                })));
            }), ("class", "wide")));
        }, ("class", "card")));

    private void WriteRecord() => Section("Record", "What the package was made of and by what. Times and machines are not in the package itself.", () =>
        _markup.Element("div", () =>
        {
            foreach (var section in _data.Record)
            {
                Details(section.Title, $"{section.Rows.Count}", () => _markup.Element("dl", () =>
                {
                    foreach (var (name, value) in section.Rows)
                    {
                        _markup.Element("dt", name).Element("dd", () => _markup.Element("code", value));
                    }
                }));
            }

            Details("Keys of the steps", $"{_data.Steps.Count}", () => _markup.Element("dl", () =>
            {
                foreach (var step in _data.Steps)
                {
                    _markup.Element("dt", step.Name).Element("dd", () => _markup.Element("code", step.Key));
                }
            }));
        }, ("class", "card")));

    private void Section(string title, string note, Action content)
    {
        _markup.Element("section", () =>
        {
            _markup.Element("h2", title).Element("p", note, ("class", "note"));
            content();
        });
        _markup.Raw("\n");
    }

    private void Card(string title, Action content) => _markup.Element("div", () =>
    {
        _markup.Element("h3", title);
        content();
    }, ("class", "card"));

    private void Details(string title, string count, Action content) => _markup.Details(title, count, content);
}
