using LayerCake.Recipes;
using LayerCake.TurboMind;

namespace LayerCake.Steps.Tests.Plan;

/// <summary>Recipes and workspaces know nothing of each other, but must know the same models.</summary>
[TestFixture]
internal sealed class ChatTemplateTests
{
    [Test]
    public void Recipes_and_workspaces_know_the_same_models_with_the_same_session_lengths() => Assert.That(
        ChatTemplates.Names.Select(name => (name, ChatTemplates.SessionLength(name))),
        Is.EqualTo(ChatModel.All.Select(model => (model.Name, model.SessionLength))));
}
