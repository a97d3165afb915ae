"""Where templates take a fact of the contact as it is: write one that may be empty, or ask for its bare truth."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from jinja2 import nodes

from campaigns.errors import RenderError
from campaigns.rendering.check import named
from campaigns.rendering.environment import Part
from campaigns.rendering.facts import STANDARD_FACTS
from campaigns.rendering.faults import explained
from campaigns.rendering.script import script
from campaigns.rendering.sources import references
from campaigns.rendering.written import Bare

if TYPE_CHECKING:
    from campaigns.definition import Campaign, Touch
    from campaigns.rendering.engine import Engine

_FACTS = frozenset({*STANDARD_FACTS, "name"})
Look = Callable[[nodes.Node], Iterator[tuple[str, int]]]  # (fact, line) of what is looked for in a tree
_KEEPING = frozenset({"capitalize", "e", "escape", "lower", "replace", "title", "trim", "truncate", "upper"})


def bare_facts(campaign: Campaign, engine: Engine) -> dict[str, tuple[Bare, ...]]:
    """Return by touch the standard facts that it writes as they are, each place once, in the order of its templates.

    Left out is what stands under a condition on the contact: its author thought of those who lack something. What
    cannot be read is left out too; `Renderer.check` names it.
    """
    return _by_touch(campaign, engine, _written)


def asked_facts(campaign: Campaign, engine: Engine) -> dict[str, tuple[Bare, ...]]:
    """Return by touch the facts of the contact whose bare truth it asks for, as `{% if contact.vip %}` does."""
    return _by_touch(campaign, engine, _asked)


def _by_touch(campaign: Campaign, engine: Engine, look: Look) -> dict[str, tuple[Bare, ...]]:
    return {touch.id: tuple(dict.fromkeys(_of_touch(engine, campaign, touch, look))) for _, touch in campaign.touches()}


def _of_touch(engine: Engine, campaign: Campaign, touch: Touch, look: Look) -> Iterator[Bare]:
    try:
        says = script(campaign, engine.sources, touch)
    except RenderError:
        return
    walked: set[str] = set()
    for name in (says.subject, says.preheader, says.body, says.text, says.layout):
        if name is not None:
            yield from _of_template(engine, name, walked, look)


def _of_template(engine: Engine, name: str, walked: set[str], look: Look) -> Iterator[Bare]:
    if name in walked or not engine.sources.knows(name):
        return
    walked.add(name)
    source = engine.sources.body(name) or ""
    try:
        with explained(engine.sources, name):
            tree = engine.sandbox(Part.TEXT).parse(source, name, name)
    except RenderError:
        return
    if not any(node.name == "contact" and node.ctx != "load" for node in tree.find_all(nodes.Name)):
        yield from ((fact, engine.sources.place(name, line)) for fact, line in look(tree))
    for other in references(source):
        yield from _of_template(engine, other, walked, look)


def _asked(tree: nodes.Node) -> Iterator[tuple[str, int]]:
    """Yield (fact, line) of what conditions below a node ask for as it is."""
    for branch in tree.find_all(nodes.If):
        yield from _bare_in(branch.test)
    for choice in tree.find_all(nodes.CondExpr):
        yield from _bare_in(choice.test)


def _bare_in(test: nodes.Node) -> Iterator[tuple[str, int]]:
    section, name = named(test) or ("", "")
    if section == "contact":
        yield name, test.lineno
    elif isinstance(test, nodes.Not):
        yield from _bare_in(test.node)
    elif isinstance(test, (nodes.And, nodes.Or)):
        yield from (*_bare_in(test.left), *_bare_in(test.right))


def _written(node: nodes.Node) -> Iterator[tuple[str, int]]:
    """Yield (fact, line) of what is put out below a node."""
    if isinstance(node, nodes.Output):
        for part in node.nodes:
            yield from _put_out(part)
    elif isinstance(node, nodes.If):
        if not any(_asks(one.test) for one in (node, *node.elif_)):
            for branch in (node.body, node.else_, *(one.body for one in node.elif_)):
                for inner in branch:
                    yield from _written(inner)
    else:
        for inner in node.iter_child_nodes():
            yield from _written(inner)


def _put_out(node: nodes.Node) -> Iterator[tuple[str, int]]:
    """Yield (fact, line) of what comes out of an expression as it is."""
    section, name = named(node) or ("", "")
    if section == "contact" and name in _FACTS:
        yield name, node.lineno
    elif isinstance(node, (nodes.Concat, nodes.Add)):
        for part in node.nodes if isinstance(node, nodes.Concat) else (node.left, node.right):
            yield from _put_out(part)
    elif isinstance(node, nodes.CondExpr) and not _asks(node.test):
        for part in filter(None, (node.expr1, node.expr2)):
            yield from _put_out(part)
    elif isinstance(node, nodes.Filter) and node.node is not None and not _replaces(node):
        yield from _put_out(node.node)


def _replaces(node: nodes.Filter) -> bool:
    """Whether a filter puts something else in the place of an empty text: `default` does so only when told."""
    if node.name not in ("default", "d"):
        return node.name not in _KEEPING
    told = [*node.args[1:2], *(pair.value for pair in node.kwargs if pair.key == "boolean")]
    return any(not isinstance(one, nodes.Const) or bool(one.value) for one in told)


def _asks(test: nodes.Node) -> bool:
    """Whether a condition is about the contact."""
    return any(name.name == "contact" for name in (*test.find_all(nodes.Name), test) if isinstance(name, nodes.Name))
