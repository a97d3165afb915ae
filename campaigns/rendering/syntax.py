"""Rules on a template's syntax tree: what is refused before it runs, and the counters put in where it may repeat."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches
from typing import Any

from jinja2 import nodes
from jinja2.exceptions import TemplateSyntaxError

from campaigns.rendering.sources import is_safe_name

_NAMING = (nodes.Include, nodes.Extends, nodes.Import, nodes.FromImport)
_REPEATING = (nodes.For, nodes.Macro, nodes.CallBlock, nodes.Block)
_MARKUP_FILTERS = ("safe", "urlize", "xmlattr")


def refuse(tree: nodes.Template, name: str | None, filters: Collection[str]) -> None:
    """Refuse what no message needs and every attack wants.

    Raises TemplateSyntaxError (message, remedy on a second line): escaping switched off, a computed or outside name
    of another template, an unknown filter.
    """
    for modifier in tree.find_all((nodes.EvalContextModifier, nodes.ScopedEvalContextModifier)):
        _raise("`autoescape` is not available", "values are always shown as they read", modifier, name)
    for naming in tree.find_all(_NAMING):
        for other in _named(naming):
            if not isinstance(other, nodes.Const) or not isinstance(other.value, str):
                remedy = 'as in {% include "parts/hours.md" %}'
                _raise("the name of another template must be written out", remedy, naming, name)
            elif not is_safe_name(other.value):
                _raise(f"expected a template inside the project, got {other.value!r}", "", naming, name)
    for used in tree.find_all(nodes.Filter):
        if used.name in _MARKUP_FILTERS:
            _raise(f"the filter {used.name!r} is not available", "values are always shown as they read", used, name)
        if used.name not in filters:
            near = get_close_matches(used.name, filters, 1, 0.65)
            _raise(f"unknown filter {used.name!r}", f"did you mean {near[0]!r}?" if near else "", used, name)


def _named(node: Any) -> list[nodes.Expr]:
    several = isinstance(node.template, (nodes.List, nodes.Tuple))
    return list(node.template.items) if several else [node.template]


def _raise(message: str, remedy: str, node: nodes.Node, name: str | None) -> None:
    raise TemplateSyntaxError(f"{message}\n{remedy}", node.lineno, name)


def meter(tree: nodes.Template) -> nodes.Template:
    """Put a counter at the head of everything that can repeat, a price on comparing, and our own joining behind `~`."""
    for joining in list(tree.find_all(nodes.Concat)):
        joining.nodes = [_call("joined", joining.nodes, joining.lineno)]
    for compare in list(tree.find_all(nodes.Compare)):
        compare.expr = _call("weighed", [compare.expr], compare.lineno)
        for operand in compare.ops:
            operand.expr = _call("weighed", [operand.expr], compare.lineno)
    repeating: list[Any] = [tree, *tree.find_all(_REPEATING)]
    written = [sum(len(data.data) for data in node.find_all(nodes.TemplateData)) for node in repeating]
    for node, size in zip(repeating, written, strict=True):
        count = _call("step", [nodes.Const(size)], node.lineno)
        node.body.insert(0, nodes.ExprStmt(count, lineno=node.lineno))
    return tree


def _call(method: str, arguments: list[nodes.Expr], line: int) -> nodes.Call:
    """Return the call of a method of the sandbox."""
    return nodes.Call(nodes.EnvironmentAttribute(method), arguments, [], None, None, lineno=line)
