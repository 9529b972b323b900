// Cake takes arguments it does not know without a word: every name is checked here against the known set.

public sealed class BuildArguments
{
    private static readonly string[] Own =
    {
        "recipe", "variant", "target", "set", "device", "force", "jobs", "keep-going", "locked", "stub", "cache", "cache-mode", "sign-key",
    };

    private static readonly string[] Valued = { "recipe", "variant", "target", "set", "device", "jobs", "cache", "cache-mode", "sign-key" };

    // What Cake itself reads from the command line.
    private static readonly string[] Cakes =
    {
        "dryrun", "tree", "description", "exclusive", "verbosity", "debug", "help", "version", "info", "bootstrap",
        "skip-bootstrap", "working", "invalidate-script-cache", "nuget_useinprocessclient",
    };

    public string Recipe { get; private init; }

    public string Target { get; private init; }

    public IReadOnlyList<string> Overrides { get; private init; }

    public bool Force { get; private init; }

    /// <summary>How many steps may run at once.</summary>
    public int Jobs { get; private init; }

    /// <summary>Go on with what does not need a step that failed.</summary>
    public bool KeepGoing { get; private init; }

    /// <summary>Whether made-up weights stand in for the model's.</summary>
    public bool Stub => Passed.Contains("--stub");

    /// <summary>What the layercake command takes as it is: variant, lock record, stub, shared cache, signing key.</summary>
    public IReadOnlyList<string> Passed { get; private init; }

    /// <summary>A dry run or a tree: nothing may be written.</summary>
    public bool LookOnly { get; private init; }

    public static BuildArguments Read(ICakeContext context)
    {
        var given = context.Arguments.GetArguments();
        var faults = new List<string>();
        foreach (var name in given.Keys)
        {
            if (!Own.Contains(name, StringComparer.OrdinalIgnoreCase)
                && !Cakes.Contains(name, StringComparer.OrdinalIgnoreCase)
                && !name.StartsWith("settings_", StringComparison.OrdinalIgnoreCase)
                && !name.StartsWith("paths_", StringComparison.OrdinalIgnoreCase))
            {
                var near = Nearest(name);
                faults.Add($"unknown argument '--{name}'{(near is null ? "" : $": did you mean '--{near}'?")}");
            }
        }

        foreach (var name in Valued)
        {
            if (given.TryGetValue(name, out var values) && values.Any(string.IsNullOrWhiteSpace))
            {
                faults.Add($"argument '--{name}' needs a value, for example {Example(name)}");
            }
        }

        foreach (var name in Valued.Where(name => name != "set"))
        {
            if (given.TryGetValue(name, out var values) && values.Count > 1)
            {
                faults.Add($"argument '--{name}' is given {values.Count} times; give it once");
            }
        }

        if (!given.ContainsKey("recipe") && faults.Count == 0)
        {
            faults.Add("which recipe? Give it as --recipe NAME, for example " + Example("recipe"));
        }

        var force = Flag(given, "force", faults);
        var keepGoing = Flag(given, "keep-going", faults);
        var locked = Flag(given, "locked", faults);
        var stub = Flag(given, "stub", faults);
        var jobs = 1;
        if (given.TryGetValue("jobs", out var count) && count.Count == 1 && !(int.TryParse(count.Single(), out jobs) && jobs is > 0 and <= 256) && count.Single() != "")
        {
            faults.Add($"argument '--jobs' is a number of steps from 1 to 256, not '{count.Single()}'");
        }

        if (faults.Count > 0)
        {
            foreach (var fault in faults)
            {
                context.Error(fault);
            }

            throw new CakeException(
                "The arguments are wrong; nothing was run. Known: --recipe NAME, --variant NAME, --target STEP, --set KEY=VALUE, --device DEVICE, --force, --jobs N, --keep-going, "
                + "--locked, --stub, --cache LOCATION, --cache-mode MODE, --sign-key FILE, --dryrun, --tree.");
        }

        return new BuildArguments
        {
            Recipe = given["recipe"].Single(),
            Target = given.TryGetValue("target", out var target) ? target.Single() : null,
            Overrides = given.TryGetValue("set", out var overrides) ? overrides.ToList() : new List<string>(),
            Force = force,
            Jobs = jobs,
            KeepGoing = keepGoing,
            Passed = new[] { "variant", "device", "cache", "cache-mode", "sign-key" }
                .Where(given.ContainsKey).SelectMany(name => new[] { $"--{name}", given[name].Single() })
                .Concat(locked ? new[] { "--locked" } : Array.Empty<string>())
                .Concat(stub ? new[] { "--stub" } : Array.Empty<string>()).ToList(),
            LookOnly = Flag(given, "dryrun", faults) || Flag(given, "tree", faults),
        };
    }

    public void CheckTarget(IReadOnlyList<string> steps)
    {
        if (Target is null || steps.Contains(Target, StringComparer.OrdinalIgnoreCase))
        {
            return;
        }

        var near = steps.Where(step => Distance(Target, step) <= 3).OrderBy(step => Distance(Target, step)).FirstOrDefault();
        throw new CakeException(
            $"The recipe has no step '{Target}'{(near is null ? "" : $": did you mean '{near}'?")} Its steps: {string.Join(", ", steps)}.");
    }

    private static bool Flag(IDictionary<string, ICollection<string>> given, string name, List<string> faults)
    {
        if (!given.TryGetValue(name, out var values))
        {
            return false;
        }

        var value = values.LastOrDefault();
        if (string.IsNullOrEmpty(value) || value.Equals("true", StringComparison.OrdinalIgnoreCase))
        {
            return true;
        }

        if (!value.Equals("false", StringComparison.OrdinalIgnoreCase))
        {
            faults.Add($"argument '--{name}' is a switch; it takes no value but true or false, not '{value}'");
        }

        return false;
    }

    private static string Example(string name) => name switch
    {
        "recipe" => "--recipe internlm-tiny-w4kv8.yaml",
        "variant" => "--variant internlm-tiny-tensor_parallel2",
        "target" => "--target calibrate",
        "jobs" => "--jobs 2",
        "cache" => "--cache s3://bucket/prefix",
        "cache-mode" => "--cache-mode read-only",
        "sign-key" => "--sign-key key.pem",
        "device" => "--device cuda",
        _ => "--set calibrate.samples=16",
    };

    private static string Nearest(string name) => Own.Concat(Cakes)
        .Where(known => known.StartsWith(name, StringComparison.OrdinalIgnoreCase) || Distance(name, known) <= 2)
        .OrderBy(known => Distance(name, known)).FirstOrDefault();

    private static int Distance(string left, string right)
    {
        var row = Enumerable.Range(0, right.Length + 1).ToArray();
        for (var i = 1; i <= left.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= right.Length; j++)
            {
                var substitution = diagonal + (char.ToLowerInvariant(left[i - 1]) == char.ToLowerInvariant(right[j - 1]) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(substitution, Math.Min(row[j], row[j - 1]) + 1);
            }
        }

        return row[^1];
    }
}
