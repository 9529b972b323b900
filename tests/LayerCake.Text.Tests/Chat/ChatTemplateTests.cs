using CsCheck;
using LayerCake.Text.Chat;

namespace LayerCake.Text.Tests.Chat;

[TestFixture]
internal sealed class ChatTemplateTests
{
    [TestCase("base", 2048, 0.8f, null, 0.8f, 1.0f)]
    [TestCase("internlm-20b", 4096, 0.8f, null, 0.8f, 1.0f)]
    [TestCase("internlm-chat-7b", 2048, 0.8f, null, 0.8f, 1.0f, "<eoa>")]
    [TestCase("internlm-chat-20b", 8192, 0.8f, null, 0.8f, 1.0f, "<eoa>")]
    [TestCase("internlm-chat-7b-8k", 8192, 0.8f, null, 0.8f, 1.0f, "<eoa>")]
    [TestCase("baichuan-7b", 2048, 0.8f, null, 0.8f, 1.1f)]
    [TestCase("baichuan2-7b", 2048, 0.85f, 5, 0.3f, 1.05f)]
    [TestCase("llama2", 4096, 0.8f, null, 0.8f, 1.0f)]
    [TestCase("codellama", 4096, 0.95f, null, 0.2f, 1.0f)]
    [TestCase("qwen-7b", 8192, 0.5f, 40, 1.0f, 1.0f, "<|im_end|>")]
    [TestCase("yi", 2048, 0.8f, null, 0.8f, 1.0f, "<|im_end|>", "<|endoftext|>")]
    public void Generation_defaults_are_the_originals(
        string name, int sessionLength, float topP, int? topK, float temperature, float penalty, params string[] stopWords)
    {
        var template = ChatTemplate.Find(name);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(template.SessionLength, Is.EqualTo(sessionLength));
            Assert.That(template.Sampling, Is.EqualTo(new SamplingDefaults(topP, topK, temperature, penalty)));
            Assert.That(template.StopWords, Is.EqualTo(stopWords));
            Assert.That(template.Capability, Is.EqualTo(name == "internlm-20b" ? ChatCapability.Completion : ChatCapability.Chat));
        }
    }

    [TestCase("internlm-chat7b", "internlm-chat-7b")]
    [TestCase("wizardlm", "wizardlM")]
    [TestCase("Llama2", "llama2")]
    public void An_unknown_name_is_answered_with_the_nearest(string wrong, string nearest) =>
        Assert.That(() => ChatTemplate.Find(wrong), Throws.TypeOf<ChatTemplateException>().With.Message.Contains($"did you mean '{nearest}'?"));

    [TestCase("")]
    [TestCase("mixtral-8x7b-instruct")]
    public void A_name_near_none_is_answered_with_all(string wrong) =>
        Assert.That(() => ChatTemplate.Find(wrong), Throws.TypeOf<ChatTemplateException>().With.Message.Contains("internlm-chat-7b, "));

    [TestCase("<FILL>b", "<PRE>  <SUF>b <MID>", "<PRE> <SUF>b <MID> ")]
    [TestCase("a<FILL>b", "<PRE> a <SUF>b <MID>", "<PRE> <SUF>b <MID> a")]
    public void CodeLlama_fills_the_marked_gap(string prompt, string prefixFirst, string suffixFirst)
    {
        var infilling = ChatTemplate.Find("codellama").With(new ChatTemplateSettings { Capability = ChatCapability.Infilling });

        using (Assert.EnterMultipleScope())
        {
            Assert.That(infilling.Render(prompt), Is.EqualTo(prefixFirst));
            Assert.That(infilling.With(new ChatTemplateSettings { SuffixFirst = true }).Render(prompt), Is.EqualTo(suffixFirst));
            Assert.That(infilling.Sampling, Is.EqualTo(new SamplingDefaults(TopP: 0.9f, Temperature: 0f)));
            Assert.That(infilling.StopWords, Is.EqualTo(new[] { "<EOT>" }));
        }
    }

    [TestCase("no gap")]
    [TestCase("<FILL><FILL>")]
    public void Infilling_without_exactly_one_gap_is_refused(string prompt) => Assert.That(
        () => ChatTemplate.Find("codellama").With(new ChatTemplateSettings { Capability = ChatCapability.Infilling }).Render(prompt),
        Throws.TypeOf<ChatTemplateException>().With.Message.Contains("<FILL>"));

    [Test]
    public void CodeLlama_trims_a_prompt_as_Python_does() => Assert.That(
        ChatTemplate.Find("codellama").Render(" \u001F\u3000x y\n", isFirstTurn: false), Is.EqualTo("[INST] x y [/INST]"));

    [TestCase("llama2")]
    [TestCase("qwen-7b")]
    [TestCase("internlm-chat")]
    public void Completion_returns_the_prompt_unchanged(string name) => Assert.That(
        ChatTemplate.Find(name).With(new ChatTemplateSettings { Capability = ChatCapability.Completion }).Render(" p "), Is.EqualTo(" p "));

    [Test]
    public void A_capability_the_template_lacks_is_refused() => Assert.That(
        () => ChatTemplate.Find("llama2").With(new ChatTemplateSettings { Capability = ChatCapability.Python }),
        Throws.TypeOf<ChatTemplateException>().With.Message.Contains("python"));

    [Test]
    public void The_system_text_can_be_set()
    {
        using (Assert.EnterMultipleScope())
        {
            Assert.That(
                ChatTemplate.Find("qwen-7b").With(new ChatTemplateSettings { System = "S" }).Render("p"),
                Does.StartWith("<|im_start|>system\nS<|im_end|>\n"));
            Assert.That(
                ChatTemplate.Find("internlm-chat").With(new ChatTemplateSettings { MetaInstruction = "M" }).Render("p"),
                Is.EqualTo("<|System|>:M\n<|User|>:p\n<|Bot|>:"));
            Assert.That(
                ChatTemplate.Find("yi").With(new ChatTemplateSettings { MetaInstruction = "M" }).Render([new ChatMessage("user", "p")]),
                Is.EqualTo("<|im_start|>system\n:M<|im_end|>\n<|im_start|>user\np<|im_end|>\n<|im_start|>assistant\n"));
            Assert.That(
                () => ChatTemplate.Find("llama2").With(new ChatTemplateSettings { MetaInstruction = "M" }),
                Throws.TypeOf<ChatTemplateException>().With.Message.Contains("system"));
            Assert.That(() => ChatTemplate.Find("base").With(new ChatTemplateSettings { System = "S" }), Throws.TypeOf<ChatTemplateException>());
        }
    }

    [Test]
    public void Values_out_of_range_are_refused()
    {
        ChatTemplateSettings[] wrong =
        [
            new() { TopP = 1.5f }, new() { TopP = float.NaN }, new() { TopK = -1 }, new() { Temperature = -0.1f }, new() { Temperature = float.PositiveInfinity },
            new() { RepetitionPenalty = 0 }, new() { SessionLength = 0 }, new() { SuffixFirst = true },
        ];

        using (Assert.EnterMultipleScope())
        {
            foreach (var settings in wrong)
            {
                Assert.That(() => ChatTemplate.Find("llama2").With(settings), Throws.TypeOf<ChatTemplateException>(), settings.ToString());
            }
        }
    }

    [Test]
    public void Without_a_question_for_an_answer_the_last_system_message_is_all() => Assert.That(
        ChatTemplate.Find("vicuna").Render([new("system", "one"), new("system", "two"), new("assistant", "a")]), Is.EqualTo("two "));

    /// <summary>The original evaluated the role as a Python expression.</summary>
    [Test]
    public void A_role_is_data_and_is_never_looked_up()
    {
        string[] roles = ["System", "eoa", "meta_instruction", "__class__", "user or exit()", "", "MetaInstruction", "AssistantClose"];
        foreach (var template in ChatTemplate.All.Where(template => template.RendersConversations))
        {
            foreach (var role in roles)
            {
                Assert.That(
                    () => template.Render([new ChatMessage(role, "x")]),
                    Throws.TypeOf<ChatTemplateException>().With.Message.Contains($"unknown role '{role}'"),
                    template.Name);
            }
        }
    }

    [Test]
    public void Contents_are_copied_whole_and_nothing_else_depends_on_them()
    {
        var templates = ChatTemplate.All.Where(template => template.RendersConversations).ToArray();
        Gen.Select(Gen.Int[0, templates.Length - 1], Gen.String, Gen.String[1, 20], Gen.String).Sample((index, question, answer, next) =>
        {
            var template = templates[index];
            var parts = template.Render([new("user", "\uE000"), new("assistant", "\uE001"), new("user", "\uE002")]).Split('\uE000', '\uE001', '\uE002');
            var rendered = template.Render([new("user", question), new("assistant", answer), new("user", next)]);

            return rendered == parts[0] + question + parts[1] + answer + parts[2] + next + parts[3];
        });
    }
}
