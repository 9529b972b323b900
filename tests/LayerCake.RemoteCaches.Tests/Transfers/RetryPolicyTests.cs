namespace LayerCake.RemoteCaches.Tests;

[TestFixture]
internal sealed class RetryPolicyTests
{
    private static readonly RetryPolicy s_policy = new(new RemoteCacheOptions { FirstDelay = TimeSpan.FromSeconds(1), LongestDelay = TimeSpan.FromSeconds(10) });

    [TestCase(1, 0.0, 0.5)]
    [TestCase(1, 0.5, 1.0)]
    [TestCase(2, 0.5, 2.0)]
    [TestCase(3, 0.0, 2.0)]
    [TestCase(3, 0.5, 4.0)]
    [TestCase(9, 0.5, 10.0)]
    public void Waits_double_up_to_a_limit_with_a_random_part(int tried, double random, double seconds) =>
        Assert.That(s_policy.DelayAfter(tried, null, random), Is.EqualTo(TimeSpan.FromSeconds(seconds)));

    [TestCase(0.1, 0.5)]
    [TestCase(7, 7)]
    [TestCase(3600, 10)]
    [TestCase(-5, 0.5)]
    public void What_the_server_asks_for_is_waited_up_to_the_limit(double asked, double seconds) =>
        Assert.That(s_policy.DelayAfter(1, TimeSpan.FromSeconds(asked), 0), Is.EqualTo(TimeSpan.FromSeconds(seconds)));

    [Test]
    public async Task Only_what_may_pass_is_tried_again()
    {
        var policy = new RetryPolicy(Reading.Impatient());
        var tries = 0;
        Assert.That(
            await policy.RunAsync(_ => ++tries < 3 ? Task.FromException<int>(new TransientException("busy")) : Task.FromResult(tries), CancellationToken.None),
            Is.EqualTo(3));
        tries = 0;
        Assert.That(
            async () => await policy.RunAsync(
                _ =>
                {
                    tries++;
                    return Task.FromException(new RemoteCacheException("no"));
                },
                CancellationToken.None),
            Throws.TypeOf<RemoteCacheException>());
        Assert.That(tries, Is.EqualTo(1));
    }
}
