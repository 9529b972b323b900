using System.IO.Compression;
using System.Text;
using LayerCake.Testing;

namespace LayerCake.Checkpoints.Tests;

public sealed class TorchArchiveTests
{
    private TemporaryFolder _folder = null!;

    private string Target => _folder.At("archive.pth");

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void RemoveFolder() => _folder.Dispose();

    [Test]
    public void Statistics_are_found_by_their_nested_names()
    {
        using var archive = TorchArchive.Open(RepositoryFiles.Golden("internlm", "work_dir", "inputs_stats.pth"));

        Assert.That(archive.Find("absmax/model.layers.0.self_attn.q_proj"), Is.EqualTo(TensorInfo.Of("absmax/model.layers.0.self_attn.q_proj", DType.F16, 256)));
        var root = (TorchDictionary)archive.Root;
        Assert.That(root.Entries.Select(entry => entry.Key), Is.EqualTo(new[] { "max", "min", "mean", "absmax", "absmean" }));
        Assert.That(root.TryGet("absmax", out var absmax), Is.True);
        Assert.That(((TorchDictionary)absmax!).TryGet("model.layers.0.self_attn.q_proj", out var tensor), Is.True);
        var bytes = new byte[512];
        archive.Read((TorchTensor)tensor!, 0, bytes);
        Assert.That(bytes, Is.EqualTo(archive.ReadAll("absmax/model.layers.0.self_attn.q_proj")));
    }

    [Test]
    public void Bytes_are_those_of_the_storage_records()
    {
        var path = RepositoryFiles.Golden("internlm", "awq", "pytorch_model.bin");
        using var archive = TorchArchive.Open(path);
        using var zip = ZipFile.OpenRead(path);

        var number = 0;
        foreach (var tensor in archive.Tensors)
        {
            using var memory = new MemoryStream();
            using var record = zip.GetEntry($"pytorch_model/data/{number++}")!.Open();
            record.CopyTo(memory);
            Assert.That(archive.ReadAll(tensor.Name), Is.EqualTo(memory.ToArray()), tensor.Name);
        }

        Assert.That(number, Is.GreaterThan(50));
    }

    [Test]
    public void Data_beside_tensors_is_kept()
    {
        var pickle = new RawPickle().Add("}(").Text("epoch").Number(3).Text("big").Number(1L << 40).Text("negative").Add(0x8a, 1, 0xff).Text("zero").Add(0x8a, 0)
            .Text("loss").Add("G").Add([0x3f, 0xf8, 0, 0, 0, 0, 0, 0]).Text("name").Text("ä").Text("done").Add([0x88]).Text("none").Add("N")
            .Text("list").Add("](").Number(1).Number(2).Add("e").Text("pair").Number(1).Text("x").Add([0x86]).Number(7).Add("N").Add("u.");
        using var archive = TorchArchive.Open(pickle.Save(Target));

        var values = ((TorchDictionary)archive.Root).Entries.ToDictionary(entry => entry.Key, entry => entry.Value);
        Assert.That(archive.Tensors, Is.Empty);
        Assert.That(((TorchInteger)values["epoch"]).Value, Is.EqualTo(3));
        Assert.That(((TorchInteger)values["big"]).Value, Is.EqualTo(1L << 40));
        Assert.That(((TorchInteger)values["negative"]).Value, Is.EqualTo(-1));
        Assert.That(((TorchInteger)values["zero"]).Value, Is.Zero);
        Assert.That(((TorchReal)values["loss"]).Value, Is.EqualTo(1.5));
        Assert.That(((TorchText)values["name"]).Value, Is.EqualTo("ä"));
        Assert.That(((TorchBoolean)values["done"]).Value, Is.True);
        Assert.That(values["none"], Is.SameAs(TorchNone.Value));
        Assert.That(((TorchSequence)values["list"]).Items, Has.Count.EqualTo(2));
        Assert.That(((TorchSequence)values["pair"]).IsTuple, Is.True);
        Assert.That(values["7"], Is.SameAs(TorchNone.Value));
    }

    [Test]
    public void Ordered_dictionaries_parameters_and_module_metadata_are_read()
    {
        // What torch.save(module.state_dict()) gives: an OrderedDict with attributes set by BUILD, here with a Parameter in it.
        var pickle = new RawPickle().Global("collections", "OrderedDict").Add(")Rq").Add([0]).Add("(").Text("w")
            .Global("torch._utils", "_rebuild_parameter").Add("(").Tensor("FloatStorage", "0", 2, 0, [2], [1]).Add([0x88]).Global("collections", "OrderedDict").Add(")RtR")
            .Text("b").Tensor("FloatStorage", "0", 2, 1, [], []).Add("u")
            .Add("}").Text("_metadata").Global("collections", "OrderedDict").Add(")Rsb.");
        using var archive = TorchArchive.Open(pickle.Save(Target, ("data/0", BitConverter.GetBytes(1f).Concat(BitConverter.GetBytes(2f)).ToArray())));

        Assert.That(((TorchDictionary)archive.Root).IsOrderedDict, Is.True);
        Assert.That(archive.Tensors, Is.EqualTo(new[] { TensorInfo.Of("w", DType.F32, 2), TensorInfo.Of("b", DType.F32) }));
        Assert.That(BitConverter.ToSingle(archive.ReadAll("b")), Is.EqualTo(2f));
    }

    [Test]
    public void Protocol_4_with_frames_and_memoize_is_read()
    {
        var pickle = new RawPickle();
        var bytes = pickle.Add([0x95, 0, 0, 0, 0, 0, 0, 0, 0]).Add("}").Add([0x94]).Add("(").Add([0x8c, 1]).Add("w").Add([0x94])
            .Add([0x8c, 12]).Add("torch._utils").Add([0x94, 0x8c, 18]).Add("_rebuild_tensor_v2").Add([0x94, 0x93, 0x94])
            .Add("((").Text("storage").Global("torch", "ByteStorage").Text("0").Text("cpu").Number(1).Add("tQ").Number(0).Numbers(1).Numbers(1).Add([0x89])
            .Global("collections", "OrderedDict").Add(")RtR").Add("h").Add([1]).Add("h").Add([2]).Add("u.").ToArray();
        bytes[1] = 4;
        using var archive = TorchArchive.Open(RawPickle.SaveZip(Target, ("a/data.pkl", bytes), ("a/data/0", [42])));

        // The last two values recall what MEMOIZE numbered 1 and 2: the key "w" again, now with a text.
        Assert.That(((TorchDictionary)archive.Root).Entries, Has.Count.EqualTo(1));
        Assert.That(((TorchText)((TorchDictionary)archive.Root).Entries[0].Value).Value, Is.EqualTo("torch._utils"));
    }

    [TestCase("os", "system")]
    [TestCase("builtins", "eval")]
    [TestCase("torch", "load")]
    [TestCase("torch", "HalfStorageX")]
    [TestCase("torch._utils", "_rebuild_device_tensor_from_numpy")]
    [TestCase("numpy.core.multiarray", "_reconstruct")]
    public void Every_other_global_is_refused_by_name(string module, string name)
    {
        var direct = new RawPickle().Global(module, name).Text("rm -rf /").Add([0x85]).Add("R.").Save(Target);
        var fromStack = new RawPickle().Text(module).Text(name).Add([0x93]).Add(".").Save(_folder.At("stack.pth"));
        var instance = new RawPickle().Add($"(i{module}\n{name}\n.").Save(_folder.At("instance.pth"));

        foreach (var path in (string[])[direct, fromStack, instance])
        {
            Assert.That(
                () => TorchArchive.Open(path),
                Throws.TypeOf<CheckpointException>().With.Message.StartsWith(path).And.Message.Contains($"'{module}.{name}'").And.Message.Contains("could run that code"));
        }
    }

    [Test]
    public void A_global_name_cannot_write_to_the_terminal()
    {
        var path = new RawPickle().Global("os\u001b[2J", "system").Add(".").Save(Target);

        Assert.That(() => TorchArchive.Open(path), Throws.TypeOf<CheckpointException>().With.Message.Contains("\\x1b[2J").And.Message.Not.Contains("\u001b"));
    }

    [TestCase("R.", "takes more values")]
    [TestCase(")R.", "takes more values")]
    [TestCase("))R.", "calls something that is not a function")]
    [TestCase("}}R.", "argument of REDUCE is not a tuple")]
    [TestCase("}}b.", "sets attributes")]
    [TestCase("}", "ends too early")]
    [TestCase("", "ends too early")]
    [TestCase(".", "takes more values")]
    [TestCase("t.", "ends a group")]
    [TestCase("(.", "takes more values")]
    [TestCase(")NNs.", "sets items")]
    [TestCase("}NNs.", "neither text nor a whole number")]
    [TestCase("}(Nu.", "sets items")]
    [TestCase(")Na.", "appends")]
    [TestCase("h\u0005.", "recalls value 5")]
    [TestCase("X\u00ff\u00ff\u00ff\u00ff", "ends too early")]
    [TestCase("\u008d\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff", "ends too early")]
    [TestCase("\u008a\u0009123456789.", "whole number of 9 bytes")]
    [TestCase("\u0080\u0009.", "protocol is 9")]
    [TestCase("cfoo", "ends too early")]
    [TestCase("NQ.", "not a tuple")]
    [TestCase(")Q.", "storage is not described")]
    [TestCase("))\u0081.", "NewObj")]
    [TestCase("C\u0001a.", "ShortBinBytes")]
    [TestCase("\u0000", "is no pickle instruction")]
    [TestCase("Pabc\n.", "PersistentIdText")]
    [TestCase("\u0082\u0001.", "Ext1")]
    public void Pickles_that_make_no_sense_are_refused(string opcodes, string expected)
    {
        var path = new RawPickle().Add(opcodes).Save(Target);

        Assert.That(() => TorchArchive.Open(path), Throws.TypeOf<CheckpointException>().With.Message.StartsWith(path).And.Message.Contains(expected));
    }

    [Test]
    public void Marks_are_popped_like_values() =>
        Assert.That(() => TorchArchive.Open(new RawPickle().Add("N(0.").Save(Target)).Root, Throws.Nothing);

    [TestCase(9L, 0L, new long[] { 8 }, new long[] { 1 }, "should have 9 elements")]
    [TestCase(8L, 1L, new long[] { 8 }, new long[] { 1 }, "leaves its storage")]
    [TestCase(8L, 0L, new long[] { 2, 4 }, new long[] { 5, 1 }, "leaves its storage")]
    [TestCase(8L, 0L, new long[] { 2 }, new long[] { long.MaxValue }, "leaves its storage")]
    [TestCase(8L, long.MaxValue, new long[] { 1 }, new long[] { 1 }, "leaves its storage")]
    [TestCase(8L, 0L, new long[] { -1 }, new long[] { 1 }, "whole numbers from 0 up")]
    [TestCase(8L, 0L, new long[] { 1 }, new long[] { -1 }, "whole numbers from 0 up")]
    [TestCase(8L, -1L, new long[] { 1 }, new long[] { 1 }, "not described")]
    [TestCase(8L, 0L, new long[] { 1, 1 }, new long[] { 1 }, "2 dimensions and 1 strides")]
    [TestCase(8L, 0L, new long[] { 1L << 40 }, new long[] { 0 }, "repeats the 8 elements")]
    [TestCase(8L, 0L, new long[] { 1L << 40, 1L << 40 }, new long[] { 0, 0 }, "no addressable size")]
    public void Tensors_that_do_not_fit_their_storage_are_refused(long elements, long offset, long[] shape, long[] strides, string expected)
    {
        var path = new RawPickle().Add("}").Text("w").Tensor("HalfStorage", "0", elements, offset, shape, strides).Add("s.").Save(Target, ("data/0", new byte[16]));

        Assert.That(() => TorchArchive.Open(path), Throws.TypeOf<CheckpointException>().With.Message.Contains(expected));
    }

    [Test]
    public void A_missing_storage_is_named()
    {
        var path = new RawPickle().Add("}").Text("w").Tensor("HalfStorage", "5", 1, 0, [1], [1]).Add("s.").Save(Target, ("data/0", new byte[2]));

        Assert.That(() => TorchArchive.Open(path), Throws.TypeOf<CheckpointException>().With.Message.Contains("'archive/data/5' is missing"));
    }

    [Test]
    public void Tensors_without_elements_may_lie_anywhere()
    {
        var path = new RawPickle().Add("}").Text("w").Tensor("HalfStorage", "0", 0, 0, [0, 3], [3, 1]).Add("s.").Save(Target, ("data/0", []));
        using var archive = TorchArchive.Open(path);

        Assert.That(archive.ReadAll("w"), Is.Empty);
        Assert.That(archive.Find("w").Shape, Is.EqualTo(new long[] { 0, 3 }));
    }

    [Test]
    public void Lists_that_contain_themselves_are_refused()
    {
        // l = []; l.append(l)
        var path = new RawPickle().Add("]q").Add([0]).Add("h").Add([0]).Add("a.").Save(Target);

        Assert.That(() => TorchArchive.Open(path), Throws.TypeOf<CheckpointException>().With.Message.Contains("nested deeper"));
    }

    [Test]
    public void Lists_that_multiply_themselves_are_refused()
    {
        // Each list holds the one before it ten times: 10^50 paths in a few hundred bytes.
        var pickle = new RawPickle().Add("]q").Add([0]);
        for (byte level = 0; level < 50; level++)
        {
            pickle.Add("](");
            for (var copy = 0; copy < 10; copy++)
            {
                pickle.Add("h").Add([level]);
            }

            pickle.Add("eq").Add([(byte)(level + 1)]);
        }

        var path = pickle.Add(".").Save(Target);

        Assert.That(() => TorchArchive.Open(path), Throws.TypeOf<CheckpointException>().With.Message.Contains("too often"));
    }

    [Test]
    public void Names_that_collide_when_flattened_are_refused()
    {
        var path = new RawPickle().Add("}(").Text("a/b").Tensor("ByteStorage", "0", 1, 0, [1], [1])
            .Text("a").Add("}").Text("b").Tensor("ByteStorage", "0", 1, 0, [1], [1]).Add("su.").Save(Target, ("data/0", [1]));

        Assert.That(() => TorchArchive.Open(path), Throws.TypeOf<CheckpointException>().With.Message.Contains("'a/b'"));
    }

    [Test]
    public void A_bare_tensor_and_a_list_of_tensors_have_names()
    {
        using var bare = TorchArchive.Open(new RawPickle().Tensor("ByteStorage", "0", 1, 0, [1], [1]).Add(".").Save(Target, ("data/0", [9])));
        using var list = TorchArchive.Open(new RawPickle().Add("]").Tensor("ByteStorage", "0", 1, 0, [1], [1]).Add("a.").Save(_folder.At("list.pth"), ("data/0", [9])));

        Assert.That(bare.ReadAll("tensor"), Is.EqualTo(new byte[] { 9 }));
        Assert.That(list.ReadAll("0"), Is.EqualTo(new byte[] { 9 }));
    }

    [Test]
    public void Big_endian_archives_are_refused() =>
        Assert.That(
            () => TorchArchive.Open(new RawPickle().Add("}.").Save(Target, ("byteorder", Encoding.ASCII.GetBytes("big")))),
            Throws.TypeOf<CheckpointException>().With.Message.Contains("big-endian"));

    [Test]
    public void Script_programs_are_recognized() =>
        Assert.That(
            () => TorchArchive.Open(new RawPickle().Add("}.").Save(Target, ("constants.pkl", []))),
            Throws.TypeOf<CheckpointException>().With.Message.Contains("TorchScript"));

    [Test]
    public void Zips_of_other_programs_are_recognized() =>
        Assert.That(() => TorchArchive.Open(RawPickle.SaveZip(Target, ("readme.txt", [1]))), Throws.TypeOf<CheckpointException>().With.Message.Contains("not one of torch.save"));
}
