using System.Text.RegularExpressions;
using LayerCake.Testing;

namespace LayerCake.Reporting.Tests;

/// <summary>The report of the demo recipe in a real browser.</summary>
public sealed partial class BrowserTests
{
    private TemporaryFolder _folder = null!;
    private Browser _browser = null!;

    [OneTimeSetUp]
    public void Open()
    {
        _browser = Browser.Open();
        _folder = new TemporaryFolder();
        BuildReport.Write(_folder.At("report.html"), DemoReport.Data);
    }

    [OneTimeTearDown]
    public void Close()
    {
        _browser?.Dispose();
        _folder?.Dispose();
    }

    [Test]
    public void The_page_is_whole_and_asks_for_nothing()
    {
        var dom = _browser.Dom(_folder.At("report.html"));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(Regex.Count(dom, "<g class=\"box ran\">"), Is.EqualTo(6));
            Assert.That(Regex.Count(dom, "<rect class=\"range (keys|values)\""), Is.EqualTo(2 * 6));
            // Perplexity of three variants, eight stretches of a window, the layers' outputs, keys and values of two heads of each layer.
            Assert.That(Regex.Count(dom, "<rect class=\"figure\""), Is.EqualTo(3 + 8 + 6 + (2 * 2 * 6)));
            Assert.That(Regex.Count(dom, "<title>layer \\d [a-z_]+\\.[a-z_]+: "), Is.EqualTo(2 * 7 * 6), "weight errors and sensitivities");
            Assert.That(_browser.Asked.Where(line => !line.Contains("control.invalid", StringComparison.Ordinal)), Is.Empty);
        }
    }

    /// <summary>What the notes above are worth: a page that asks for something is noticed.</summary>
    [Test]
    public void A_page_that_asks_for_something_is_noticed()
    {
        File.WriteAllText(_folder.At("asking.html"), "<img src=\"http://control.invalid/x.png\">");

        _browser.Dom(_folder.At("asking.html"));

        Assert.That(_browser.Asked, Has.Some.Contains("control.invalid/x.png"));
    }

    [Test]
    public void A_hostile_recipe_runs_nothing()
    {
        var data = DemoReport.Data with { Recipe = "<script>document.title='run'</script><img src=http://layercake.invalid/x onerror=\"document.title='run'\">" };
        BuildReport.Write(_folder.At("hostile.html"), data);

        var dom = _browser.Dom(_folder.At("hostile.html"));

        Assert.That(TitleOf().Match(dom).Groups["title"].Value, Does.StartWith("&lt;script&gt;"));
        Assert.That(_browser.Asked.Where(line => !line.Contains("control.invalid", StringComparison.Ordinal)), Is.Empty);
    }

    [Test]
    public void Nothing_is_wider_than_the_screen()
    {
        // In frames, since a window has a least width, and so high that none has a scroll bar. The outer page measures; the report itself runs no script.
        int[] widths = [390, 768, 1440];
        var report = System.Net.WebUtility.HtmlEncode(File.ReadAllText(_folder.At("report.html")));
        File.WriteAllText(
            _folder.At("frame.html"),
            "<body>" + string.Concat(widths.Select(width => $"<iframe style=\"width:{width}px;height:9000px;border:0\" srcdoc=\"{report}\" onload=\"var d=this.contentDocument.documentElement;"
            + $"document.body.dataset.width{width}=d.clientWidth+' '+d.scrollWidth+' '+[...d.querySelectorAll('section,.card,.fact,.graph,h1')]"
            + ".filter(e=>e.getBoundingClientRect().right>d.clientWidth+0.5).length\"></iframe>")));

        var dom = _browser.Dom(_folder.At("frame.html"));

        foreach (var width in widths)
        {
            var measured = Regex.Match(dom, $"data-width{width}=\"([^\"]*)\"").Groups[1].Value;
            Assert.That(measured, Is.EqualTo($"{width} {width} 0"), "width, width of the content, elements that stand out");
        }
    }

    /// <summary>In dark colours and on a phone as well: the section alone, for somebody to look at.</summary>
    [TestCase(false, 1100)]
    [TestCase(true, 390)]
    public void Sensitivity_is_drawn_in_shades(bool dark, int width)
    {
        var data = DemoReport.Data with { Steps = [], Duration = TimeSpan.Zero, Quality = null, KeyValueRanges = [], WeightErrors = [], Record = [] };
        BuildReport.Write(_folder.At("sensitivity.html"), data);
        var report = System.Net.WebUtility.HtmlEncode(File.ReadAllText(_folder.At("sensitivity.html")));
        File.WriteAllText(_folder.At("sensitivity-frame.html"), $"<body style=\"margin:0\"><iframe style=\"width:{width}px;height:1500px;border:0\" srcdoc=\"{report}\">");

        var picture = _browser.Screenshot(_folder.At("sensitivity-frame.html"), Math.Max(width, 500), 1500, dark);

        var path = Path.Combine(TestContext.CurrentContext.WorkDirectory, $"sensitivity-{width}.png");
        File.WriteAllBytes(path, picture.File);
        TestContext.AddTestAttachment(path);
        var blue = dark ? 0x7db4f0 : 0x2f6db5;
        var shades = new HashSet<int>();
        for (var y = 0; y < picture.Height; y += 2)
        {
            for (var x = 0; x < width; x += 2)
            {
                shades.Add(picture.Colour(x, y));
            }
        }

        Assert.That(shades, Does.Contain(blue), "the worst linear has the full colour");
        Assert.That(shades.Count(colour => (colour & 0xff) - ((colour >> 16) & 0xff) > 24), Is.GreaterThan(12), "the others paler ones");
    }

    [TestCase(false, 0xfbfaf8)]
    [TestCase(true, 0x14171a)]
    public void It_is_light_or_dark_as_the_reader_has_it(bool dark, int ground)
    {
        var picture = _browser.Screenshot(_folder.At("report.html"), 1200, 1800, dark);

        var path = Path.Combine(TestContext.CurrentContext.WorkDirectory, $"report-{(dark ? "dark" : "light")}.png");
        File.WriteAllBytes(path, picture.File);
        TestContext.AddTestAttachment(path);
        var colours = new HashSet<int>();
        for (var y = 0; y < picture.Height; y += 3)
        {
            for (var x = 0; x < picture.Width; x += 3)
            {
                colours.Add(picture.Colour(x, y));
            }
        }

        Assert.That(picture.Colour(2, 2), Is.EqualTo(ground));
        Assert.That(colours, Has.Count.GreaterThan(20), "plots and text are drawn");
        Assert.That(_browser.Asked.Where(line => !line.Contains("control.invalid", StringComparison.Ordinal)), Is.Empty);
    }

    [GeneratedRegex("<title>(?<title>.*?)</title>")]
    private static partial Regex TitleOf();
}
