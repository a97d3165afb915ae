"""What a template's syntax tree says before anything is written from it: what it extends, how much text it has."""

from __future__ import annotations

from jinja2 import nodes

from campaigns.rendering.expressions import Names, Unfoldable


def extended(tree: nodes.Template) -> str | None:
    """Return the name of the template that this one extends. Raises: Unfoldable, unless it does so first of all."""
    found = list(tree.find_all(nodes.Extends))
    if not found:
        return None
    outputs = [place for place, node in enumerate(tree.body) if isinstance(node, nodes.Output)]
    if len(found) > 1 or found[0] not in tree.body or min(outputs, default=len(tree.body)) < tree.body.index(found[0]):
        raise Unfoldable("a template that extends another under a condition, or behind a text of its own")
    return const(found[0].template)


def const(node: nodes.Expr) -> str:
    """Return the name of a template as it is written out."""
    if not isinstance(node, nodes.Const) or not isinstance(node.value, str):
        raise Unfoldable(f"a choice of templates on line {node.lineno}")
    return node.value


def refuse_leftovers(tree: nodes.Template) -> None:
    """Refuse what a template that extends another does outside its blocks, but for defining macros."""
    for node in tree.body:
        if not isinstance(node, (nodes.Extends, nodes.Block, nodes.Macro, nodes.FromImport)) and not is_blank(node):
            raise Unfoldable(f"`{type(node).__name__}` outside a block on line {node.lineno}")


def is_blank(node: nodes.Node) -> bool:
    """Whether a node writes text of the template and nothing else."""
    return isinstance(node, nodes.Output) and all(isinstance(part, nodes.TemplateData) for part in node.nodes)


def part_of_mail(node: nodes.Node, names: Names) -> str | None:
    """Return which finished part of the mail a node puts in: body, footer or text; None for all others."""
    is_part = isinstance(node, nodes.Getattr) and isinstance(node.node, nodes.Name) and node.node.name == "mail"
    if is_part and "mail" not in names and node.attr in ("body", "footer", "text"):  # type: ignore[attr-defined]
        return str(node.attr)  # type: ignore[attr-defined]
    return None


def written(node: nodes.Node) -> int:
    """Return what the sandbox counts for one turn: the template's own text, also of branches not taken."""
    return sum(len(data.data) for data in node.find_all(nodes.TemplateData))


def arguments(call: nodes.Call, wanted: list[str]) -> dict[str, nodes.Expr]:
    """Return what the call of a macro gives for its arguments `wanted`. Raises: Unfoldable for one that it has not."""
    if len(call.args) > len(wanted):
        raise Unfoldable(f"too many arguments on line {call.lineno}")
    given = dict(zip(wanted, call.args, strict=False))
    for pair in call.kwargs:
        if pair.key not in wanted or pair.key in given:
            raise Unfoldable(f"an unknown argument on line {call.lineno}")
        given[pair.key] = pair.value
    return given
