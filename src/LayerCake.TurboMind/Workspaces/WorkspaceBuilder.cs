namespace LayerCake.TurboMind;

/// <summary>Writes a whole workspace with the lines <c>lmdeploy convert</c> prints.</summary>
public static class WorkspaceBuilder
{
    // The original names a folder of its Python package here; ours are inside the program.
    private const string TemplateRoot = "layercake:";

    /// <summary>Converts to a destination folder: complete or as before (see <see cref="WorkspacePublisher"/>).</summary>
    /// <returns>The plan that was carried out.</returns>
    /// <exception cref="WorkspaceException">The request cannot be fulfilled, or something cannot be written.</exception>
    public static ConversionPlan Convert(
        WorkspaceRequest request, string destination, Action<string>? line = null, Action<int, int>? layerDone = null, CancellationToken cancellation = default)
    {
        // Everything that can be refused is refused before anything is written.
        var plan = ConversionPlan.Create(request.Source, request.Options);
        if (WorkspacePublisher.Replaces(destination))
        {
            line?.Invoke($"remove workspace in directory {request.ShownDestination}");
        }

        WorkspacePublisher.Publish(destination, folder => Write(request, plan, folder, line, layerDone, cancellation));
        return plan;
    }

    /// <summary>Writes the workspace into a fresh folder and verifies it.</summary>
    public static void Write(
        WorkspaceRequest request, ConversionPlan plan, string folder, Action<string>? line = null, Action<int, int>? layerDone = null, CancellationToken cancellation = default)
    {
        foreach (var text in Introduction(request, plan))
        {
            line?.Invoke(text);
        }

        WorkspaceTree.Write(folder, request.Content);
        plan.WriteWeights(WorkspacePaths.Weights(folder), line, layerDone, cancellation);
        WorkspaceListing.Read(folder).ThrowIfFaulty();
    }

    /// <summary>The lines before the first tensor.</summary>
    public static IEnumerable<string> Introduction(WorkspaceRequest request, ConversionPlan plan)
    {
        var destination = request.ShownDestination;
        yield return $"create workspace in directory {destination}";
        yield return $"copy triton model templates from \"{TemplateRoot}/serve/turbomind/triton_models\" to \"{destination}/triton_models\"";
        yield return $"copy service_docker_up.sh from \"{TemplateRoot}/serve/turbomind/service_docker_up.sh\" to \"{destination}\"";
        yield return Setting("model_name", request.Options.ModelName);
        yield return Setting("model_format", request.Options.ModelFormat ?? "None");
        yield return Setting("inferred_model_format", plan.Format.Name);
        yield return Setting("model_path", request.ShownModelPath ?? request.ModelPath);
        yield return Setting("tokenizer_path", ShownTokenizer(request));
        yield return Setting("output_format", plan.Configuration.WeightType.OutputFormatName());
        if (Exists("tokenizer.model") && !Exists("tokenizer.json") && Exists("tokenizer_config.json"))
        {
            yield return "WARNING: Can not find tokenizer.json. It may take long time to initialize the tokenizer.";
        }

        bool Exists(string name) => File.Exists(Path.Combine(request.ModelPath, name));
    }

    /// <summary>A tokenizer of the model folder is shown in the folder's shown name.</summary>
    private static string ShownTokenizer(WorkspaceRequest request)
    {
        var path = request.Content.TokenizerPath;
        return request.ShownModelPath is { } shown && Path.GetDirectoryName(path) == Path.TrimEndingDirectorySeparator(request.ModelPath)
            ? $"{shown}/{Path.GetFileName(path)}"
            : path;
    }

    private static string Setting(string label, string value) => $"{label,-22} {value}";
}
