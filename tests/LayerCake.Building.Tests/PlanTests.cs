using LayerCake.Building.TestHost;

namespace LayerCake.Building.Tests;

public sealed class PlanTests
{
    [Test]
    public async Task A_second_build_runs_nothing_and_reads_nothing()
    {
        using var fixture = new BuildFixture();
        await fixture.RunAsync();
        fixture.Runs();

        var plan = fixture.Plan();
        var again = await fixture.RunAsync();

        Assert.That(plan.Steps.Select(step => (step.Outcome, step.Reason)), Is.All.EqualTo((PlannedOutcome.Hit, "up to date")));
        Assert.That(again.Select(result => (result.Outcome, result.Reason)), Is.All.EqualTo((StepOutcome.Cached, "up to date")));
        Assert.That(fixture.Runs(), Is.Empty);
    }

    [Test]
    public async Task A_changed_option_of_the_last_step_runs_that_step_only()
    {
        using var fixture = new BuildFixture();
        await fixture.RunAsync();
        fixture.Runs();

        var plan = fixture.Plan(fixture.Build(title: "other"));
        await fixture.RunAsync(fixture.Build(title: "other"));

        Assert.That(plan.Steps.Select(step => step.Reason), Is.EqualTo(new[] { "up to date", "up to date", "changed: bundle.title bundle → other" }));
        Assert.That(fixture.Runs(), Is.EqualTo(new[] { "bundle" }));
    }

    [Test]
    public async Task A_changed_option_of_the_first_step_runs_everything_after_it_and_says_so()
    {
        using var fixture = new BuildFixture();
        await fixture.RunAsync();

        var plan = fixture.Plan(fixture.Build(scale: 2, title: "other"));

        Assert.That(plan.Steps.Select(step => step.Reason), Is.EqualTo(new[]
        {
            "changed: numbers.scale 3 → 2", "numbers will run", "changed: bundle.title bundle → other; numbers will run; sums will run",
        }));
        Assert.That(plan["numbers"].Changes, Is.EqualTo(new[] { new KeyDifference("recipe.numbers.scale", "3", "2") }));
    }

    [Test]
    public async Task Going_back_to_an_earlier_recipe_runs_nothing()
    {
        using var fixture = new BuildFixture();
        await fixture.RunAsync();
        await fixture.RunAsync(fixture.Build(scale: 2));
        fixture.Runs();

        await fixture.RunAsync();

        Assert.That(fixture.Runs(), Is.Empty);
        Assert.That(fixture.Plan(fixture.Build(scale: 4))["numbers"].Reason, Is.EqualTo("changed: numbers.scale 3 → 4"));
    }

    [Test]
    public async Task A_changed_input_is_named_with_its_digests()
    {
        using var fixture = new BuildFixture();
        await fixture.RunAsync();
        File.WriteAllText(fixture.Input, "four\n");

        Assert.That(fixture.Plan()["numbers"].Reason, Is.EqualTo($"changed: input text {Digest.Of("one two three\n").Short} → {Digest.Of("four\n").Short}"));
    }

    [Test]
    public async Task Touching_an_input_or_moving_everything_changes_no_key()
    {
        using var fixture = new BuildFixture();
        using var other = new BuildFixture();
        await fixture.RunAsync();
        File.SetLastWriteTimeUtc(fixture.Input, DateTime.UtcNow);

        Assert.That(fixture.Plan().Steps.Select(step => step.Outcome), Is.All.EqualTo(PlannedOutcome.Hit));
        Assert.That(other.Plan().Steps.Select(step => step.Key), Is.EqualTo(fixture.Plan().Steps.Select(step => step.Key)));
    }

    [Test]
    public async Task New_gone_and_surrounding_fields_and_a_new_version_are_explained()
    {
        using var fixture = new BuildFixture();
        using var store = fixture.Open();
        SmallStep Step(int version, string? libtorch, bool symmetric) => new()
        {
            Name = "kv_qparams",
            Version = version,
            Options = key =>
            {
                if (symmetric)
                {
                    key.Add("symmetric", true);
                }
            },
            Surroundings = key =>
            {
                if (libtorch is not null)
                {
                    key.Add("libtorch", libtorch);
                }
            },
            Action = (_, _) => Task.CompletedTask,
        };
        var plan = BuildPlan.Create("r", [Step(1, "2.9", true)], store);
        await new StepRunner(store, SilentReporter.Instance).RunAllAsync(plan);

        Assert.That(BuildPlan.Create("r", [Step(2, "2.10", false)], store).Steps[0].Reason, Is.EqualTo("changed: libtorch 2.9 → 2.10, kv_qparams.symmetric true (gone), the step's implementation 1 → 2"));
        Assert.That(BuildPlan.Create("another", [Step(2, "2.9", false)], store).Steps[0].Reason, Is.EqualTo("never built"));
    }

    [Test]
    public void Steps_are_ordered_by_what_they_depend_on()
    {
        using var fixture = new BuildFixture();
        using var store = fixture.Open();

        var plan = BuildPlan.Create("r", [.. fixture.Build().Steps().Reverse()], store);

        Assert.That(plan.Steps.Select(step => step.Name), Is.EqualTo(new[] { "numbers", "sums", "bundle" }));
        Assert.That(plan.Needed("sums").Select(step => step.Name), Is.EqualTo(new[] { "numbers", "sums" }));
    }

    [Test]
    public void A_circle_an_unknown_step_and_two_of_one_name_are_named()
    {
        using var fixture = new BuildFixture();
        using var store = fixture.Open();
        static SmallStep Step(string name, params string[] after) => new() { Name = name, DependsOn = after, Action = (_, _) => Task.CompletedTask };

        Assert.That(() => BuildPlan.Create("r", [Step("a", "b"), Step("b", "c"), Step("c", "b")], store), Throws.InstanceOf<BuildException>().With.Message.EndsWith("in a circle: b -> c -> b"));
        Assert.That(() => BuildPlan.Create("r", [Step("a", "x")], store), Throws.InstanceOf<BuildException>().With.Message.Contains("'a' depends on 'x'"));
        Assert.That(() => BuildPlan.Create("r", [Step("a"), Step("a")], store), Throws.InstanceOf<BuildException>().With.Message.Contains("two steps named 'a'"));
        Assert.That(() => BuildPlan.Create("r", [Step("a")], store)["b"], Throws.InstanceOf<BuildException>().With.Message.Contains("its steps are a"));
    }

    [Test]
    public void A_missing_input_names_the_step_and_the_path()
    {
        using var fixture = new BuildFixture();
        File.Delete(fixture.Input);

        Assert.That(() => fixture.Plan(), Throws.InstanceOf<BuildException>().With.Message.EqualTo($"numbers: the input 'text' is missing: there is no file {fixture.Input}"));
    }

}
