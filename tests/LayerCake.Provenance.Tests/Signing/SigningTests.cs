using System.Numerics;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using LayerCake.Testing;

namespace LayerCake.Provenance.Tests.Signing;

/// <summary>Keys, signatures and bundles; openssl and the test values of RFC 6979 as independent witnesses.</summary>
[TestFixture]
internal sealed class SigningTests
{
    private static readonly SigningKey[] s_keys = [Keys.P256, Keys.P384, Keys.P521];

    [TestCase("nistP256", "C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721",
        "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716",
        "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8")]
    [TestCase("nistP384", "6B9D3DAD2E1B8C1C05B19875B6659F4DE23C3B667BF297BA9AA47740787137D896D5724E4C70A825F872C9EA60D2EDF5",
        "94EDBB92A5ECB8AAD4736E56C691916B3F88140666CE9FA73D64C4EA95AD133C81A648152E44ACF96E36DD1E80FABE46",
        "99EF4AEB15F178CEA1FE40DB2603138F130E740A19624526203B6351D0A3A94FA329C145786E679E7B82C71A38628AC8")]
    [TestCase("nistP521", "00FAD06DAA62BA3B25D2FB40133DA757205DE67F5BB0018FEE8C86E1B68C7E75CAA896EB32F1F47C70855836A6D16FCC1466F6D8FBEC67DB89EC0C08B0E996B83538",
        "00C328FAFCBD79DD77850370C46325D987CB525569FB63C5D3BC53950E6D4C5F174E25A1EE9017B5D450606ADD152B534931D7D4E8455CC91F9B15BF05EC36E377FA",
        "00617CCE7CF5064806C467F678D3B4080D6F1CC50AF26CA209417308281B68AF282623EAA63E5B5C0723D8B8C37FF0777B1A20F8CCB1DCCC43997F1EE0E44DA4A67A")]
    public void A_signature_is_the_one_that_RFC_6979_gives_for_the_message_sample(string curve, string secret, string r, string s)
    {
        using var ecdsa = ECDsa.Create(new ECParameters { Curve = ECCurve.CreateFromFriendlyName(curve), D = Convert.FromHexString(secret) });
        var key = SigningKey.Parse(ecdsa.ExportECPrivateKeyPem(), "the key of the RFC");

        var reader = new System.Formats.Asn1.AsnReader(key.Sign("sample"u8), System.Formats.Asn1.AsnEncodingRules.DER).ReadSequence();

        Assert.That(new[] { reader.ReadInteger(), reader.ReadInteger() }, Is.EqualTo(new[] { Number(r), Number(s) }));
    }

    [TestCaseSource(nameof(s_keys))]
    public void The_same_files_and_key_give_the_same_signature(SigningKey key)
    {
        using var package = new SmallPackage();
        var inventory = PackageInventory.Read(package.Folder);

        var first = ModelSignature.Sign(key, "small", inventory);
        var second = ModelSignature.Sign(key, "small", [.. inventory.Files.Reverse()], inventory.Links);

        Assert.That(second, Is.EqualTo(first));
    }

    [TestCaseSource(nameof(s_keys))]
    public void Openssl_takes_our_signature_and_key_hint(SigningKey key)
    {
        OpenSsl.Require();
        using var folder = new TemporaryFolder();
        var bundle = SignatureBundle.Parse(ModelSignature.Sign(key, "m", [File("a", "1")], []));
        System.IO.File.WriteAllText(folder.At("key.pem"), key.PublicKey.Pem);
        System.IO.File.WriteAllBytes(folder.At("pae"), Dsse.PreAuthenticationEncoding(bundle.PayloadType, bundle.Payload));
        System.IO.File.WriteAllBytes(folder.At("sig"), bundle.Signature);
        var hash = key.PublicKey.Curve switch { "P-256" => "-sha256", "P-384" => "-sha384", _ => "-sha512" };

        var output = OpenSsl.Run(folder.Path, "dgst", hash, "-verify", "key.pem", "-signature", "sig", "pae");
        OpenSsl.Run(folder.Path, "pkey", "-pubin", "-in", "key.pem", "-pubout", "-out", "again.pem");

        using (Assert.EnterMultipleScope())
        {
            Assert.That(output, Is.EqualTo("Verified OK\n"));
            Assert.That(Convert.ToHexStringLower(SHA256.HashData(System.IO.File.ReadAllBytes(folder.At("again.pem")))), Is.EqualTo(bundle.KeyHint));
        }
    }

    [TestCase("prime256v1", "P-256")]
    [TestCase("secp384r1", "P-384")]
    [TestCase("secp521r1", "P-521")]
    public void Signatures_made_with_openssl_alone_are_taken(string name, string curve)
    {
        var key = VerificationKey.Load(Vector($"{name}.pem"));
        using var folder = new TemporaryFolder();
        Copy(Vector("model"), folder.At("model"));
        System.IO.File.Copy(Vector($"{name}.sig"), folder.At("model", "model.sig"));
        var sound = PackageVerifier.Verify(PackageInventory.Read(folder.At("model")), key);
        System.IO.File.AppendAllText(folder.At("model", "weights", "a-b.bin"), "!");
        System.IO.File.WriteAllText(folder.At("model", "added"), "");
        var changed = PackageVerifier.Verify(PackageInventory.Read(folder.At("model")), key);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(key.Curve, Is.EqualTo(curve));
            Assert.That(sound.Findings, Is.Empty);
            Assert.That(sound.Signature, Is.EqualTo(SignatureState.Verified));
            Assert.That(changed.Signature, Is.EqualTo(SignatureState.Refused));
            Assert.That(changed.Findings.Select(finding => (finding.Kind, finding.Path)), Is.EqualTo(new[]
            {
                (FindingKind.Changed, "weights/a-b.bin"), (FindingKind.Added, "added"),
            }));
        }
    }

    [TestCase("v1.0.1")]
    [TestCase("v1.1.0")]
    public void Signatures_of_the_reference_program_are_taken(string version)
    {
        var key = VerificationKey.Load(Vector("reference/signing-key-pub.pem"));
        using var folder = new TemporaryFolder();
        System.IO.File.WriteAllText(folder.At("signme-1"), "signme-1\n");
        System.IO.File.WriteAllText(folder.At("signme-2"), "signme-2");
        System.IO.File.Copy(Vector($"reference/{version}.sig"), folder.At("model.sig"));
        var sound = PackageVerifier.Verify(PackageInventory.Read(folder.Path), key);
        System.IO.File.WriteAllText(folder.At("signme-2"), "signme-3");
        System.IO.File.Move(folder.At("signme-1"), folder.At("signme-0"));
        var changed = PackageVerifier.Verify(PackageInventory.Read(folder.Path), key);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(sound.Findings, Is.Empty);
            Assert.That(sound.Signature, Is.EqualTo(SignatureState.Verified));
            Assert.That(changed.Signature, Is.EqualTo(SignatureState.Refused));
            Assert.That(changed.Findings.Select(finding => (finding.Kind, finding.Path)), Is.EqualTo(new[] { (FindingKind.Renamed, "signme-1"), (FindingKind.Changed, "signme-2") }));
            Assert.That(PackageVerifier.Verify(PackageInventory.Read(folder.Path), Keys.P384.PublicKey).Signature, Is.EqualTo(SignatureState.Refused));
        }
    }

    [Test]
    public void The_statement_is_that_of_the_format()
    {
        var bundle = SignatureBundle.Parse(ModelSignature.Sign(Keys.P256, "m", [File("b", "2"), File("a-b", "3"), File("a/c", "1"), File("model.sig", "")], []));
        using var statement = JsonDocument.Parse(bundle.Payload);
        var predicate = statement.RootElement.GetProperty("predicate");
        string[] contents = ["3", "1", "2"];
        var root = SHA256.HashData(contents.SelectMany(text => SHA256.HashData(Encoding.UTF8.GetBytes(text))).ToArray());

        using (Assert.EnterMultipleScope())
        {
            Assert.That(statement.RootElement.GetProperty("_type").GetString(), Is.EqualTo("https://in-toto.io/Statement/v1"));
            Assert.That(statement.RootElement.GetProperty("predicateType").GetString(), Is.EqualTo("https://model_signing/signature/v1.0"));
            Assert.That(
                statement.RootElement.GetProperty("subject").GetRawText(), Is.EqualTo($$$"""[{"name":"m","digest":{"sha256":"{{{Convert.ToHexStringLower(root)}}}"}}]"""));
            Assert.That(
                predicate.GetProperty("serialization").GetRawText(),
                Is.EqualTo("""{"method":"files","hash_type":"sha256","allow_symlinks":false,"ignore_paths":["model.sig"]}"""));
            Assert.That(predicate.GetProperty("resources").EnumerateArray().Select(file => file.GetProperty("name").GetString()), Is.EqualTo(new[] { "a-b", "a/c", "b" }));
        }
    }

    [Test]
    public void The_envelope_s_encoding_is_that_of_its_specification() => Assert.That(
        Dsse.PreAuthenticationEncoding("http://example.com/HelloWorld", "hello world"u8),
        Is.EqualTo("DSSEv1 29 http://example.com/HelloWorld 11 hello world"u8.ToArray()));

    [Test]
    public void Keys_come_in_all_the_forms_that_openssl_writes()
    {
        using var ecdsa = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        var parameters = new PbeParameters(PbeEncryptionAlgorithm.Aes256Cbc, HashAlgorithmName.SHA256, 1000);
        var expected = SigningKey.Parse(ecdsa.ExportPkcs8PrivateKeyPem(), "key").PublicKey.Hint;

        using (Assert.EnterMultipleScope())
        {
            Assert.That(SigningKey.Parse(ecdsa.ExportECPrivateKeyPem(), "key").PublicKey.Hint, Is.EqualTo(expected));
            Assert.That(SigningKey.Parse(ecdsa.ExportEncryptedPkcs8PrivateKeyPem("secret", parameters), "key", "secret").PublicKey.Hint, Is.EqualTo(expected));
            Assert.That(SigningKey.Parse("-----BEGIN EC PARAMETERS-----\nBgUrgQQAIg==\n-----END EC PARAMETERS-----\n" + ecdsa.ExportECPrivateKeyPem(), "key").PublicKey.Hint, Is.EqualTo(expected));
            Assert.That(VerificationKey.Parse(ecdsa.ExportSubjectPublicKeyInfoPem(), "key").Hint, Is.EqualTo(expected));
        }
    }

    [TestCaseSource(nameof(Unusable))]
    public void A_key_that_cannot_be_used_is_refused_with_what_to_do(string pem, string? password, string message) =>
        Assert.That(() => SigningKey.Parse(pem, "key.pem", password), Throws.TypeOf<ProvenanceException>().With.Message.StartsWith("key.pem ").And.Message.Contains(message));

    [Test]
    public void A_key_to_verify_with_must_be_public()
    {
        using var ecdsa = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var rsa = RSA.Create(2048);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(() => VerificationKey.Parse(ecdsa.ExportPkcs8PrivateKeyPem(), "k"), Throws.TypeOf<ProvenanceException>().With.Message.Contains("-pubout"));
            Assert.That(() => VerificationKey.Parse(rsa.ExportSubjectPublicKeyInfoPem(), "k"), Throws.TypeOf<ProvenanceException>().With.Message.Contains("no elliptic-curve key"));
            Assert.That(() => VerificationKey.Parse("", "k"), Throws.TypeOf<ProvenanceException>().With.Message.Contains("BEGIN PUBLIC KEY"));
            Assert.That(() => VerificationKey.Load("/nowhere/key.pem"), Throws.TypeOf<ProvenanceException>().With.Message.Contains("does not exist"));
        }
    }

    [Test]
    public void Nothing_is_signed_that_leads_out_of_the_folder()
    {
        Assert.That(
            () => ModelSignature.Sign(Keys.P256, "m", [], [new PackageLink("a/link", "../../etc/passwd")]),
            Throws.TypeOf<ProvenanceException>().With.Message.Contains("leads out of the package"));
    }

    private static IEnumerable<TestCaseData> Unusable()
    {
        using var ecdsa = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var rsa = RSA.Create(2048);
        var parameters = new PbeParameters(PbeEncryptionAlgorithm.Aes256Cbc, HashAlgorithmName.SHA256, 1000);
        var encrypted = ecdsa.ExportEncryptedPkcs8PrivateKeyPem("secret", parameters);
        var pem = ecdsa.ExportPkcs8PrivateKeyPem();
        yield return new TestCaseData("", null, "no private key in PEM").SetArgDisplayNames("empty");
        yield return new TestCaseData(ecdsa.ExportSubjectPublicKeyInfoPem(), null, "holds a public key").SetArgDisplayNames("public");
        yield return new TestCaseData(rsa.ExportRSAPrivateKeyPem(), null, "elliptic-curve").SetArgDisplayNames("RSA");
        yield return new TestCaseData(rsa.ExportPkcs8PrivateKeyPem(), null, "no elliptic-curve key").SetArgDisplayNames("RSA in PKCS8");
        yield return new TestCaseData(encrypted, null, "LAYERCAKE_SIGNING_PASSWORD").SetArgDisplayNames("no password");
        yield return new TestCaseData(encrypted, "wrong", "its password is wrong").SetArgDisplayNames("wrong password");
        yield return new TestCaseData(pem[..60] + "\n-----END PRIVATE KEY-----", null, "damaged").SetArgDisplayNames("cut off");
        yield return new TestCaseData("-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n", null, "openssl pkcs8").SetArgDisplayNames("old encryption");
        using var brainpool = ECDsa.Create(ECCurve.NamedCurves.brainpoolP256r1);
        yield return new TestCaseData(brainpool.ExportPkcs8PrivateKeyPem(), null, "another curve").SetArgDisplayNames("another curve");
    }

    private static PackageFile File(string path, string content) =>
        new(path, Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(content))), content.Length);

    private static BigInteger Number(string hexadecimal) => new(Convert.FromHexString(hexadecimal), isUnsigned: true, isBigEndian: true);

    private static string Vector(string name) => Path.Combine(AppContext.BaseDirectory, "Vectors", name);

    private static void Copy(string source, string destination)
    {
        foreach (var file in Directory.EnumerateFiles(source, "*", SearchOption.AllDirectories))
        {
            var target = Path.Combine(destination, Path.GetRelativePath(source, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            System.IO.File.WriteAllBytes(target, System.IO.File.ReadAllBytes(file));
        }
    }
}
