using System.Diagnostics;
using System.Security.Cryptography;
using LayerCake.Checkpoints;
using LayerCake.Testing;

namespace LayerCake.TurboMind.Tests;

/// <summary>Whole workspaces: the tree, the lines, and how they appear on disk.</summary>
[TestFixture]
public sealed class WorkspaceBuilderTests
{
    private TemporaryFolder _folder = null!;
    private HuggingFaceFolder _model = null!;

    [SetUp]
    public void MakeAModelFolder()
    {
        _folder = new TemporaryFolder();
        var path = Directory.CreateDirectory(_folder.At("model")).FullName;
        foreach (var file in Directory.EnumerateFiles(RepositoryFiles.Golden("internlm", "model")))
        {
            File.Copy(file, Path.Combine(path, Path.GetFileName(file)));
        }

        File.WriteAllText(Path.Combine(path, "tokenizer.model"), "a tokenizer");
        File.WriteAllText(Path.Combine(path, "tokenizer_config.json"), "{}");
        File.WriteAllText(Path.Combine(path, "tokenization_internlm.py"), "# code");
        File.WriteAllText(Path.Combine(path, "tokenizer.py"), "# would hide the workspace's own");
        _model = HuggingFaceFolder.Open(path);
    }

    [TearDown]
    public void RemoveIt()
    {
        _model.Dispose();
        _folder.Dispose();
    }

    [Test]
    public void A_workspace_has_exactly_the_files_and_links_of_the_original()
    {
        WorkspaceBuilder.Convert(Request(2), _folder.At("ws"));

        var paths = Walk(new DirectoryInfo(_folder.At("ws")), "").Where(path => !path.StartsWith("triton_models/weights/")).Order(StringComparer.Ordinal);
        Assert.That(paths, Is.EqualTo(new[]
        {
            "model_repository/postprocessing -> ../triton_models/postprocessing",
            "model_repository/preprocessing -> ../triton_models/preprocessing",
            "model_repository/turbomind -> ../triton_models/interactive",
            "service_docker_up.sh",
            "triton_models/interactive/1/placeholder",
            "triton_models/interactive/1/weights -> ../../weights",
            "triton_models/interactive/config.pbtxt",
            "triton_models/postprocessing/1/model.py",
            "triton_models/postprocessing/1/tokenizer -> ../../tokenizer",
            "triton_models/postprocessing/config.pbtxt",
            "triton_models/preprocessing/1/model.py",
            "triton_models/preprocessing/1/tokenizer -> ../../tokenizer",
            "triton_models/preprocessing/config.pbtxt",
            "triton_models/tokenizer/config.json",
            "triton_models/tokenizer/placeholder",
            "triton_models/tokenizer/tokenization_internlm.py",
            "triton_models/tokenizer/tokenizer.model",
            "triton_models/tokenizer/tokenizer.py",
            "triton_models/tokenizer/tokenizer_config.json",
        }));
    }

    [Test]
    public void The_templates_carry_the_ranks_and_the_model_name()
    {
        WorkspaceBuilder.Convert(Request(2), _folder.At("ws"));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(File.ReadAllLines(_folder.At("ws", "service_docker_up.sh")), Has.Exactly(1).EqualTo("TP=2"));
            Assert.That(File.ReadAllText(_folder.At("ws", "triton_models", "interactive", "config.pbtxt")), Does.EndWith(
                """
                }
                parameters {
                  key: "tensor_para_size"
                  value: {
                    string_value: "2"
                  }
                }
                parameters {
                  key: "model_name"
                  value: {
                    string_value: "internlm-chat-7b"
                  }
                }

                """.ReplaceLineEndings("\n")));
            Assert.That(
                File.ReadAllText(_folder.At("ws", "model_repository", "preprocessing", "1", "tokenizer", "tokenizer.py")),
                Does.Contain("class Tokenizer"));
        }
    }

    [Test]
    public void The_lines_are_those_of_the_original_in_its_order()
    {
        var lines = new List<string>();
        WorkspaceBuilder.Convert(Request(1), _folder.At("ws"), lines.Add);
        lines.Clear();

        WorkspaceBuilder.Convert(Request(1), _folder.At("ws"), lines.Add);

        Assert.That(lines, Is.EqualTo(
            new[]
            {
                "remove workspace in directory ./ws",
                "create workspace in directory ./ws",
                "copy triton model templates from \"layercake:/serve/turbomind/triton_models\" to \"./ws/triton_models\"",
                "copy service_docker_up.sh from \"layercake:/serve/turbomind/service_docker_up.sh\" to \"./ws\"",
                "model_name             internlm-chat-7b",
                "model_format           None",
                "inferred_model_format  hf",
                $"model_path             {_model.Path}",
                $"tokenizer_path         {_model.Path}/tokenizer.model",
                "output_format          fp16",
                "WARNING: Can not find tokenizer.json. It may take long time to initialize the tokenizer.",
            }.Concat(File.ReadAllLines(RepositoryFiles.Golden("internlm", "weights_fp16_tp1.log")))));
    }

    [Test]
    public void A_folder_that_is_no_workspace_is_refused_rather_than_deleted()
    {
        Directory.CreateDirectory(_folder.At("precious"));
        File.WriteAllText(_folder.At("precious", "thesis.txt"), "years");

        Assert.That(
            () => WorkspaceBuilder.Convert(Request(1), _folder.At("precious")),
            Throws.TypeOf<WorkspaceException>().With.Message.EqualTo(
                $"{_folder.At("precious")} is not empty and not a workspace (it has no triton_models), so it is not replaced: remove it or choose another --dst-path"));
        Assert.That(File.ReadAllText(_folder.At("precious", "thesis.txt")), Is.EqualTo("years"));
    }

    [Test]
    public void An_empty_folder_and_a_link_to_a_workspace_are_filled()
    {
        Directory.CreateDirectory(_folder.At("empty"));
        Directory.CreateSymbolicLink(_folder.At("link"), _folder.At("empty"));

        WorkspaceBuilder.Convert(Request(1), _folder.At("link"));
        WorkspaceBuilder.Convert(Request(2), _folder.At("link"));

        Assert.That(new FileInfo(_folder.At("link")).LinkTarget, Is.EqualTo(_folder.At("empty")));
        Assert.That(WorkspaceListing.Read(_folder.At("empty")).Configuration.TensorParallel, Is.EqualTo(2));
    }

    [Test]
    public void A_build_that_fails_leaves_the_old_workspace_and_nothing_beside_it()
    {
        WorkspaceBuilder.Convert(Request(1), _folder.At("ws"));
        var before = Folders.DigestLines(_folder.At("ws", "triton_models", "weights"));

        Assert.That(
            () => WorkspacePublisher.Publish(_folder.At("ws"), folder =>
            {
                File.WriteAllText(Path.Combine(folder, "half"), "");
                throw new InvalidOperationException("in the middle");
            }),
            Throws.InvalidOperationException);

        Assert.That(Folders.DigestLines(_folder.At("ws", "triton_models", "weights")), Is.EqualTo(before));
        Assert.That(Directory.EnumerateFileSystemEntries(_folder.Path).Select(Path.GetFileName), Is.EquivalentTo(new[] { "model", "ws" }));
    }

    [Test]
    public void What_a_killed_build_left_is_removed_by_the_next_one_but_a_living_one_is_left_alone()
    {
        Directory.CreateDirectory(_folder.At(".ws.dead.building", "triton_models"));
        File.WriteAllText(_folder.At(".ws.dead.building.lock"), "");
        Directory.CreateDirectory(_folder.At(".ws.alive.building"));
        using var held = new FileStream(_folder.At(".ws.alive.building.lock"), FileMode.Create, FileAccess.ReadWrite, FileShare.None);

        WorkspaceBuilder.Convert(Request(1), _folder.At("ws"));

        Assert.That(
            Directory.EnumerateFileSystemEntries(_folder.Path).Select(Path.GetFileName),
            Is.EquivalentTo(new[] { "model", "ws", ".ws.alive.building", ".ws.alive.building.lock" }));
    }

    [Test]
    public void An_old_workspace_that_was_moved_aside_comes_back_when_the_new_one_never_arrived()
    {
        Directory.CreateDirectory(_folder.At(".ws.dead.old", "triton_models"));
        File.WriteAllText(_folder.At(".ws.dead.building.lock"), "");

        Assert.That(() => WorkspacePublisher.Publish(_folder.At("ws"), _ => throw new InvalidOperationException()), Throws.InvalidOperationException);

        Assert.That(WorkspacePaths.IsWorkspace(_folder.At("ws")));
    }

    [Test]
    public void A_missing_tokenizer_is_told()
    {
        File.Delete(_folder.At("model", "tokenizer.model"));

        Assert.That(
            () => WorkspaceContent.Of(_model, Options(1)),
            Throws.TypeOf<WorkspaceException>().With.Message.EqualTo(
                $"please supply tokenizer path by --tokenizer-path: {_model.Path} has neither tokenizer.model nor qwen.tiktoken"));
        Assert.That(
            () => WorkspaceContent.Of(_model, Options(1), "/nowhere/t.model"),
            Throws.TypeOf<WorkspaceException>().With.Message.EqualTo(
                "/nowhere/t.model does not exists. --tokenizer-path names a tokenizer file such as tokenizer.model"));
    }

    [Test]
    public void Checksums_are_what_sha256sum_checks()
    {
        WorkspaceBuilder.Convert(Request(2), _folder.At("ws"));
        File.WriteAllText(_folder.At("ws", "odd\\name\nof two lines"), "x");

        var files = FolderTree.RegularFiles(_folder.At("ws"))
            .Select(path => (Path: path, Bytes: File.ReadAllBytes(_folder.At("ws", path))))
            .Select(file => new FileDigest(file.Path, file.Bytes.Length, Convert.ToHexStringLower(SHA256.HashData(file.Bytes))))
            .Reverse().ToList();

        Sha256Sums.Write(_folder.At("ws"), files);

        var listed = File.ReadAllLines(_folder.At("ws", Sha256Sums.FileName)).Where(line => line[0] != '\\').Select(line => line[66..]).ToList();
        Assert.That(listed, Has.Count.EqualTo(files.Count - 1));
        Assert.That(listed, Is.Ordered.Using((IComparer<string>)StringComparer.Ordinal).And.None.EqualTo("SHA256SUMS"));
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        using var check = Process.Start(new ProcessStartInfo("sha256sum", ["-c", "--quiet", "--strict", "SHA256SUMS"])
        {
            WorkingDirectory = _folder.At("ws"),
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        })!;
        var output = check.StandardOutput.ReadToEnd() + check.StandardError.ReadToEnd();
        check.WaitForExit();
        Assert.That((check.ExitCode, output), Is.EqualTo((0, "")));
    }

    [Test]
    public void The_launch_command_names_the_cache_policy()
    {
        string[] command = ["lmdeploy", "serve", "api_server", ".", "--tp", "2", "--quant-policy", "4"];

        LaunchFiles.Write(_folder.Path, command, tensorParallel: 2, quantPolicy: 4);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(File.ReadAllText(_folder.At("serve.sh")), Does.EndWith("exec lmdeploy serve api_server . --tp 2 --quant-policy 4 \"$@\"\n"));
            Assert.That(File.ReadAllText(_folder.At("launch.json")), Does.Contain("\"quant_policy\": 4"));
            Assert.That(OperatingSystem.IsWindows() || File.GetUnixFileMode(_folder.At("serve.sh")).HasFlag(UnixFileMode.UserExecute));
        }
    }

    /// <summary>Files and links; links are not followed.</summary>
    private static IEnumerable<string> Walk(DirectoryInfo folder, string prefix) => folder.EnumerateFileSystemInfos().SelectMany(entry =>
        entry.LinkTarget is { } target ? [$"{prefix}{entry.Name} -> {target}"]
        : entry is DirectoryInfo child ? Walk(child, $"{prefix}{child.Name}/")
        : [prefix + entry.Name]);

    private static ConversionOptions Options(int ranks) => new()
    {
        ModelName = "internlm-chat-7b", TensorParallel = ranks, SpecialTokens = new SpecialTokenIds(1, 2),
    };

    private WorkspaceRequest Request(int ranks) => new()
    {
        Source = ConversionSource.From(_model),
        Options = Options(ranks),
        Content = WorkspaceContent.Of(_model, Options(ranks)),
        ModelPath = _model.Path,
        ShownDestination = "./ws",
    };
}
