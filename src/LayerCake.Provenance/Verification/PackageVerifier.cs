using System.Text.Json;

namespace LayerCake.Provenance;

/// <summary>
/// Holds a package against its records and, given a key, against its signature. Offline; nothing of the package is believed before it is compared. Without a key
/// it is integrity only: whoever can change files can change the records with them.
/// </summary>
public sealed class PackageVerifier
{
    private static readonly string[] s_required = [PackageFiles.Checksums, PackageFiles.BuildRecord, PackageFiles.Provenance, PackageFiles.Bom];

    private readonly PackageInventory _inventory;
    private readonly FindingList _findings;
    private readonly List<string> _checked = [];
    private readonly List<string> _notes = [];

    private PackageVerifier(PackageInventory inventory)
    {
        _inventory = inventory;
        _findings = new FindingList(inventory);
    }

    /// <summary>Verifies what was read.</summary>
    /// <param name="inventory">The package.</param>
    /// <param name="key">Who must have signed it; null leaves the signature unchecked.</param>
    /// <param name="model">The folder of the source model, to be compared too; null where it is not at hand.</param>
    /// <exception cref="ProvenanceException">There is no record and no signature at all, so nothing to verify by.</exception>
    public static VerificationReport Verify(PackageInventory inventory, VerificationKey? key, PackageInventory? model = null)
    {
        var verifier = new PackageVerifier(inventory);
        return verifier.Run(key, model);
    }

    private VerificationReport Run(VerificationKey? key, PackageInventory? model)
    {
        var isPackage = s_required.Any(name => _inventory.FindFile(name) is not null);
        var isSigned = _inventory.FindFile(PackageFiles.Signature) is not null;
        if (!isPackage && !isSigned)
        {
            throw new ProvenanceException(
                $"{_inventory.Source} is no package: it has neither {PackageFiles.Checksums} nor {PackageFiles.BuildRecord} nor {PackageFiles.Signature}");
        }

        BuildRecordView? record = null;
        ProvenanceView? provenance = null;
        if (isPackage)
        {
            var sums = Read(PackageFiles.Checksums, bytes => ChecksumList.Parse(bytes));
            record = Read(PackageFiles.BuildRecord, BuildRecordView.Parse);
            provenance = Read(PackageFiles.Provenance, ProvenanceView.Parse);
            var bom = Read(PackageFiles.Bom, BomView.Parse);
            Compare(PackageFiles.Checksums, sums, PackageFiles.Checksums, PackageFiles.Signature);
            Compare(PackageFiles.BuildRecord, record?.Outputs, [.. PackageFiles.All]);
            Compare(PackageFiles.Provenance, provenance?.Subjects, PackageFiles.Provenance, PackageFiles.Checksums, PackageFiles.Signature);
            CompareLinks(PackageFiles.BuildRecord, record?.Links);
            CompareRecords(record, provenance, bom);
        }

        var signature = CheckSignature(key, isSigned, isPackage);
        if (model is not null)
        {
            CompareModel(provenance, model);
        }

        var findings = _findings.ToList();
        if (signature == SignatureState.Verified && findings.Any(finding => finding.Witnesses.Contains(PackageFiles.Signature)))
        {
            signature = SignatureState.Refused;
        }

        return new VerificationReport
        {
            Package = _inventory.Source,
            FileCount = _inventory.Files.Count,
            Bytes = _inventory.Files.Sum(file => file.Size),
            Digest = PackageFile.TreeDigest(_inventory.Files.Where(file => file.Path != PackageFiles.Signature).Select(file => (file.Path, file.Sha256))),
            Checked = _checked,
            Signature = signature,
            Findings = findings,
            Notes = _notes,
            Recipe = record?.RecipeName,
            Materials = provenance is null ? [] : [.. provenance.Materials.Select(material => (material.Key, material.Value))],
            Revision = provenance?.Revision,
        };
    }

    /// <summary>A record, parsed; null and a finding where it is missing or damaged.</summary>
    private T? Read<T>(string name, Func<byte[], T> parse)
        where T : class
    {
        if (_inventory.Record(name) is not { } bytes)
        {
            var there = _inventory.FindFile(name) is not null;
            _findings.Add(FindingKind.Record, name, there ? $"is larger than {PackageInventory.MaxRecordBytes >> 20} MiB, which no such record is" : "missing: every package has it");
            return null;
        }

        try
        {
            var parsed = parse(bytes);
            _checked.Add(name);
            return parsed;
        }
        catch (ProvenanceException exception)
        {
            _findings.Add(FindingKind.Record, name, $"cannot be used: {exception.Message}");
            return null;
        }
    }

    private void Compare(string witness, SortedDictionary<string, string>? expected, params string[] without)
    {
        if (expected is not null)
        {
            _findings.Compare(witness, expected, _inventory.Files.Where(file => !without.Contains(file.Path)));
        }
    }

    private void CompareLinks(string witness, IReadOnlyDictionary<string, string>? expected)
    {
        if (expected is null)
        {
            return;
        }

        foreach (var (path, target) in expected)
        {
            var now = _inventory.FindLink(path);
            if (now is null)
            {
                _findings.Add(FindingKind.Link, path, $"is no symbolic link any more; {witness} says one to '{PackagePath.Printable(target)}'", witness);
            }
            else if (now != target)
            {
                _findings.Add(FindingKind.Link, path, $"is a symbolic link to '{PackagePath.Printable(now)}'; {witness} says '{PackagePath.Printable(target)}'", witness);
            }
        }

        foreach (var link in _inventory.Links.Where(link => !expected.ContainsKey(link.Path)))
        {
            _findings.Add(FindingKind.Link, link.Path, $"is an added symbolic link to '{PackagePath.Printable(link.Target)}'; {witness} does not know it", witness);
        }
    }

    /// <summary>What one record says of another, and what both say of the build.</summary>
    private void CompareRecords(BuildRecordView? record, ProvenanceView? provenance, BomView? bom)
    {
        if (record is not null && provenance is not null)
        {
            Agree(PackageFiles.Provenance, "recipe", JsonElement.DeepEquals(record.Recipe, provenance.Recipe));
            Agree(PackageFiles.Provenance, "versions", JsonElement.DeepEquals(record.Versions, provenance.Versions));
            Agree(PackageFiles.Provenance, "steps", record.Steps.SequenceEqual(provenance.Steps));
            foreach (var name in record.Inputs.Keys.Where(name => provenance.Materials.ContainsKey(name) && name != Material.Model))
            {
                Agree(PackageFiles.Provenance, $"digest of the {name}", record.Inputs[name] == provenance.Materials[name]);
            }
        }

        if (provenance is not null && PackageFile.TreeDigest(provenance.ModelFiles) != provenance.Materials.GetValueOrDefault(Material.Model))
        {
            _findings.Add(FindingKind.Record, PackageFiles.Provenance, "contradicts itself: the digest of the source model is not that of the files it lists");
        }

        if (bom is not null && record is not null)
        {
            Agree(PackageFiles.Bom, "name", bom.Name == record.RecipeName);
            Agree(PackageFiles.Bom, "digest of the workspace", bom.Hash == PackageFile.TreeDigest(record.Outputs.Select(file => (file.Key, file.Value))));
        }

        if (bom is not null && provenance is not null)
        {
            Agree(PackageFiles.Bom, "digest of the source model", bom.Ancestor == provenance.Materials.GetValueOrDefault(Material.Model), PackageFiles.Provenance);
            Agree(PackageFiles.Bom, "digest of the calibration text", bom.Data == provenance.Materials.GetValueOrDefault(Material.Dataset), PackageFiles.Provenance);
        }
    }

    private void Agree(string name, string what, bool same, string with = PackageFiles.BuildRecord)
    {
        if (!same)
        {
            _findings.Add(FindingKind.Record, name, $"contradicts {with}: its {what} is another");
        }
    }

    private SignatureState CheckSignature(VerificationKey? key, bool isSigned, bool isPackage)
    {
        if (key is null)
        {
            return isSigned ? SignatureState.NotChecked : SignatureState.None;
        }

        if (_inventory.Record(PackageFiles.Signature) is not { } bytes)
        {
            _findings.Add(FindingKind.Signature, PackageFiles.Signature, isSigned
                ? $"is larger than {PackageInventory.MaxRecordBytes >> 20} MiB, which no signature is"
                : "missing: the package is not signed, so its origin cannot be checked");
            return SignatureState.Refused;
        }

        try
        {
            var statement = ModelSignature.Open(bytes, key);
            CompareSigned(statement, isPackage);
            _checked.Add(PackageFiles.Signature);
            return SignatureState.Verified;
        }
        catch (ProvenanceException exception)
        {
            _findings.Add(FindingKind.Signature, PackageFiles.Signature, $"refused: {exception.Message}");
            return SignatureState.Refused;
        }
    }

    private void CompareSigned(ModelStatement statement, bool isPackage)
    {
        bool Ignored(string path) => statement.IgnorePaths.Any(ignored => path == ignored || path.StartsWith($"{ignored}/", StringComparison.Ordinal));
        var present = _inventory.Files.Concat(_inventory.LinkedFiles()).Where(file => file.Path != PackageFiles.Signature).ToList();
        var uncovered = present.Where(file => Ignored(file.Path)).ToList();
        var expected = new SortedDictionary<string, string>(statement.Resources.ToDictionary(file => file.Name, file => file.Sha256), StringComparer.Ordinal);
        _findings.Compare(PackageFiles.Signature, expected, present.Where(file => !Ignored(file.Path)));
        if (statement.Links is { } links)
        {
            CompareLinks(PackageFiles.Signature, links.ToDictionary(link => link.Path, link => link.Target));
        }
        else if (!statement.AllowSymlinks)
        {
            CompareLinks(PackageFiles.Signature, new Dictionary<string, string>());
        }

        if (uncovered.Count > 0)
        {
            _notes.Add($"the signature leaves out {uncovered.Count} file{(uncovered.Count == 1 ? "" : "s")}, such as {PackagePath.Printable(uncovered[0].Path)}"
                + (isPackage ? "; the other records know them" : "; nothing is known of them"));
        }
    }

    private void CompareModel(ProvenanceView? provenance, PackageInventory model)
    {
        if (provenance is null)
        {
            _findings.Add(FindingKind.Record, PackageFiles.Provenance, "cannot be used, so the source model cannot be compared");
            return;
        }

        foreach (var (path, digest) in provenance.ModelFiles)
        {
            var there = model.FindFile(path) ?? model.LinkedFiles().FirstOrDefault(file => file.Path == path);
            if (there?.Sha256 != digest)
            {
                var name = $"{Material.Model}/{path}";
                _findings.Add(there is null ? FindingKind.Missing : FindingKind.Changed, name, there is null
                    ? $"is not in {model.Source}; the package was made from one with sha256 {digest}"
                    : $"is another in {model.Source}: the package was made from sha256 {digest}, that one has {there.Sha256}");
            }
        }

        _checked.Add("source model");
    }
}
