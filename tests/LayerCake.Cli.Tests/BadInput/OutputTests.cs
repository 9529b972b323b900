using System.Diagnostics;
using LayerCake.Testing;

namespace LayerCake.Cli.Tests.BadInput;

/// <summary>Output folders that cannot take what is to be written: files in their place, full disks, read-only ones.</summary>
public sealed class OutputTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private bool _mounted;

    public void Dispose()
    {
        if (_mounted)
        {
            Assert.That(Succeeds("umount", _folder.At("disk")), Is.True);
        }

        _folder.Dispose();
    }

    [Test]
    public void A_file_where_a_folder_should_be_is_left_alone()
    {
        File.WriteAllText(_folder.At("taken"), "mine");
        File.WriteAllText(_folder.At("recipe.yaml"), SmallRecipe.Text(RepositoryFiles.DemoModel));
        SmallRecipe.WriteText(_folder);
        Models.Copy("internlm", _folder.At("model"));
        var before = Snapshot.Of(_folder.Path);

        using (Assert.EnterMultipleScope())
        {
            Run("lite", "calibrate", RepositoryFiles.DemoModel, "text.txt", "1", "16", "taken").WasRefusedWith(
                ExitCode.Storage, Does.StartWith("layercake: cannot write into the folder taken: ").And.EndWith("; choose another one or change its permissions\n"));
            Run("convert", "internlm-chat-7b", "model", "--dst_path", "taken").WasRefused(ExitCode.Storage, "taken is a file: choose another --dst-path");
            Run("convert", "internlm-chat-7b", "model", "--dst_path", "taken/workspace").WasRefusedWith(
                ExitCode.Storage, Does.StartWith($"layercake: {_folder.At("taken")} cannot be written: ").And.EndWith(". Choose another output folder\n"));
            Run("lite", "kv_qparams", RepositoryFiles.Golden("internlm", "work_dir"), "taken").WasRefused(
                ExitCode.Input,
                "The specified TurboMind directory does not exist: taken. Give the folder of the converted weights, for example workspace/triton_models/weights.");
            Run("build", "--recipe", "recipe.yaml", "--artifacts", "taken").WasRefusedWith(
                ExitCode.Storage, Does.StartWith("layercake: cannot ").And.Contain(_folder.At("taken", ".cache")).And.Contain("; check the path"));
            Assert.That(Snapshot.Of(_folder.Path), Is.EqualTo(before));
        }
    }

    [Test]
    public void A_folder_that_is_not_a_workspace_is_not_replaced_by_one()
    {
        Directory.CreateDirectory(_folder.At("photos"));
        File.WriteAllText(_folder.At("photos", "sea.jpg"), "mine");
        Models.Copy("internlm", _folder.At("model"));
        var before = Snapshot.Of(_folder.Path);

        Run("convert", "internlm-chat-7b", "model", "--dst_path", "photos").WasRefused(
            ExitCode.Storage, "photos is not empty and not a workspace (it has no triton_models), so it is not replaced: remove it or choose another --dst-path");
        Assert.That(Snapshot.Of(_folder.Path), Is.EqualTo(before));
    }

    [Test]
    public void A_quantized_checkpoint_never_goes_into_the_models_own_folder_nor_among_weights_of_the_other_format()
    {
        Models.Copy("internlm", _folder.At("model"));
        Models.CopyFolder(RepositoryFiles.Golden("internlm", "work_dir"), _folder.At("work"));
        File.WriteAllText(_folder.At("work", "pytorch_model.bin"), "mine");
        var before = Snapshot.Of(_folder.Path);

        using (Assert.EnterMultipleScope())
        {
            Run("lite", "auto_awq", "model", "./model/").WasRefused(
                ExitCode.Usage, "--work_dir is the model's own folder (./model/); the quantized checkpoint must go to another one.");
            Run("lite", "auto_awq", "model", "work").WasRefused(
                ExitCode.Usage,
                "work already holds pytorch_model.bin; weights of two formats in one folder would be mixed up. Remove it, choose another work_dir, or use --format bin.");
            Run("lite", "auto_awq", "model", "nothing").WasRefused(
                ExitCode.Input, "nothing/inputs_stats.pth does not exist. Run calibrate first, and give the folder it wrote to.");
            Assert.That(Snapshot.Of(_folder.Path), Is.EqualTo(before));
        }
    }

    [Test]
    public void A_full_disk_is_told_and_what_was_there_stays()
    {
        Mount("size=256k");
        Models.Copy("internlm", _folder.At("model"));
        File.WriteAllText(_folder.At("recipe.yaml"), SmallRecipe.Text(RepositoryFiles.DemoModel));
        SmallRecipe.WriteText(_folder);
        Directory.CreateDirectory(_folder.At("disk", "work"));
        Models.CopyFile(RepositoryFiles.Golden("internlm", "work_dir", "inputs_stats.pth"), _folder.At("disk", "work", "inputs_stats.pth"));
        var before = Snapshot.Of(_folder.Path);

        using (Assert.EnterMultipleScope())
        {
            Run("convert", "internlm-chat-7b", "model", "--dst_path", "disk/workspace").WasRefusedWith(
                ExitCode.Storage, Does.Match(@"^layercake: no space left for \S+ \(\d+ more bytes needed\): free space there or choose another output folder\n$"));
            Run("lite", "auto_awq", "model", "disk/work").WasRefusedWith(
                ExitCode.Storage,
                Does.Match(@"^layercake: disk/work/\S+ \(\d+ bytes\) cannot be created: .*the disk was full. Check that the folder exists and is writable and that the disk has room.\n$"));
            Assert.That(Snapshot.Of(_folder.Path), Is.EqualTo(before));
            Run("build", "--recipe", "recipe.yaml", "--artifacts", "disk/artifacts").WasRefusedWith(
                ExitCode.Storage, Does.Match("^(warning: .*\n)?layercake: ").And.Match("no space|disk was full"));
            Assert.That(Directory.EnumerateFiles(_folder.At("disk", "artifacts", ".cache", "tmp"), "*", SearchOption.AllDirectories), Is.Empty);
            Assert.That(Directory.Exists(_folder.At("disk", "artifacts", "small")), Is.False);
        }
    }

    [Test]
    public void Statistics_that_do_not_fit_leave_the_earlier_ones_whole()
    {
        Mount("size=256k");
        SmallRecipe.WriteText(_folder);
        Models.CopyFolder(RepositoryFiles.Golden("internlm", "work_dir"), _folder.At("disk"));
        var before = Snapshot.Of(_folder.Path);

        Run("lite", "calibrate", RepositoryFiles.DemoModel, "text.txt", "1", "16", "disk").WasRefusedWith(
            ExitCode.Storage, Does.Match(@"^layercake: disk/\S+ \(\d+ bytes\) cannot be created: "));
        Assert.That(Snapshot.Of(_folder.Path), Is.EqualTo(before));
    }

    [Test]
    public void A_read_only_disk_is_told_before_anything_long_runs()
    {
        Mount("ro");
        Models.Copy("internlm", _folder.At("model"));
        File.WriteAllText(_folder.At("recipe.yaml"), SmallRecipe.Text(RepositoryFiles.DemoModel));
        SmallRecipe.WriteText(_folder);

        using (Assert.EnterMultipleScope())
        {
            var calibrate = Run("lite", "calibrate", RepositoryFiles.DemoModel, "text.txt", "1", "16", "disk/work");
            calibrate.WasRefusedWith(ExitCode.Storage, Does.StartWith("layercake: cannot write into the folder disk/work: Read-only file system"));
            Assert.That(calibrate.Output, Is.Empty);
            Run("convert", "internlm-chat-7b", "model", "--dst_path", "disk/workspace").WasRefusedWith(
                ExitCode.Storage, Does.Contain("cannot be written: Read-only file system").And.EndWith("Choose another output folder\n"));
            Run("lite", "kv_qparams", RepositoryFiles.Golden("internlm", "work_dir"), "disk").WasRefusedWith(
                ExitCode.Storage, Does.StartWith("layercake: disk/layers.0.past_kv_scale.0.weight cannot be written: Read-only file system"));
            Run("build", "--recipe", "recipe.yaml", "--artifacts", "disk/artifacts").WasRefusedWith(
                ExitCode.Storage, Does.Contain("the file system is read-only: ").And.EndWith("; choose a folder that can be written\n"));
        }
    }

    private void Mount(string options)
    {
        Directory.CreateDirectory(_folder.At("disk"));
        _mounted = Succeeds("mount", "-t", "tmpfs", "-o", options, "tmpfs", _folder.At("disk"));
        if (!_mounted)
        {
            Assert.Ignore("a small file system can be mounted by root only");
        }
    }

    private static bool Succeeds(string program, params string[] arguments)
    {
        try
        {
            var start = new ProcessStartInfo(program, arguments) { RedirectStandardError = true };
            using var process = Process.Start(start)!;
            process.StandardError.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }

    private CommandResult Run(params string[] arguments) => LayerCakeCommand.Run(_folder.Path, arguments);
}
