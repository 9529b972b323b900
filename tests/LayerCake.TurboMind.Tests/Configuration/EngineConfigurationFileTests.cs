using System.Text;
using CsCheck;
using LayerCake.Testing;

namespace LayerCake.TurboMind.Tests;

[TestFixture]
public sealed class EngineConfigurationFileTests
{
    private static readonly string Golden = File.ReadAllText(RepositoryFiles.Golden("internlm", "weights_w4_tp2", "config.ini"));

    [TestCase("internlm", "weights_fp16_tp1")]
    [TestCase("internlm", "weights_w4_tp2")]
    [TestCase("llama-gqa", "weights_fp16_tp2")]
    [TestCase("llama-gqa", "weights_w4_tp1")]
    public void A_golden_file_read_and_written_again_is_the_same_file(string checkpoint, string weights)
    {
        var text = File.ReadAllText(RepositoryFiles.Golden(checkpoint, weights, "config.ini"));

        Assert.That(EngineConfigurationFile.Format(EngineConfigurationFile.Parse(text, "config.ini")), Is.EqualTo(text));
    }

    [Test]
    public void Keys_that_only_the_engine_knows_survive_rewriting()
    {
        var text = Golden.TrimEnd() + "\nnum_tokens_per_iter = 4096\nmax_prefill_iters = 2\n\n";

        var configuration = EngineConfigurationFile.Parse(text, "config.ini") with { QuantPolicy = 4 };

        Assert.That(EngineConfigurationFile.Format(configuration), Is.EqualTo(text.Replace("quant_policy = 0", "quant_policy = 4")));
    }

    [Test]
    public void Missing_optional_keys_take_the_engines_defaults()
    {
        var text = string.Join('\n', Golden.Split('\n').Where(line =>
            !line.StartsWith("kv_head_num") && !line.StartsWith("rope_theta") && !line.StartsWith("quant_policy")));

        var configuration = EngineConfigurationFile.Parse(text, "config.ini");

        Assert.That((configuration.KeyValueHeadCount, configuration.RopeTheta, configuration.QuantPolicy), Is.EqualTo((2, 10000.0, 0)));
    }

    [TestCase("head_num = 2", "head_num = two", "c.ini, line 4: head_num = 'two' is not an integer from 1 to 65536")]
    [TestCase("head_num = 2", "head_num = 0", "c.ini, line 4: head_num = '0' is not an integer from 1 to 65536")]
    [TestCase("head_num = 2\n", "", "c.ini lacks a value for 'head_num', without which the engine does not start")]
    [TestCase("head_num = 2", "head_num = 2\nhead_num = 2", "c.ini, line 5: key 'head_num' is given twice (first in line 4)")]
    [TestCase("inter_size = 256", "inter_size = 256\nquant_polcy = 4", "c.ini, line 9: unknown key 'quant_polcy': the engine would ignore it")]
    [TestCase("weight_type = int4", "weight_type = int8", "c.ini, line 14: weight_type = 'int8' is none of fp16, bf16, int4")]
    [TestCase("norm_eps = 1e-06", "norm_eps = nan", "c.ini, line 9: norm_eps = 'nan' is not a number")]
    [TestCase("[llama]", "[gpt]", "c.ini, line 1: '[gpt]' where only one section [llama] is expected")]
    [TestCase("[llama]\n", "", "c.ini, line 1: 'model_name = internlm-chat-7b' is not 'key = value' in section [llama]")]
    [TestCase("head_num = 2", "head_num", "c.ini, line 4: 'head_num' is not 'key = value' in section [llama]")]
    [TestCase("num_layer = 2", "num_layer = 99999999999999999999", "c.ini, line 7: num_layer = '99999999999999999999' is not an integer from 1 to 10000")]
    [TestCase("tensor_para_size = 2", "tensor_para_size = 0x2", null)]
    public void A_fault_is_told_with_its_line(string original, string changed, string? message)
    {
        Assert.That(Golden, Does.Contain(original));
        var text = Golden.Replace(original, changed);
        if (message is null)
        {
            Assert.That(EngineConfigurationFile.Parse(text, "c.ini").TensorParallel, Is.EqualTo(2));
        }
        else
        {
            Assert.That(() => EngineConfigurationFile.Parse(text, "c.ini"), Throws.TypeOf<WorkspaceException>().With.Message.EqualTo(message));
        }
    }

    [Test]
    public void Damaged_files_give_a_configuration_or_a_user_error_and_nothing_else()
    {
        using var folder = new TemporaryFolder();
        var golden = Encoding.UTF8.GetBytes(Golden);
        Gen.Select(Gen.Int[0, golden.Length - 1], Gen.Byte, Gen.Int[0, golden.Length]).Array[1, 4].Sample(changes =>
        {
            var bytes = golden.ToArray();
            foreach (var (position, value, length) in changes)
            {
                bytes[Math.Min(position, bytes.Length - 1)] = value;
                bytes = length > golden.Length - 5 ? bytes[..Math.Max(1, Math.Min(bytes.Length, position))] : bytes;
            }

            var path = folder.At("config.ini");
            File.WriteAllBytes(path, bytes);
            try
            {
                EngineConfigurationFile.Read(path);
            }
            catch (WorkspaceException)
            {
            }
        }, iter: 2000, threads: 1);
        Assert.Pass("no other exception");
    }

    [Test]
    public void A_file_far_too_long_is_not_read()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder.At("config.ini"), new byte[100_000]);

        Assert.That(
            () => EngineConfigurationFile.Read(folder.At("config.ini")),
            Throws.TypeOf<WorkspaceException>().With.Message.EqualTo($"{folder.At("config.ini")}: 100000 bytes is too long for a config.ini (limit 65536)"));
    }

    [Test]
    public void Rewriting_replaces_the_file_and_leaves_hard_links_of_it_alone()
    {
        using var folder = new TemporaryFolder();
        var configuration = EngineConfigurationFile.Parse(Golden, "c.ini");
        EngineConfigurationFile.Write(folder.Path, configuration);
        using var held = File.OpenRead(folder.At("config.ini"));

        EngineConfigurationFile.Write(folder.Path, configuration with { QuantPolicy = 4 });

        Assert.That(new StreamReader(held).ReadToEnd(), Is.EqualTo(Golden));
        Assert.That(EngineConfigurationFile.Read(folder.At("config.ini")).QuantPolicy, Is.EqualTo(4));
    }

    [Test]
    public void The_registered_names_have_the_session_lengths_of_their_templates() =>
        Assert.That(
            ChatModel.All.Select(model => $"{model.Name} {model.SessionLength}"),
            Is.EqualTo(new[]
            {
                "base 2056", "llama 2056", "internlm 2056", "vicuna 2056", "wizardlM 2056", "internlm-chat-7b 2056", "internlm-chat 2056",
                "internlm-chat-7b-8k 8200", "internlm-chat-20b 8200", "internlm-20b 4104", "baichuan-7b 2056", "baichuan2-7b 2056", "puyu 2056",
                "llama2 4104", "qwen-7b 8200", "qwen-14b 8200", "codellama 4104", "solar 2056", "ultralm 2056", "ultracm 2056", "yi 2056",
            }));
}
