using System.Collections.Immutable;
using LayerCake.Testing;

namespace LayerCake.Runtime.Tests;

/// <summary>Sessions of the demo model: what they generate, alone and together, and where they end.</summary>
internal sealed class GenerationTests
{
    private static readonly GenerationOptions s_greedy = GenerationOptions.Greedy with { RequestOutputLength = 12, IgnoreEos = true };

    private TurboMindModel _model = null!;

    [OneTimeSetUp]
    public void Load() => _model = Models.Tiny();

    [OneTimeTearDown]
    public void Unload() => _model.Dispose();

    [Test]
    public async Task Greedy_tokens_are_the_most_likely_of_the_logits_computed_at_once()
    {
        using var session = _model.CreateSession();
        var prompt = Models.Prompt(1, 40);
        var tokens = await Models.Generate(session, prompt, GenerationOptions.Greedy with { RequestOutputLength = 12 });
        var all = Models.AllLogits(_model, [.. prompt, .. tokens]);
        var vocabulary = _model.Configuration.VocabularySize;
        for (var i = 0; i < tokens.Length; i++)
        {
            var logits = all.AsSpan((prompt.Length - 1 + i) * vocabulary, vocabulary).ToArray();

            // A step's attention sums in another order than a prompt's: the chosen logit is the largest within that.
            Assert.That(logits[tokens[i]], Is.EqualTo(logits.Max()).Within(4e-3 * logits.Max(MathF.Abs)), $"token {i}");
        }

        Assert.That(tokens, Has.Length.EqualTo(12));
    }

    [Test]
    public async Task A_session_generates_the_same_tokens_alone_and_among_others()
    {
        int[][] prompts = [Models.Prompt(1, 3), Models.Prompt(2, 130), Models.Prompt(3, 700), Models.Prompt(4, 31), Models.Prompt(5, 1)];
        var alone = new List<int[]>();
        foreach (var prompt in prompts)
        {
            using var session = _model.CreateSession();
            alone.Add(await Models.Generate(session, prompt, s_greedy));
        }

        var sessions = prompts.Select(_ => _model.CreateSession()).ToArray();
        var together = await Task.WhenAll(prompts.Zip(sessions).Select(pair => Task.Run(() => Models.Generate(pair.Second, pair.First, s_greedy))));
        foreach (var session in sessions)
        {
            session.Dispose();
        }

        Assert.That(together, Is.EqualTo(alone));
    }

    [Test]
    public async Task Two_turns_are_one_sequence()
    {
        using var session = _model.CreateSession();
        var first = await Models.Generate(session, Models.Prompt(1, 20), s_greedy);
        Assert.That(session.Step, Is.EqualTo(32));
        var second = await Models.Generate(session, [400, 500], s_greedy);

        using var other = _model.CreateSession();
        var whole = await Models.Generate(other, [.. Models.Prompt(1, 20), .. first, 400, 500], s_greedy);

        Assert.That(session.History, Is.EqualTo((int[])[.. Models.Prompt(1, 20), .. first, 400, 500, .. second]));
        Assert.That(session.LastResult, Is.EqualTo(new GenerationResult(FinishReason.Length, 32, 2, 12)));
        Assert.That(second[0], Is.EqualTo(whole[0]));
    }

    [Test]
    public async Task The_same_seed_gives_the_same_tokens_and_another_gives_others()
    {
        var options = new GenerationOptions { RequestOutputLength = 24, TopK = 0, TopP = 1, Temperature = 1.5f, RandomSeed = 7, IgnoreEos = true };
        var runs = new List<int[]>();
        foreach (var seed in (ulong[])[7, 7, 8])
        {
            using var session = _model.CreateSession();
            runs.Add(await Models.Generate(session, Models.Prompt(1, 10), options with { RandomSeed = seed }));
        }

        Assert.That(runs[1], Is.EqualTo(runs[0]));
        Assert.That(runs[2], Is.Not.EqualTo(runs[0]));
    }

    [Test]
    public async Task A_stop_word_of_two_tokens_ends_the_answer_and_is_not_part_of_it()
    {
        using var session = _model.CreateSession();
        var free = await Models.Generate(session, Models.Prompt(1, 40), GenerationOptions.Greedy with { RequestOutputLength = 12 });
        ImmutableArray<int> word = [free[5], free[6]];
        session.Reset();
        var stopped = await Models.Generate(
            session, Models.Prompt(1, 40), GenerationOptions.Greedy with { RequestOutputLength = 12, StopWords = [word] });

        var at = Enumerable.Range(0, 11).First(i => free[i] == word[0] && free[i + 1] == word[1]);
        Assert.That(stopped, Is.EqualTo(free[..at]));
        Assert.That(session.LastResult, Is.EqualTo(new GenerationResult(FinishReason.StopWord, 0, 40, at + 2)));
        Assert.That(session.History, Is.EqualTo((int[])[.. Models.Prompt(1, 40), .. free[..(at + 2)]]));
    }

    [Test]
    public async Task The_end_token_ends_the_answer_and_leaves_the_history()
    {
        // Everything else is banned.
        var others = Enumerable.Range(0, 4096).Where(id => id != _model.Configuration.EndId).Take(1000).Select(id => ImmutableArray.Create(id)).ToImmutableArray();
        using var session = _model.CreateSession();
        var options = new GenerationOptions { TopK = 1, RequestOutputLength = 3, BadWords = others };
        var tokens = await Models.Generate(session, Models.Prompt(1, 5), options);

        Assert.That(tokens, Has.None.LessThan(1001));
        Assert.That(session.LastResult!.GeneratedTokenCount, Is.EqualTo(tokens.Length));
    }

    [Test]
    public async Task No_output_only_adds_to_the_history()
    {
        using var session = _model.CreateSession();
        var tokens = await Models.Generate(session, Models.Prompt(1, 20), s_greedy with { RequestOutputLength = 0 });
        var continued = await Models.Generate(session, [], s_greedy);
        using var other = _model.CreateSession();

        Assert.That(tokens, Is.Empty);
        Assert.That(continued, Is.EqualTo(await Models.Generate(other, Models.Prompt(1, 20), s_greedy)));
    }

    [Test]
    public async Task A_cancelled_answer_leaves_session_and_memory_as_they_were()
    {
        using var session = _model.CreateSession();
        await Models.Generate(session, Models.Prompt(1, 20), s_greedy);
        var (history, before) = (session.History, _model.Memory);
        using var cancellation = new CancellationTokenSource();
        var tokens = 0;

        await Assert.ThrowsAsync(Is.InstanceOf<OperationCanceledException>(), async () =>
        {
            await foreach (var token in session.GenerateAsync(Models.Prompt(2, 300), s_greedy with { RequestOutputLength = 1000 }, cancellation.Token))
            {
                if (++tokens == 3)
                {
                    await cancellation.CancelAsync();
                }
            }
        });

        Assert.That(tokens, Is.EqualTo(3));
        Assert.That(session.History, Is.EqualTo(history));
        Assert.That(session.LastResult!.FinishReason, Is.EqualTo(FinishReason.Cancelled));
        Assert.That(_model.Memory with { CacheBlocksAllocated = 0 }, Is.EqualTo(before with { CacheBlocksAllocated = 0 }));

        using var fresh = _model.CreateSession();
        await Models.Generate(fresh, Models.Prompt(1, 20), s_greedy);
        Assert.That(await Models.Generate(session, [7], s_greedy), Is.EqualTo(await Models.Generate(fresh, [7], s_greedy)));
    }

    [Test]
    public async Task An_answer_that_is_left_early_is_undone()
    {
        using var session = _model.CreateSession();
        await foreach (var token in session.GenerateAsync(Models.Prompt(2, 30), s_greedy with { RequestOutputLength = 2 }))
        {
            break;
        }

        Assert.That(session.Step, Is.Zero);
        Assert.That(_model.Memory.ActiveRequests, Is.Zero);
    }

    [Test]
    public async Task Ending_a_session_or_unloading_the_model_cancels_what_runs_and_what_waits()
    {
        var model = Models.Tiny(Models.OnCpu with { MaxBatchSize = 1 });
        var ended = model.CreateSession();
        var running = model.CreateSession();
        var waiting = model.CreateSession();
        var endless = s_greedy with { RequestOutputLength = 1900 };
        var calls = new[] { ended, running, waiting }.Select(session => Task.Run(() => Models.Generate(session, Models.Prompt(1, 10), endless))).ToArray();
        while (model.Memory.ActiveRequests < 3)
        {
            await Task.Delay(1);
        }

        ended.Dispose();
        await Assert.ThatAsync(() => calls[0], Throws.InstanceOf<OperationCanceledException>());
        model.Dispose();
        await Assert.ThatAsync(() => calls[1], Throws.InstanceOf<OperationCanceledException>());
        await Assert.ThatAsync(() => calls[2], Throws.InstanceOf<OperationCanceledException>());
        Assert.That(model.CreateSession, Throws.InstanceOf<ObjectDisposedException>());
    }

    [Test]
    public void Bad_requests_are_told_before_anything_is_computed()
    {
        using var session = _model.CreateSession();
        AssertRefused(() => session.GenerateAsync([1, 4096]), "token id 4096 at index 1");
        AssertRefused(() => session.GenerateAsync([-1]), "token id -1");
        AssertRefused(() => session.GenerateAsync([1], new GenerationOptions { TopP = 1.5f }), "top_p");
        AssertRefused(() => session.GenerateAsync([1], new GenerationOptions { Temperature = float.NaN }), "temperature");
        AssertRefused(() => session.GenerateAsync([1], new GenerationOptions { StopWords = [[]] }), "stop word is empty");
        Assert.That(async () => await Models.Generate(session, [], s_greedy), Throws.InstanceOf<RuntimeException>().With.Message.Contains("prompt is empty"));
        Assert.That(
            async () => await Models.Generate(session, Models.Prompt(1, _model.SessionLength), s_greedy),
            Throws.InstanceOf<RuntimeException>().With.Message.Contains("session is full"));
        Assert.That(() => session.TruncateTo(1), Throws.InstanceOf<RuntimeException>());

        static void AssertRefused(Func<object> call, string text) => Assert.That(() => call(), Throws.InstanceOf<RuntimeException>().With.Message.Contains(text));
    }

    [Test]
    public async Task An_answer_ends_where_the_session_is_full()
    {
        using var model = Models.Tiny(Models.OnCpu with { SessionLength = 40 });
        using var session = model.CreateSession();
        var tokens = await Models.Generate(session, Models.Prompt(1, 30), s_greedy with { RequestOutputLength = 100 });

        Assert.That(tokens, Has.Length.EqualTo(10));
        Assert.That(session.LastResult!.FinishReason, Is.EqualTo(FinishReason.SessionLength));
    }

    [Test]
    public async Task Evicted_sessions_are_computed_again_and_go_on_with_the_same_tokens([Values] bool int8)
    {
        // Three blocks of 32 tokens hold one of these sessions, not two.
        var options = Models.OnCpu with { CacheBlockSequenceLength = 32, CacheMaxEntryCount = 3, TokensPerIteration = 16 };
        using var folder = new TemporaryFolder();
        if (int8)
        {
            WriteScales(folder.Path, layers: 6);
            options = options with { KeyValueCache = KeyValueCacheType.Int8, KeyValueScalesFolder = folder.Path };
        }

        using var small = Models.Tiny(options);
        using var large = Models.Tiny(options with { CacheMaxEntryCount = 100 });
        Assert.That(small.SessionLength, Is.EqualTo(96));
        Assert.That(small.Warnings, Has.Some.Contains("session_len"));
        Assert.That(await Converse(small), Is.EqualTo(await Converse(large)));

        // Together they take each other's blocks while they run.
        Assert.That(await Together(small), Is.EqualTo(await Together(large)));
        Assert.That(small.Memory.CacheBlocksAllocated, Is.EqualTo(3));

        static async Task<int[][]> Converse(TurboMindModel model)
        {
            using var first = model.CreateSession();
            using var second = model.CreateSession();
            return
            [
                await Models.Generate(first, Models.Prompt(1, 40), s_greedy),
                await Models.Generate(second, Models.Prompt(2, 50), s_greedy),
                await Models.Generate(first, [300], s_greedy),
                await Models.Generate(second, [301], s_greedy),
            ];
        }

        // Those that wait for the only slot hold blocks from their first turn.
        using var narrow = Models.Tiny(options with { MaxBatchSize = 1 });
        Assert.That(await Together(narrow), Is.EqualTo(await Together(large)));

        static async Task<int[]> TwoTurns(TurboMindModel model, int seed)
        {
            using var session = model.CreateSession();
            var first = await Models.Generate(session, Models.Prompt(seed, 50 + seed), s_greedy with { RequestOutputLength = 8 });
            return [.. first, .. await Models.Generate(session, [300 + seed], s_greedy with { RequestOutputLength = 8 })];
        }

        static Task<int[][]> Together(TurboMindModel model) =>
            Task.WhenAll(Enumerable.Range(0, 3).Select(seed => Task.Run(() => TwoTurns(model, seed))));
    }

    [Test]
    public async Task Memory_is_given_back_with_the_model()
    {
        var before = Kernels.NativeBuffer.HeldBytes;
        using (var model = Models.Tiny())
        {
            using var session = model.CreateSession();
            await Models.Generate(session, Models.Prompt(1, 20), s_greedy);
            Assert.That(Kernels.NativeBuffer.HeldBytes, Is.GreaterThan(before + 10_000_000));
        }

        Assert.That(Kernels.NativeBuffer.HeldBytes, Is.EqualTo(before));
    }

    private static void WriteScales(string folder, int layers)
    {
        for (var layer = 0; layer < layers; layer++)
        {
            float[] numbers = [0.08f, 0.1f, 0.05f, -0.2f];
            File.WriteAllBytes(Path.Combine(folder, $"layers.{layer}.past_kv_scale.0.weight"), [.. numbers.SelectMany(BitConverter.GetBytes)]);
        }
    }
}
