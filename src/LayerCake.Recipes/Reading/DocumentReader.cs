using YamlDotNet.Core;
using YamlDotNet.Core.Events;
using YamlScalarStyle = YamlDotNet.Core.ScalarStyle;

namespace LayerCake.Recipes;

/// <summary>
/// YAML text to nodes, without the parts of YAML that a recipe has no use for: several documents, anchors, aliases and tags are refused, and
/// so is deep nesting. It walks the parser's events itself, because the nodes must keep duplicate keys and how a scalar was written.
/// </summary>
internal sealed class DocumentReader
{
    private readonly string _file;
    private readonly bool _hasLines;
    private readonly FaultList _faults;
    private readonly Scanner _scanner;
    private readonly Parser _parser;

    private DocumentReader(string file, bool hasLines, string text, FaultList faults)
    {
        _file = file;
        _hasLines = hasLines;
        _faults = faults;
        _scanner = new Scanner(new StringReader(text), skipComments: true);
        _parser = new Parser(_scanner);
    }

    /// <summary>Reads the one document in <paramref name="text"/>.</summary>
    /// <param name="file">What messages call it.</param>
    /// <param name="hasLines">False for an argument, where a line number means nothing.</param>
    /// <param name="text">The YAML.</param>
    /// <param name="faults">Takes what is wrong.</param>
    /// <returns>The document's node; null when there is none or it cannot be parsed, and then there is a fault.</returns>
    public static Node? Read(string file, bool hasLines, string text, FaultList faults)
    {
        if (!RecipeText.Check(file, text, faults))
        {
            return null;
        }

        var reader = new DocumentReader(file, hasLines, text, faults);
        try
        {
            return reader.ReadDocument();
        }
        catch (YamlException e)
        {
            // Its own message is at times a wrapper ("While parsing…"); the reason lies inside.
            var reason = e.InnerException is YamlException inner ? inner : e;
            faults.Add(reader.At(reason.Start), $"this is not YAML: {Quoting.Escape(Reason(reason))}");
            return null;
        }
        catch (TooDeepException e)
        {
            faults.Add(e.Origin, $"more than {RecipeLimits.Depth} maps and lists inside each other; a recipe has two levels");
            return null;
        }
    }

    // YamlDotNet may put "(Line: 3, Col: 1, Idx: 20) - (Line: …): " in front; the position is printed already.
    private static string Reason(YamlException e)
    {
        var marker = e.Message.LastIndexOf("): ", StringComparison.Ordinal);
        var reason = e.Message.StartsWith("(Line", StringComparison.Ordinal) && marker >= 0 ? e.Message[(marker + 3)..] : e.Message;
        reason = reason.TrimEnd('.').Replace("  ", " ", StringComparison.Ordinal);
        return reason.Contains("mapping", StringComparison.Ordinal) || reason.Contains("expected key", StringComparison.Ordinal)
            ? reason + "; check the indentation, and quote a text that holds ': '"
            : reason;
    }

    private Node? ReadDocument()
    {
        Next();
        if (Next() is StreamEnd)
        {
            _faults.Add(_hasLines ? new Origin(_file, 1, 1) : new Origin(_file, 0, 0), "the recipe is empty");
            return null;
        }

        var root = ReadNode(Next(), depth: 0);
        if (Next() is DocumentEnd && Next() is DocumentStart second)
        {
            _faults.Add(At(second.Start), "a second document begins here; a recipe is one document");
        }

        return root;
    }

    private Node ReadNode(ParsingEvent first, int depth)
    {
        var origin = At(first.Start);
        if (depth > RecipeLimits.Depth)
        {
            throw new TooDeepException(origin);
        }

        if (first is AnchorAlias)
        {
            _faults.Add(origin, "an alias ('*name') is not read; write the value itself");
            return new UnreadableNode(origin);
        }

        if (first is not NodeEvent node)
        {
            // Another end where a value belongs; some broken texts bring YamlDotNet 18.1 to say so.
            throw new YamlException(first.Start, first.End, "a value is missing here");
        }

        var refused = false;
        if (!node.Anchor.IsEmpty)
        {
            _faults.Add(origin, "an anchor ('&name') is not read; remove it, and write the value where it is wanted");
        }

        if (!node.Tag.IsEmpty)
        {
            _faults.Add(origin, $"a tag ('{Quoting.Clip(node.Tag.IsNonSpecific ? "!" : node.Tag.Value)}') is not read; remove it");
            refused = true;
        }

        Node read = node switch
        {
            Scalar scalar => new ScalarNode(origin, scalar.Value, scalar.Style == YamlScalarStyle.Plain ? ScalarStyle.Plain : ScalarStyle.Quoted),
            SequenceStart => ReadList(origin, depth),
            _ => ReadMap(origin, depth),
        };
        return refused ? new UnreadableNode(origin) : read;
    }

    private ListNode ReadList(Origin origin, int depth)
    {
        var list = new ListNode(origin);
        for (var item = Next(); item is not SequenceEnd; item = Next())
        {
            list.Items.Add(ReadNode(item, depth + 1));
        }

        return list;
    }

    private MapNode ReadMap(Origin origin, int depth)
    {
        var map = new MapNode(origin);
        for (var key = Next(); key is not MappingEnd; key = Next())
        {
            var keyNode = ReadNode(key, depth + 1);
            var value = ReadNode(Next(), depth + 1);
            if (keyNode is ScalarNode scalar)
            {
                map.Entries.Add(new MapEntry(scalar.Text, scalar.Origin, value));
            }
            else if (keyNode is not UnreadableNode)
            {
                _faults.Add(keyNode.Origin, $"{keyNode.Description} stands where a key is wanted");
            }
        }

        return map;
    }

    private ParsingEvent Next()
    {
        try
        {
            if (_parser.MoveNext())
            {
                return _parser.Current!;
            }
        }
        catch (Exception e) when (e is not (YamlException or OutOfMemoryException))
        {
            // On some broken texts YamlDotNet 18.1 stumbles over itself (InvalidOperationException and others) instead of saying where.
            throw new YamlException(_scanner.CurrentPosition, _scanner.CurrentPosition, "the text cannot be parsed at about this place", e);
        }

        throw new YamlException(_scanner.CurrentPosition, _scanner.CurrentPosition, "the text ends in the middle");
    }

    private Origin At(in Mark mark) => _hasLines
        ? new Origin(_file, (int)Math.Max(1, mark.Line), (int)Math.Max(1, mark.Column))
        : new Origin(_file, 0, 0);

    private sealed class TooDeepException(Origin origin) : Exception
    {
        public Origin Origin { get; } = origin;
    }
}
