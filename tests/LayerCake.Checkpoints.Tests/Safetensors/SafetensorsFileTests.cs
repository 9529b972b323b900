using LayerCake.Testing;

namespace LayerCake.Checkpoints.Tests;

public sealed class SafetensorsFileTests
{
    private const string TwoTensors =
        """{"a":{"dtype":"F16","shape":[2,3],"data_offsets":[0,12]},"b":{"dtype":"U8","shape":[4],"data_offsets":[12,16]}}""";

    private TemporaryFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void RemoveFolder() => _folder.Dispose();

    [Test]
    public void Tensors_are_listed_in_header_order_with_dtype_shape_and_bytes()
    {
        using var file = Open(RawSafetensors.Bytes("""{"b":{"dtype":"BF16","shape":[2],"data_offsets":[4,8]},"__metadata__":{"k":"v"},"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}""", 8));

        Assert.That(file.Tensors, Is.EqualTo(new[] { TensorInfo.Of("b", DType.BF16, 2), TensorInfo.Of("a", DType.F32) }));
        Assert.That(file.Metadata, Is.EqualTo(new Dictionary<string, string> { ["k"] = "v" }));
    }

    [Test]
    public void Any_range_of_a_tensor_is_read()
    {
        var bytes = RawSafetensors.Bytes(TwoTensors, 16);
        using var file = Open(bytes);
        var destination = new byte[3];

        file.Read("a", 5, destination);

        Assert.That(destination, Is.EqualTo(bytes[^11..^8]));
        Assert.That(file.ReadAll("b"), Is.EqualTo(bytes[^4..]));
    }

    [Test]
    public void Trailing_spaces_pad_a_header() => Assert.That(() => Open(RawSafetensors.Bytes("{}      ")).Dispose(), Throws.Nothing);

    [Test]
    public void Unknown_fields_of_a_tensor_are_skipped()
    {
        using var file = Open(RawSafetensors.Bytes("""{"a":{"dtype":"U8","shape":[1],"note":{"x":[1]},"data_offsets":[0,1]}}""", 1));

        Assert.That(file.Tensors, Has.Count.EqualTo(1));
    }

    [TestCase("BOOL", 8)]
    [TestCase("U8", 8)]
    [TestCase("I8", 8)]
    [TestCase("F8_E5M2", 8)]
    [TestCase("F8_E4M3", 8)]
    [TestCase("F8_E8M0", 8)]
    [TestCase("F8_E4M3FNUZ", 8)]
    [TestCase("F8_E5M2FNUZ", 8)]
    [TestCase("I16", 16)]
    [TestCase("U16", 16)]
    [TestCase("F16", 16)]
    [TestCase("BF16", 16)]
    [TestCase("I32", 32)]
    [TestCase("U32", 32)]
    [TestCase("F32", 32)]
    [TestCase("I64", 64)]
    [TestCase("U64", 64)]
    [TestCase("F64", 64)]
    [TestCase("C64", 64)]
    [TestCase("F4", 4)]
    [TestCase("F6_E2M3", 6)]
    [TestCase("F6_E3M2", 6)]
    public void Every_dtype_of_the_format_is_read(string name, int bits)
    {
        using var file = Open(RawSafetensors.Bytes($$$"""{"a":{"dtype":"{{{name}}}","shape":[8],"data_offsets":[0,{{{bits}}}]}}""", bits));

        Assert.That(file.Tensors[0].DType.SafetensorsName(), Is.EqualTo(name));
        Assert.That(file.Tensors[0].ByteCount, Is.EqualTo(bits));
        Assert.That(file.ReadAll("a"), Has.Length.EqualTo(bits));
    }

    [TestCase("", "does not begin with '{'")]
    [TestCase(" {}", "does not begin with '{'")]
    [TestCase("[]", "does not begin with '{'")]
    [TestCase("{} x", "not the JSON")]
    [TestCase("{", "not the JSON")]
    [TestCase("""{"a":1}""", "is not an object")]
    [TestCase("""{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}""", "names 'a' twice")]
    [TestCase("""{"a":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}}""", "has 'dtype' twice")]
    [TestCase("""{"a":{"shape":[1],"data_offsets":[0,1]}}""", "lacks dtype")]
    [TestCase("""{"a":{"dtype":"U8","data_offsets":[0,1]}}""", "lacks shape")]
    [TestCase("""{"a":{"dtype":"U8","shape":[1]}}""", "lacks data_offsets")]
    [TestCase("""{"a":{"dtype":"Q3","shape":[1],"data_offsets":[0,1]}}""", "element type 'Q3'")]
    [TestCase("""{"a":{"dtype":7,"shape":[1],"data_offsets":[0,1]}}""", "dtype of tensor 'a' is not a string")]
    [TestCase("""{"a":{"dtype":"U8","shape":3,"data_offsets":[0,1]}}""", "is not an array")]
    [TestCase("""{"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}}""", "whole numbers")]
    [TestCase("""{"a":{"dtype":"U8","shape":[1.0],"data_offsets":[0,1]}}""", "whole numbers")]
    [TestCase("""{"a":{"dtype":"U8","shape":[9223372036854775808],"data_offsets":[0,1]}}""", "whole numbers")]
    [TestCase("""{"a":{"dtype":"F64","shape":[4611686018427387904,4611686018427387904],"data_offsets":[0,1]}}""", "no addressable size")]
    [TestCase("""{"a":{"dtype":"F4","shape":[1],"data_offsets":[0,1]}}""", "whole bytes")]
    [TestCase("""{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1,2]}}""", "more than 2 numbers")]
    [TestCase("""{"a":{"dtype":"U8","shape":[1],"data_offsets":[0]}}""", "not a range")]
    [TestCase("""{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}}""", "not a range")]
    [TestCase("""{"a":{"dtype":"F16","shape":[1],"data_offsets":[0,1]}}""", "needs 2 bytes but its data_offsets [0, 1] give it 1")]
    [TestCase("""{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}""", "ends at byte 2 of the data, but only 1 are there")]
    [TestCase("""{"a":{"dtype":"U8","shape":[0],"data_offsets":[1,1]},"b":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}""", "leaves a hole")]
    [TestCase("""{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}""", "overlaps")]
    [TestCase("{}", "end at byte 0 of the data, but 1 are there")]
    [TestCase("""{"__metadata__":[]}""", "__metadata__ is not an object")]
    [TestCase("""{"__metadata__":{"a":1}}""", "is not a string")]
    [TestCase("""{"__metadata__":{"a":"1","a":"2"}}""", "names 'a' twice")]
    [TestCase("""{"\ud800":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}""", "not text")]
    public void A_header_that_contradicts_itself_is_refused(string header, string expected)
    {
        var path = Save(RawSafetensors.Bytes(header, 1));

        Assert.That(() => SafetensorsFile.Open(path), Throws.TypeOf<CheckpointException>().With.Message.StartsWith(path).And.Message.Contains(expected));
    }

    [Test]
    public void Deeply_nested_headers_are_refused()
    {
        var header = """{"a":{"x":""" + new string('[', 100_000);

        Assert.That(() => Open(RawSafetensors.Bytes(header)), Throws.TypeOf<CheckpointException>());
    }

    [Test]
    public void More_than_64_dimensions_are_refused()
    {
        var header = $$$"""{"a":{"dtype":"U8","shape":[{{{string.Join(',', Enumerable.Repeat(1, 65))}}}],"data_offsets":[0,1]}}""";

        Assert.That(() => Open(RawSafetensors.Bytes(header, 1)), Throws.TypeOf<CheckpointException>().With.Message.Contains("more than 64"));
    }

    [Test]
    public void A_header_that_is_not_utf8_is_refused() =>
        Assert.That(() => Open(RawSafetensors.Bytes([(byte)'{', (byte)'"', 0xff, (byte)'"', (byte)'}'])), Throws.TypeOf<CheckpointException>().With.Message.Contains("not UTF-8"));

    [Test]
    public void A_header_longer_than_the_file_is_refused()
    {
        var bytes = RawSafetensors.Bytes(TwoTensors, 0);
        bytes[0]++;

        Assert.That(() => Open(bytes), Throws.TypeOf<CheckpointException>().With.Message.Contains("cut off"));
    }

    [TestCase(new byte[] { 1, 225, 245, 5, 0, 0, 0, 0 }, TestName = "A_header_above_100_MB_is_refused")]
    [TestCase(new byte[] { 0, 0, 0, 0, 0, 0, 0, 255 }, TestName = "A_header_length_with_the_top_bit_set_is_refused")]
    public void A_header_length_above_the_limit_is_refused(byte[] length) =>
        Assert.That(() => Open([.. length, (byte)'{', (byte)'}']), Throws.TypeOf<CheckpointException>().With.Message.Contains("the format allows 100000000"));

    [Test]
    public void A_file_of_less_than_eight_bytes_is_refused() =>
        Assert.That(() => Open([0, 0, 0]), Throws.TypeOf<CheckpointException>().With.Message.Contains("has 3 bytes"));

    [Test]
    public void A_truncated_file_names_the_tensor_that_is_cut()
    {
        var bytes = RawSafetensors.Bytes(TwoTensors, 16);

        Assert.That(() => Open(bytes[..^5]), Throws.TypeOf<CheckpointException>().With.Message.Contains("tensor 'a' ends at byte 12 of the data, but only 11"));
    }

    [Test]
    public void A_file_that_shrinks_after_opening_is_noticed()
    {
        var path = Save(RawSafetensors.Bytes(TwoTensors, 16));
        using var file = SafetensorsFile.Open(path);
        using (var handle = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
        {
            handle.SetLength(handle.Length - 2);
        }

        Assert.That(() => file.ReadAll("b"), Throws.TypeOf<CheckpointException>().With.Message.Contains("cut off or changed"));
    }

    [Test]
    public void An_absent_tensor_is_named_with_the_nearest_one()
    {
        using var file = Open(RawSafetensors.Bytes("""{"model.layers.0.wq":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}"""));

        Assert.That(() => file.ReadAll("model.layers.1.wq"), Throws.TypeOf<CheckpointException>().With.Message.Contains("'model.layers.1.wq'").And.Message.Contains("'model.layers.0.wq'"));
    }

    [TestCase(-1, 1)]
    [TestCase(0, 13)]
    [TestCase(12, 1)]
    [TestCase(long.MaxValue, 1)]
    public void A_range_outside_the_tensor_is_refused(long offset, int length)
    {
        using var file = Open(RawSafetensors.Bytes(TwoTensors, 16));

        Assert.That(() => file.Read("a", offset, new byte[length]), Throws.TypeOf<CheckpointException>().With.Message.Contains("'a'"));
    }

    [Test]
    public void A_missing_file_and_a_folder_say_so()
    {
        Assert.That(() => SafetensorsFile.Open(_folder.At("none.safetensors")), Throws.TypeOf<CheckpointException>().With.Message.Contains("does not exist"));
        Assert.That(() => SafetensorsFile.Open(_folder.Path), Throws.TypeOf<CheckpointException>().With.Message.Contains("is a folder"));
    }

    [Test]
    public void Random_damage_gives_a_message_or_a_sound_result()
    {
        var sound = RawSafetensors.Bytes(TwoTensors, 16);
        var random = new Random(1);
        var refused = 0;
        for (var round = 0; round < 1000; round++)
        {
            var bytes = sound.ToArray();
            for (var flips = random.Next(1, 4); flips > 0; flips--)
            {
                bytes[random.Next(bytes.Length - 16)] = (byte)random.Next(256);
            }

            try
            {
                using var file = Open(bytes);
                foreach (var tensor in file.Tensors)
                {
                    Assert.That(file.ReadAll(tensor.Name), Has.Length.EqualTo(tensor.ByteCount));
                }
            }
            catch (CheckpointException)
            {
                refused++;
            }
        }

        Assert.That(refused, Is.GreaterThan(300));
    }

    private string Save(byte[] bytes)
    {
        var path = _folder.At("file.safetensors");
        File.WriteAllBytes(path, bytes);
        return path;
    }

    private SafetensorsFile Open(byte[] bytes) => SafetensorsFile.Open(Save(bytes));
}
