using System.Text;
using System.Text.Json;
using CsCheck;
using LayerCake.Testing;

namespace LayerCake.Text.Tests;

internal sealed class CalibrationTextTests
{
    private TemporaryFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void RemoveFolder() => _folder.Dispose();

    [TestCase("one\ntwo", TestName = "Lines_are_rows")]
    [TestCase("one\ntwo\n", TestName = "A_newline_at_the_end_is_no_row")]
    [TestCase("one\r\ntwo\r\n", TestName = "A_carriage_return_before_a_newline_belongs_to_it")]
    [TestCase("one\n\n \t\ntwo\n\n\n", TestName = "Empty_lines_are_no_rows")]
    [TestCase("\uFEFFone\ntwo", TestName = "A_byte_order_mark_is_left_out")]
    public void Text_becomes_rows_joined_by_an_empty_line(string content)
    {
        var set = CalibrationText.Load(Write("set.txt", content));

        Assert.That(set.Text, Is.EqualTo("one\n\ntwo"));
        Assert.That(set.RowCount, Is.EqualTo(2));
    }

    [Test]
    public void Nothing_inside_a_row_is_changed()
    {
        var set = CalibrationText.Load(Write("set", "  a  b\tc \u3000\n\u00e9\rx"));

        Assert.That(set.Text, Is.EqualTo("  a  b\tc \u3000\n\n\u00e9\rx"));
    }

    [Test]
    public void Json_lines_give_their_text_fields()
    {
        string content = "{\"text\": \"one\"}\r\n\n{\"id\": 3, \"text\": \"two\\nlines \\u00e9\\uD83D\\uDE42\"}\n{\"text\": \" \"}\n";

        var set = CalibrationText.Load(Write("set.JSONL", content));

        Assert.That(set.Text, Is.EqualTo("one\n\ntwo\nlines \u00e9\U0001F642"));
        Assert.That(set.RowCount, Is.EqualTo(2));
    }

    [TestCase("{\"text\": \"a\"", ":1: not valid JSON at byte 12 of the line")]
    [TestCase("{\"text\": \"a\"}\nnonsense", ":2: not valid JSON at byte ")]
    [TestCase("{\"text\": \"a\"}\n\n{\"txt\": \"b\"}", ":3: the object has no \"text\" field")]
    [TestCase("{\"text\": 7}", ":1: the field \"text\" is a number, not a string")]
    [TestCase("{\"text\": null}", ":1: the field \"text\" is null, not a string")]
    [TestCase("[\"text\"]", ":1: the line is an array, not an object")]
    [TestCase("{\"text\": \"a\"} {\"text\": \"b\"}", ":1: ")]
    [TestCase("{\"text\": \"\\ud800\"}", ":1: a string of the line has an escape that is no Unicode character")]
    public void Faulty_json_lines_are_refused_with_their_line(string content, string reason)
    {
        string path = Write("set.jsonl", content);

        Assert.That(
            () => CalibrationText.Load(path), Throws.TypeOf<CalibrationDataException>().With.Message.Contains(path + reason));
    }

    [TestCase("", "the file is empty")]
    [TestCase(" \n\t\n", "only white space")]
    [TestCase("\uFEFF", "only white space")]
    public void A_set_without_text_is_refused(string content, string reason)
    {
        Assert.That(
            () => CalibrationText.Load(Write("set.txt", content)),
            Throws.TypeOf<CalibrationDataException>().With.Message.Contains("holds no text").And.Message.Contains(reason));
    }

    [TestCase(new byte[] { 0x61, 0x0A, 0x62, 0xE2, 0x82, 0x0A }, "not UTF-8 at byte 3 (line 2, value 0xE2)")]
    [TestCase(new byte[] { 0xEF, 0xBB, 0xBF, 0x61, 0xFF }, "not UTF-8 at byte 4 (line 1, value 0xFF)")]
    [TestCase(new byte[] { 0xFF, 0xFE, 0x61, 0x00 }, "It begins as UTF-16 does")]
    [TestCase(new byte[] { 0x61, 0xED, 0xA0, 0x80 }, "not UTF-8 at byte 1")]
    public void What_is_not_utf8_is_refused_with_its_place(byte[] content, string reason)
    {
        string path = _folder.At("set.txt");
        File.WriteAllBytes(path, content);

        Assert.That(
            () => CalibrationText.Load(path),
            Throws.TypeOf<CalibrationDataException>().With.Message.StartsWith(path).And.Message.Contains(reason));
    }

    [Test]
    public void What_is_no_file_of_a_set_is_refused()
    {
        using (Assert.EnterMultipleScope())
        {
            Assert.That(
                () => CalibrationText.Load(_folder.At("absent.txt")),
                Throws.TypeOf<CalibrationDataException>().With.Message.Contains("no such calibration set"));
            Assert.That(
                () => CalibrationText.Load(_folder.Path),
                Throws.TypeOf<CalibrationDataException>().With.Message.Contains("is a folder"));
            Assert.That(
                () => CalibrationText.Load(Write("set.json", "[]")),
                Throws.TypeOf<CalibrationDataException>().With.Message.Contains("name the file .jsonl"));
        }
    }

    [Test]
    public void Rows_written_as_json_lines_come_back()
    {
        string path = _folder.At("set.jsonl");
        var rows = Gen.String.Select(text => string.Concat(text.EnumerateRunes())).Where(text => !string.IsNullOrWhiteSpace(text)).Array[1, 5];

        rows.Sample(
            texts =>
            {
                File.WriteAllLines(path, texts.Select(text => JsonSerializer.Serialize(new { text })));
                return CalibrationText.Load(path).Text == string.Join("\n\n", texts);
            },
            iter: 100,
            threads: 1);
    }

    [Test]
    public void Random_json_lines_are_read_or_refused_with_their_line()
    {
        string path = _folder.At("set.jsonl");
        const string Alphabet = "{}[]\":,text \\u0d8n1-.e\n\r";
        var contents = Gen.Int[0, Alphabet.Length - 1].Array[0, 40].Select(picks => "{\"text\":\"" + string.Concat(picks.Select(pick => Alphabet[pick])));

        contents.Sample(
            content =>
            {
                File.WriteAllText(path, content, new UTF8Encoding(false));
                try
                {
                    return CalibrationText.Load(path).RowCount > 0;
                }
                catch (CalibrationDataException exception)
                {
                    return exception.Message.StartsWith(path + ":", StringComparison.Ordinal);
                }
            },
            iter: 200,
            threads: 1);
    }

    private string Write(string name, string content)
    {
        string path = _folder.At(name);
        File.WriteAllText(path, content, new UTF8Encoding(false));
        return path;
    }
}
