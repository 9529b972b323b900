using System.Text;

namespace LayerCake.Recipes.Tests;

/// <summary>Files that are no recipes at all.</summary>
internal sealed class FileTests
{
    private TemporaryFolder _folder = null!;

    [SetUp]
    public void SetUp() => _folder = new TemporaryFolder();

    [TearDown]
    public void TearDown() => _folder.Dispose();

    [Test]
    public void A_missing_file_is_named() =>
        Assert.That(Refused(_folder.At("none.yaml")), Is.EqualTo($"{_folder.At("none.yaml")}: there is no such file"));

    [Test]
    public void A_folder_is_no_recipe() => Assert.That(Refused(_folder.Path), Is.EqualTo($"{_folder.Path}: this is a folder; name a recipe file"));

    [Test]
    public void A_file_beyond_a_megabyte_is_refused_unread()
    {
        var path = Write(new byte[(1 << 20) + 1]);

        Assert.That(Refused(path), Is.EqualTo($"{path}: the file is larger than 1024 KiB, which no recipe is; is it the right file?"));
    }

    [Test]
    public void A_byte_that_is_not_UTF_8_is_shown_with_its_place()
    {
        var path = Write([.. Encoding.UTF8.GetBytes("name: demo\n# caf\u00e9 "), 0xE9, (byte)'\n']);

        Assert.That(Refused(path), Is.EqualTo($"{path}:2:8: the file is not UTF-8 here; save it as UTF-8"));
    }

    [Test]
    public void A_UTF_16_file_is_recognized()
    {
        var path = Write([.. Encoding.Unicode.Preamble, .. Encoding.Unicode.GetBytes(Recipes.Full)]);

        Assert.That(Refused(path), Is.EqualTo($"{path}: the file is UTF-16; save it as UTF-8"));
    }

    [Test]
    public void A_byte_order_mark_and_windows_line_ends_do_no_harm()
    {
        var path = Write([.. Encoding.UTF8.Preamble, .. Encoding.UTF8.GetBytes(Recipes.Full.Replace("\n", "\r\n"))]);

        var recipe = RecipeReader.Load(path, []);

        Assert.That(KeyText.Of(recipe.AddTo), Is.EqualTo(KeyText.Of(Recipes.Parse(Recipes.Full).AddTo)));
    }

    [Test]
    public void Deep_nesting_in_a_large_file_costs_no_stack_and_no_time()
    {
        var path = Write(Encoding.UTF8.GetBytes(new string('[', 1_000_000)));

        Assert.That(Refused(path), Is.EqualTo($"{path}:1:10: more than 8 maps and lists inside each other; a recipe has two levels"));
    }

    [Test]
    public void A_billion_laughs_are_not_told()
    {
        var laughs = "a: &a [x, x]\n" + string.Join('\n', Enumerable.Range(1, 25).Select(i => $"{(char)('a' + i)}: &{(char)('a' + i)} [*{(char)('a' + i - 1)}, *{(char)('a' + i - 1)}]"));
        var path = Write(Encoding.UTF8.GetBytes(laughs));

        Assert.That(Refused(path), Does.Contain("an alias ('*name') is not read"));
    }

    private static string Refused(string path) => Assert.Throws<RecipeException>(() => RecipeReader.Load(path, []))!.Message;

    private string Write(byte[] content)
    {
        var path = _folder.At("recipe.yaml");
        File.WriteAllBytes(path, content);
        return path;
    }
}
