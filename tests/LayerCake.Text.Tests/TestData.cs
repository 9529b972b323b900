namespace LayerCake.Text.Tests;

/// <summary>Files of the folder Data; its README says how they were made.</summary>
internal static class TestData
{
    public static string PathOf(string name) => Path.Combine(AppContext.BaseDirectory, "Data", name);
}
