using System.Text.Json;
using LayerCake.Text.Chat;

namespace LayerCake.Text.Tests.Chat;

[TestFixture]
internal sealed class ChatTemplateGoldenTests
{
    private const string Prompt = "What {prompt} is\n<|im_end|> 书?";
    private static readonly ChatMessage System = new("system", "Be {brief}.");
    private static readonly ChatMessage First = new("user", "u{u1}<eoa>");
    private static readonly ChatMessage Answer = new("assistant", "a{0}</s>");
    private static readonly ChatMessage Second = new("user", "[INST] {u2}");

    internal static IEnumerable<TestCaseData> Templates() => File.ReadLines(TestData.PathOf("chat-templates.jsonl"))
        .Select(line => JsonSerializer.Deserialize<JsonElement>(line))
        .SelectMany(entry => entry.GetProperty("names").EnumerateArray().Select(name => new TestCaseData(name.GetString()!, entry).SetArgDisplayNames(name.GetString()!)));

    [TestCaseSource(nameof(Templates))]
    public void Single_prompts_render_as_in_the_original(string name, JsonElement golden)
    {
        var template = ChatTemplate.Find(name);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(template.Render(Prompt), Is.EqualTo(Expected(name, golden, "turn1")));
            Assert.That(template.Render(Prompt, isFirstTurn: false), Is.EqualTo(Expected(name, golden, "turnN")));
        }
    }

    [TestCaseSource(nameof(Templates))]
    public void Conversations_render_as_in_the_original(string name, JsonElement golden)
    {
        var template = ChatTemplate.Find(name);
        if (golden.TryGetProperty("list", out _))
        {
            Assert.That(template.RendersConversations, Is.False);
            Assert.That(() => template.Render([First]), Throws.TypeOf<ChatTemplateException>().With.Message.Contains(name));
            return;
        }

        using (Assert.EnterMultipleScope())
        {
            Assert.That(template.RendersConversations, Is.True);
            Assert.That(template.Render([First]), Is.EqualTo(Expected(name, golden, "list_u1")));
            Assert.That(template.Render([First, Answer]), Is.EqualTo(Expected(name, golden, "list_u1_a1")));
            Assert.That(template.Render([First, Answer, Second]), Is.EqualTo(Expected(name, golden, "list_u1_a1_u2")));
            Assert.That(template.Render([System, First, Answer, Second]), Is.EqualTo(Expected(name, golden, "list_s_u1_a1_u2")));
        }
    }

    [Test]
    public void The_table_names_all_templates_and_no_others()
    {
        var golden = Templates().Select(data => (string)data.Arguments[0]!);

        Assert.That(ChatTemplate.All.Select(template => template.Name), Is.EquivalentTo(golden));
    }

    /// <summary>The golden text, with placeholders replaced in one pass so that replaced text is not looked at again.</summary>
    private static string Expected(string name, JsonElement golden, string form)
    {
        var system = File.ReadLines(TestData.PathOf("chat-system-texts.jsonl"))
            .Select(line => JsonSerializer.Deserialize<JsonElement>(line))
            .Where(entry => entry.GetProperty("for").EnumerateArray().Any(element => element.GetString() == name))
            .Select(entry => entry.GetProperty("default_system").GetString())
            .SingleOrDefault();
        var text = golden.GetProperty(form).GetString()!;
        return global::System.Text.RegularExpressions.Regex.Replace(text, @"\{(prompt|sys|u1|a1|u2|default_system)\}", match => match.Groups[1].Value switch
        {
            "prompt" => Prompt,
            "sys" => System.Content,
            "u1" => First.Content,
            "a1" => Answer.Content,
            "u2" => Second.Content,
            _ => system!,
        });
    }
}
