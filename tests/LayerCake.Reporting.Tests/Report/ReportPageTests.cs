using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using CsCheck;
using LayerCake.Testing;

namespace LayerCake.Reporting.Tests;

public sealed partial class ReportPageTests
{
    private const string Hostile = "<img src=http://x.example/a onerror=alert(1)>\"'&\u001b\u202e";

    [Test]
    public void The_page_has_every_step_layer_and_linear()
    {
        var page = BuildReport.Render(SampleReport.Of(layers: 4));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(BoxOfStep().Count(page), Is.EqualTo(5));
            Assert.That(page, Does.Contain("layer 3 mlp.down_proj: 10.3 %").And.Contain("layer 2: -6 to 7"));
            Assert.That(page, Does.Contain("4 GB").And.Contain("from 14 GB of the model&#39;s").And.Contain("KV cache of 4,096 tokens"));
            Assert.That(page, Does.Contain("3 steps ran, 1 step from remote cache, 1 step cached"));
        }
    }

    [Test]
    public void The_worst_linear_is_named_with_what_every_method_and_bits_would_leave()
    {
        var page = BuildReport.Render(SampleReport.Of(layers: 4));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(page, Does.Contain("The worst is <b>layer 3 self_attn.q_proj</b> with 10.3 %; in 8 bits it would be 1 %."));
            Assert.That(page, Does.Contain("<th class=\"n\">rtn, 3 bits</th><th class=\"n\">rtn, 4 bits</th><th class=\"n\">awq, 4 bits</th><th class=\"n\">gptq, 4 bits</th><th class=\"n\">rtn, 8 bits</th>"));
            Assert.That(page, Does.Contain(
                "<td title=\"self_attn.q_proj\">3 q_proj</td><td class=\"n\">30</td><td class=\"n\">15</td><td class=\"n\">12</td><td class=\"n used\">10.3</td><td class=\"n\">1</td>"));
        }
    }

    [Test]
    public void Nothing_from_outside_becomes_markup()
    {
        var data = SampleReport.Of(recipe: Hostile) with
        {
            Outcome = "failed",
            Failure = Hostile,
            PackageFolder = Hostile,
            ProgramVersion = Hostile,
            Steps = [new ReportStep(Hostile, Hostile, Hostile, Hostile, TimeSpan.Zero, TimeSpan.FromSeconds(1), 1, [Hostile])],
            WeightErrors = [new WeightError(0, Hostile, 0.1)],
            Sensitivities = [new LinearSensitivity(0, Hostile, [new MethodError(Hostile, 4, 0.1)])],
            Record = [new ReportSection(Hostile, [KeyValuePair.Create(Hostile, Hostile)])],
        };

        var page = BuildReport.Render(data);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(page.Contains("<img", StringComparison.Ordinal), Is.False);
            Assert.That(page.Contains('\u001b') || page.Contains('\u202e'), Is.False);
            Assert.That(page, Does.Contain("&lt;img src=http://x.example/a onerror=alert(1)&gt;&quot;&#39;&amp;"));
        }
    }

    [Test]
    public void Any_text_is_escaped_and_kept() => Gen.String[Gen.Char[' ', '~'], 0, 40].Sample(text =>
    {
        var markup = new Markup().Text(text).ToString();
        return !markup.AsSpan().ContainsAny("<>\"'") && System.Net.WebUtility.HtmlDecode(markup) == text;
    });

    [Test]
    public void The_policy_lets_the_one_style_sheet_in_and_nothing_else()
    {
        var page = BuildReport.Render(SampleReport.Of());

        var style = page[(page.IndexOf("<style>", StringComparison.Ordinal) + 7)..page.IndexOf("</style>", StringComparison.Ordinal)];
        var hash = Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(style)));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(System.Net.WebUtility.HtmlDecode(page), Does.Contain($"default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'"));
            Assert.That(page, Does.Not.Contain("<script").And.Not.Contain(" style=").And.Not.Contain("url(").And.Not.Contain("@import"));
            Assert.That(Reference().IsMatch(page), Is.False, "no href, no src");
        }
    }

    [Test]
    public void Every_plot_says_in_words_what_it_shows()
    {
        var page = BuildReport.Render(SampleReport.Of());

        foreach (var svg in Svg().Matches(page).Select(match => match.Value))
        {
            Assert.That(svg, Does.Contain("aria-hidden=\"true\"").Or.Match("role=\"img\" aria-labelledby=\"(?<t>[a-z]+-title) (?<d>[a-z]+-desc)\".*<title id=\"\\k<t>\">.+</title><desc id=\"\\k<d>\">.+</desc>"));
        }
    }

    [Test]
    public void Thirty_two_layers_fit_into_300_kB() => Assert.That(Encoding.UTF8.GetByteCount(BuildReport.Render(SampleReport.Of(layers: 32))), Is.LessThan(300_000));

    [Test]
    public void A_build_that_failed_early_has_a_page_too()
    {
        var data = SampleReport.Of() with
        {
            Outcome = "failed",
            Failure = "calibrate: no memory",
            PackageFolder = null,
            PackageDigest = null,
            Sizes = new ReportSizes(),
            KeyValueRanges = [],
            WeightErrors = [],
            Sensitivities = [],
            Record = [],
            Duration = TimeSpan.Zero,
        };

        var page = BuildReport.Render(data);

        Assert.That(page, Does.Contain("calibrate: no memory").And.Not.Contain("Weight error").And.Not.Contain("Timeline"));
    }

    /// <summary>WCAG 2.2, 1.4.3: text has a contrast of 4.5 to what it stands on.</summary>
    [TestCase("light")]
    [TestCase("dark")]
    public void Text_has_enough_contrast(string theme)
    {
        var rule = theme == "light" ? StyleSheet.Text[..StyleSheet.Text.IndexOf('}')] : DarkRule().Match(StyleSheet.Text).Value;
        var colours = Variable().Matches(rule).ToDictionary(match => match.Groups["name"].Value, match => match.Groups["value"].Value);

        using (Assert.EnterMultipleScope())
        {
            foreach (var text in new[] { "ink", "soft", "ran", "remote", "failed" })
            {
                foreach (var ground in new[] { "page", "card" })
                {
                    Assert.That(Contrast(colours[text], colours[ground]), Is.GreaterThan(4.5), $"{text} on {ground}");
                }
            }
        }
    }

    [Test]
    public void Marks_of_an_axis_are_round_and_within_it() => Gen.Select(Gen.Double[-1e6, 1e6], Gen.Double[1e-6, 1e6], Gen.Int[2, 8]).Sample((min, length, count) =>
    {
        var marks = Axis.Marks(min, min + length, count).ToList();
        return marks.Count <= (2 * count) + 2 && marks.All(mark => mark >= min - (1e-6 * length) && mark <= min + length + (1e-6 * length));
    });

    [Test]
    public void A_page_takes_the_place_of_the_last_one_whole()
    {
        using var folder = new TemporaryFolder();
        var path = BuildReport.PathFor(folder.At("demo"));
        BuildReport.Write(path, SampleReport.Of(layers: 32));

        BuildReport.Write(path, SampleReport.Of(layers: 1));

        Assert.That(File.ReadAllText(path), Is.EqualTo(BuildReport.Render(SampleReport.Of(layers: 1))));
        Assert.That(Directory.EnumerateFileSystemEntries(folder.Path).Select(Path.GetFileName), Is.EqualTo(new[] { "demo.report.html" }));
        Assert.That(() => BuildReport.Write(Path.Combine(path, "x"), SampleReport.Of()), Throws.TypeOf<ReportingException>().With.Message.Contains("cannot be written"));
    }

    private static double Contrast(string left, string right)
    {
        var (a, b) = (Luminance(left), Luminance(right));
        return (Math.Max(a, b) + 0.05) / (Math.Min(a, b) + 0.05);
    }

    private static double Luminance(string colour)
    {
        var digits = colour.Length == 4 ? string.Concat(colour[1..].Select(c => $"{c}{c}")) : colour[1..];
        double[] weights = [0.2126, 0.7152, 0.0722];
        return weights.Select((weight, i) =>
        {
            var value = int.Parse(digits.AsSpan(2 * i, 2), NumberStyles.HexNumber, CultureInfo.InvariantCulture) / 255.0;
            return weight * (value <= 0.04045 ? value / 12.92 : Math.Pow((value + 0.055) / 1.055, 2.4));
        }).Sum();
    }

    [GeneratedRegex("<g class=\"box ")]
    private static partial Regex BoxOfStep();

    [GeneratedRegex("\\s(href|src)=\"")]
    private static partial Regex Reference();

    [GeneratedRegex("<svg.*?</svg>", RegexOptions.Singleline)]
    private static partial Regex Svg();

    [GeneratedRegex(@":root:has\(#dark:checked\)\{color-scheme:dark[^}]*")]
    private static partial Regex DarkRule();

    [GeneratedRegex("--(?<name>[a-z]+):(?<value>#[0-9a-f]+)")]
    private static partial Regex Variable();
}
