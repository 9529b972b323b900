using CsCheck;

namespace LayerCake.RemoteCaches.Tests;

[TestFixture]
internal sealed class LocationTests
{
    [TestCase("s3://bucket", "s3://bucket")]
    [TestCase("s3://bucket/", "s3://bucket")]
    [TestCase("s3://my.bucket-1/team/cache/", "s3://my.bucket-1/team/cache")]
    [TestCase("https://cache.example.com", "https://cache.example.com")]
    [TestCase("https://cache.example.com:8443/a/b/", "https://cache.example.com:8443/a/b")]
    [TestCase("http://user:s%40cret@cache.example.com/a", "http://cache.example.com/a")]
    [TestCase("http://[::1]:9000/c", "http://[::1]:9000/c")]
    [TestCase("file:///mnt/share/with%20space", "/mnt/share/with space")]
    [TestCase("/mnt/share/cache", "/mnt/share/cache")]
    [TestCase("/mnt/a:b/cache", "/mnt/a:b/cache")]
    public void A_location_is_named_without_its_credentials(string location, string name)
    {
        using var cache = RemoteCaches.Open(location, Reading.Impatient());
        Assert.That(cache.Name, Is.EqualTo(name));
    }

    [Test]
    public void A_relative_folder_is_below_the_working_folder()
    {
        using var cache = RemoteCaches.Open("shared/cache", Reading.Impatient());
        Assert.That(cache.Name, Is.EqualTo(Path.GetFullPath("shared/cache")));
    }

    [TestCase("", "it is empty")]
    [TestCase("  ", "it is empty")]
    [TestCase("gs://bucket/a", "known are s3://BUCKET/PREFIX")]
    [TestCase("grpc://host:9092", "known are s3://BUCKET/PREFIX")]
    [TestCase("s3:bucket/a", "known are s3://BUCKET/PREFIX")]
    [TestCase("https:/host/a", "known are s3://BUCKET/PREFIX")]
    [TestCase("s3://", "write s3://BUCKET/PREFIX")]
    [TestCase("s3:///prefix", "write s3://BUCKET/PREFIX")]
    [TestCase("s3://bucket/a/../b", "no part that is . or ..")]
    [TestCase("s3://bucket/a//b", "between single slashes")]
    [TestCase("s3://bucket/a b", "the prefix takes")]
    [TestCase("s3://bucket?region=eu", "the bucket with 3 to 63")]
    [TestCase("https://", "write https://HOST/PATH")]
    [TestCase("https://host:port/", "write https://HOST/PATH")]
    [TestCase("https://host/a?token=1", "a query or fragment cannot be used")]
    [TestCase("file://server/share", "three slashes")]
    [TestCase("file:relative", "three slashes")]
    public void A_location_that_cannot_be_understood_is_refused_with_advice(string location, string advice) => Assert.That(
        () => RemoteCaches.Open(location, Reading.Impatient()),
        Throws.TypeOf<RemoteLocationException>().With.Message.StartsWith("cannot use the cache location").And.Message.Contains(advice));

    [TestCase("s3://KEY:hidden@bucket/a")]
    [TestCase("https://user:hidden@host/a?b")]
    [TestCase("https://user:hidden@host?b")]
    [TestCase("gs://hidden@host")]
    [TestCase("ftp://a@hidden@host/x")]
    public void A_refusal_does_not_show_credentials(string location) => Assert.That(
        () => RemoteCaches.Open(location, Reading.Impatient()),
        Throws.TypeOf<RemoteLocationException>().With.Message.Not.Contains("hidden").And.Message.Contains("***@"));

    [Test]
    public void Any_text_is_a_location_or_refused_and_a_password_is_never_shown() =>
        (from scheme in Gen.OneOf(new[] { "", "s3://", "http://", "https://", "file:///", "file:", "x://", "s3:", "HTTPS://" }.Select(Gen.Const).ToArray())
         from secret in Gen.Bool
         from rest in Gen.String[Gen.Char[" ab./:@?#%&\\\u001b\nü"], 0, 12]
         select scheme + (secret && scheme.EndsWith("://", StringComparison.Ordinal) ? "u:qzjx9@" : "") + rest).Sample(location =>
        {
            try
            {
                using var cache = RemoteCaches.Open(location, Reading.Impatient());
                Assert.That(cache.Name, Does.Not.Contain("qzjx9"));
            }
            catch (RemoteLocationException exception)
            {
                Assert.That(exception.Message, Does.Not.Contain("qzjx9"));
                Assert.That(exception.Message.Any(char.IsControl), Is.False);
            }
        });

    [TestCase("just-a-token")]
    [TestCase(": token-value")]
    [TestCase("Authorization:")]
    [TestCase("Bad Name: token-value")]
    [TestCase("Content-Length: token-value")]
    [TestCase("X-Token: token-value\r\nX-Other: a")]
    public void A_malformed_header_is_refused_and_not_shown(string header) => Assert.That(
        () => RemoteCaches.Open("https://host", Reading.Impatient(new Dictionary<string, string> { ["LAYERCAKE_CACHE_HEADER"] = header })),
        Throws.TypeOf<RemoteLocationException>().With.Message.Contains("LAYERCAKE_CACHE_HEADER").And.Message.Not.Contains("token-value").And.Message.Not.Contains("just-a"));

    [Test]
    public void Two_authorizations_are_refused() => Assert.That(
        () => RemoteCaches.Open("https://u:p@host", Reading.Impatient(new Dictionary<string, string> { ["LAYERCAKE_CACHE_HEADER"] = "authorization: Bearer a" })),
        Throws.TypeOf<RemoteLocationException>().With.Message.Contains("keep one of them"));

    [Test]
    public void Half_of_the_S3_credentials_are_refused() => Assert.That(
        () => RemoteCaches.Open("s3://bucket", Reading.Impatient(new Dictionary<string, string> { ["AWS_ACCESS_KEY_ID"] = "AKIAEXAMPLE" })),
        Throws.TypeOf<RemoteLocationException>().With.Message.Contains("AWS_SECRET_ACCESS_KEY").And.Message.Not.Contains("AKIAEXAMPLE"));

    [TestCase("AWS_ENDPOINT_URL", "minio:9000")]
    [TestCase("AWS_ENDPOINT_URL_S3", "ftp://minio")]
    public void A_malformed_S3_endpoint_is_refused_by_the_name_of_its_variable(string variable, string value) => Assert.That(
        () => RemoteCaches.Open("s3://bucket", Reading.Impatient(new Dictionary<string, string> { [variable] = value })),
        Throws.TypeOf<RemoteLocationException>().With.Message.Contains($"{variable}='{value}'"));
}
