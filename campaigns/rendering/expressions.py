"""Expressions of a template as Python that gives the same value for plain facts, or fails; no statements here.

What is written here reads keys and items of plain data, calls the filters and tests of the sandbox and a few functions
of `helpers`, and nothing else: no attribute of anything is ever reached. Where the sandbox would do more than that (a
method, an unknown name, a markup) the Python fails as it runs, and the sandbox says what the matter is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jinja2 import nodes

from campaigns.rendering.environment import Sandbox
from campaigns.rendering.helpers import MISSING, Kept, remembered
from campaigns.rendering.run import CLOSE, OPEN

SECTIONS = frozenset({"contact", "event", "campaign", "stage", "touch", "offer", "links", "mail"})
_PARTS_OF_MAIL = frozenset({"language", "brand", "address", "words"})
_METHODS = frozenset({"get", "items", "keys", "values"})

# Filters by what they depend on: their value alone; the value, the campaign's language and the reader's zone; those
# that take the sandbox first. All give plain values for plain values.
_PURE = frozenset({"upper", "lower", "capitalize", "title", "trim", "truncate", "replace", "indent", "string"})
_PURE |= {"urlencode", "wordcount", "round", "abs", "float", "int"}
_SPOKEN = frozenset({"date", "time", "datetime", "weekday", "number", "money", "percent"})
_LISTS = frozenset({"length", "count", "list", "reverse", "first", "last", "sum", "join", "batch", "slice"})
_LISTS |= {"sort", "unique", "max", "min", "dictsort"}
_TESTS = frozenset({"odd", "even", "divisibleby", "string", "number", "boolean", "true", "false", "none", "integer"})
_TESTS |= {"float", "mapping", "sequence", "in", "eq", "ne", "lt", "gt", "le", "ge", "equalto"}
_COMPARE = {"eq": "==", "ne": "!=", "lt": "<", "lteq": "<=", "gt": ">", "gteq": ">=", "in": "in", "notin": "not in"}
_PLAIN_OPERATORS = {nodes.Sub: "-", nodes.Div: "/", nodes.FloorDiv: "//"}
_WATCHED_OPERATORS = {nodes.Add: "+", nodes.Mul: "*", nodes.Pow: "**", nodes.Mod: "%"}
_SHORT = 100  # characters of a filter's own arguments, and of a value that it is remembered for


class Unfoldable(Exception):
    """What only the sandbox can carry out; says what that is."""


@dataclass(frozen=True, slots=True)
class Loop:
    """The variables of a loop: `number` counts from 1, `length` is how many turns there are."""

    number: str
    length: str


@dataclass(frozen=True, slots=True)
class Coded:
    """A piece of Python.

    Whether it is the same in every message, surely text, a mere name or literal, surely small, a whole number.
    """

    text: str
    fixed: bool = False
    is_text: bool = False
    is_simple: bool = False
    is_small: bool = False
    is_number: bool = False


Names = dict[str, "Coded | Loop"]


@dataclass
class Writer:
    """Writes expressions for one sandbox; what they name besides facts is collected in `space`.

    `known` are the facts that are the same in every message, by section; None for one that is not.
    """

    sandbox: Sandbox
    known: Mapping[str, Mapping[str, object] | None]
    space: dict[str, Any] = field(default_factory=dict)
    calls: int = 0  # of filters, joinings and operators since this was last set to 0
    _count: int = 0

    def fresh(self, kind: str) -> str:
        """Return a variable's name that was not used before."""
        self._count += 1
        return f"{kind}{self._count}"

    def keep(self, value: object) -> str:
        """Return the name of a value that the Python shall find as it runs."""
        name = self.fresh("k")
        self.space[name] = value
        return name

    def constant(self, value: object) -> Coded:
        """Return the Python of a value that is the same in every message."""
        if isinstance(value, str) and (OPEN in value or CLOSE in value):
            raise Unfoldable("a text with the marks of values")
        if value is None or isinstance(value, (str, bool, int, float)):
            written = f"({value!r})"
            return Coded(written, True, isinstance(value, str), True, len(written) < 1000)
        return Coded(self.keep(value), True, False, True)

    def write(self, node: nodes.Expr, names: Names) -> Coded:
        """Return the Python of an expression. Raises: Unfoldable."""
        coded = self._write(node, names)
        if coded.fixed and not coded.is_simple:
            return self._worked_out(coded)
        return coded

    def value_of(self, coded: Coded) -> object:
        """Return the value of what is the same in every message."""
        made = compile(coded.text, "<template>", "eval")
        return eval(made, self.space | {"f": self.known})  # noqa: S307 - our own words, values as literals

    def _worked_out(self, coded: Coded) -> Coded:
        try:
            return self.constant(self.value_of(coded))
        except Unfoldable:
            raise
        except Exception:  # whatever it is, it happens again in the message and is said there
            return Coded(coded.text, False, coded.is_text)

    def _write(self, node: nodes.Expr, names: Names) -> Coded:
        match node:
            case nodes.Const():
                return self.constant(node.value)
            case nodes.Name():
                return self._name(node, names)
            case nodes.Getattr() | nodes.Getitem():
                return self._item(node, names)
            case nodes.Filter():
                return self._filter(node, names)
            case nodes.Test():
                return self._test(node, names)
            case nodes.Compare():
                return self._compare(node, names)
            case nodes.And() | nodes.Or():
                word = "and" if isinstance(node, nodes.And) else "or"
                return _joined([self.write(side, names) for side in (node.left, node.right)], f"({{}} {word} {{}})")
            case nodes.Not():
                return _joined([self.write(node.node, names)], "(not {})")
            case nodes.Neg() | nodes.Pos():
                return _joined([self.write(node.node, names)], f"({node.operator}{{}})")
            case nodes.CondExpr() if node.expr2 is not None:
                sides = [self.write(side, names) for side in (node.test, node.expr1, node.expr2)]
                return _joined([sides[1], sides[0], sides[2]], "({} if {} else {})")
            case nodes.Concat():
                return self._called(self.sandbox.joined, node.nodes, names, is_text=True)
            case nodes.List() | nodes.Tuple():
                items = [self.write(item, names) for item in node.items]
                ends = "[]" if isinstance(node, nodes.List) else "()"
                comma = "," if isinstance(node, nodes.Tuple) else ""
                return _joined(items, ends[0] + ", ".join(["{}"] * len(items)) + (comma if items else "") + ends[1])
            case nodes.Sub() | nodes.Div() | nodes.FloorDiv():
                sides = [self.write(side, names) for side in (node.left, node.right)]
                return _joined(sides, f"({{}} {_PLAIN_OPERATORS[type(node)]} {{}})")
            case nodes.Add() | nodes.Mul() | nodes.Pow() | nodes.Mod():
                self.calls += 1
                self.space["binop"] = self.sandbox.call_binop
                sides = [self.write(side, names) for side in (node.left, node.right)]
                return _joined(sides, f"binop(None, {_WATCHED_OPERATORS[type(node)]!r}, {{}}, {{}})")
        raise Unfoldable(f"`{type(node).__name__}` on line {node.lineno}")

    def _name(self, node: nodes.Name, names: Names) -> Coded:
        found = names.get(node.name)
        if isinstance(found, Coded):
            return found
        if found is None and node.name in SECTIONS and node.name != "mail":
            return Coded(f"f[{node.name!r}]", self.known.get(node.name) is not None and node.name != "touch")
        raise Unfoldable(f"the name {node.name!r} on line {node.lineno}")

    def _item(self, node: nodes.Getattr | nodes.Getitem, names: Names) -> Coded:
        if isinstance(node, nodes.Getattr):
            key = self.constant(node.attr)
        elif isinstance(node.arg, nodes.Slice):
            raise Unfoldable(f"a slice on line {node.lineno}")
        else:
            key = self.write(node.arg, names)
        if isinstance(node.node, nodes.Name):
            holder, section = names.get(node.node.name), node.node.name
            if isinstance(holder, Loop):
                return _turn(holder, node)
            if holder is None and section in ("touch", "mail"):
                return self._of_section(section, node, key)
        held = self.write(node.node, names)
        if held.fixed and held.is_small:
            raise Unfoldable(f"an item of no group, on line {node.lineno}")
        return _joined([held, key], "{}[{}]")

    def _of_section(self, section: str, node: nodes.Getattr | nodes.Getitem, key: Coded) -> Coded:
        """Return a fact of a section of which only a part is the same in every message."""
        name = self.value_of(key) if key.fixed else None
        if not isinstance(name, str) or (section == "mail" and name in ("body", "text", "footer")):
            raise Unfoldable(f"`{section}` on line {node.lineno}")
        is_fixed = name != "now" if section == "touch" else name in _PARTS_OF_MAIL
        return Coded(f"f[{section!r}][{key.text}]", is_fixed and self.known.get(section) is not None)

    def peek(self, node: nodes.Expr, names: Names) -> Coded:
        """Return the Python of an expression that may be about an unknown fact: MISSING then, and no fault."""
        if not isinstance(node, (nodes.Getattr, nodes.Getitem)):
            return self.write(node, names)
        plain = self._item(node, names)
        if isinstance(node.node, nodes.Name) and isinstance(names.get(node.node.name), Loop):
            return plain
        if isinstance(node, nodes.Getattr):
            if node.attr in _METHODS or node.attr.startswith("_"):
                raise Unfoldable(f"`.{node.attr}` on line {node.lineno}")
            key, look = repr(node.attr), "peek_key"
        else:
            key, look = self.write(node.arg, names).text, "peek_item"
        if isinstance(node.node, nodes.Name) and node.node.name in ("touch", "mail") and node.node.name not in names:
            holder = f"f[{node.node.name!r}]"
        else:
            holder = self.write(node.node, names).text
        coded = Coded(f"{look}({holder}, {key})", plain.fixed)
        if not plain.fixed:
            return coded
        value = self.value_of(coded)
        return Coded("MISSING", True, False, True) if value is MISSING else self.constant(value)

    def _filter(self, node: nodes.Filter, names: Names) -> Coded:
        if node.node is None or node.dyn_args is not None or node.dyn_kwargs is not None:
            raise Unfoldable(f"the filter {node.name!r} on line {node.lineno}")
        if node.name in ("default", "d"):
            return self._default(node, names)
        if node.name not in _PURE | _SPOKEN | _LISTS:
            raise Unfoldable(f"the filter {node.name!r} on line {node.lineno}")
        self.calls += 3  # what the dearest of the remembered costs
        value = self.write(node.node, names)
        given = [self.write(argument, names) for argument in node.args]
        named = [(str(pair.key), self.write(pair.value, names)) for pair in node.kwargs]
        function, first = self.sandbox.filters[node.name], ""
        takes = getattr(function, "jinja_pass_arg", None)
        if takes is not None:
            takes_context = takes.name == "context"
            if takes_context != (node.name in _SPOKEN):
                raise Unfoldable(f"the filter {node.name!r} on line {node.lineno}")
            first = "f" if takes_context else self.keep(self.sandbox)
        kinds = [value, *given, *(argument for _, argument in named)]
        if self._is_remembered(node.name, kinds[1:]):
            return self._remember(function, value, given, named, takes_context=first == "f")
        fixed = all(kind.fixed for kind in kinds) and (node.name not in _SPOKEN or self.known.get("touch") is not None)
        arguments = [first] * bool(first) + [kind.text for kind in (value, *given)]
        arguments += [f"{key}={argument.text}" for key, argument in named]
        return Coded(f"{self.keep(function)}({', '.join(arguments)})", fixed)

    def _is_remembered(self, name: str, arguments: list[Coded]) -> bool:
        """Whether the filter's result depends on its value alone, and costs one step for a short one."""
        if name not in _PURE and (name not in _SPOKEN or self.known.get("touch") is None):
            return False
        return all(argument.fixed and len(argument.text) < _SHORT for argument in arguments)

    def _remember(
        self,
        function: Any,
        value: Coded,
        given: list[Coded],
        named: list[tuple[str, Coded]],
        *,
        takes_context: bool,
    ) -> Coded:
        first = (self.known,) if takes_context else ()
        rest = [self.value_of(argument) for argument in given]
        keys = {key: self.value_of(argument) for key, argument in named}
        kept = Kept(lambda x: function(*first, x, *rest, **keys), _SHORT)
        held, call, made = self.keep(kept), self.keep(remembered(kept)), self.fresh("z")
        if value.is_text and value.is_simple:
            return Coded(f"{held}[{value.text}]", value.fixed)
        return Coded(f"({held}[{made}] if type({made} := {value.text}) is str else {call}({made}))", value.fixed)

    def _default(self, node: nodes.Filter, names: Names) -> Coded:
        assert node.node is not None
        self.calls += 1
        arguments = {0: nodes.Const(""), 1: nodes.Const(False), **dict(enumerate(node.args))}
        for pair in node.kwargs:
            place = {"default_value": 0, "boolean": 1}.get(str(pair.key))
            if place is None or place < len(node.args):
                raise Unfoldable(f"the filter {node.name!r} on line {node.lineno}")
            arguments[place] = pair.value
        if len(arguments) > 2:
            raise Unfoldable(f"the filter {node.name!r} on line {node.lineno}")
        value = self.peek(node.node, names)
        self.space.setdefault("priced", self.sandbox.filters["default"])
        parts = [value, *(self.write(arguments[place], names) for place in (0, 1))]
        return _joined(parts, "default(priced, {}, {}, {})")

    def _test(self, node: nodes.Test, names: Names) -> Coded:
        if node.dyn_args is not None or node.dyn_kwargs is not None or node.kwargs:
            raise Unfoldable(f"the test {node.name!r} on line {node.lineno}")
        if node.name in ("defined", "undefined") and not node.args:
            coded, is_asked = self.peek(node.node, names), node.name == "defined"
            if coded.fixed and coded.is_simple:
                return self.constant((coded.text != "MISSING") is is_asked)
            return _joined([coded], f"({{}} {'is not' if is_asked else 'is'} MISSING)")
        if node.name not in _TESTS:
            raise Unfoldable(f"the test {node.name!r} on line {node.lineno}")
        return self._called(self.sandbox.tests[node.name], [node.node, *node.args], names)

    def _compare(self, node: nodes.Compare, names: Names) -> Coded:
        """Return a comparison; looking through long texts has its price, which short constants and numbers have not."""
        sides = [self.write(side, names) for side in (node.expr, *(operand.expr for operand in node.ops))]
        self.space["weighed"] = self.sandbox.weighed
        holes = ["{}" if side.is_small else "weighed({})" for side in sides]
        text = holes[0] + "".join(
            f" {_COMPARE[operand.op]} {hole}" for operand, hole in zip(node.ops, holes[1:], strict=True)
        )
        return _joined(sides, f"({text})")

    def _called(self, function: object, given: list[nodes.Expr], names: Names, *, is_text: bool = False) -> Coded:
        self.calls += 1
        arguments = [self.write(argument, names) for argument in given]
        word = f"{self.keep(function)}({', '.join(['{}'] * len(arguments))})"
        made = _joined(arguments, word)
        return Coded(made.text, made.fixed, is_text)


def _turn(loop: Loop, node: nodes.Getattr | nodes.Getitem) -> Coded:
    """Return what a template asks of its loop."""
    name = node.attr if isinstance(node, nodes.Getattr) else None
    found = {
        "index": loop.number,
        "index0": f"({loop.number} - 1)",
        "first": f"({loop.number} == 1)",
        "last": f"({loop.number} == {loop.length})",
        "length": loop.length,
        "revindex": f"({loop.length} - {loop.number} + 1)",
        "revindex0": f"({loop.length} - {loop.number})",
    }.get(name or "")
    if found is None:
        raise Unfoldable(f"`loop` on line {node.lineno}")
    return Coded(found, is_simple=True, is_small=True, is_number=name not in ("first", "last"))


def _joined(parts: list[Coded], form: str) -> Coded:
    """Return Python made of other Python: the same in every message when all of its parts are."""
    return Coded(form.format(*(part.text for part in parts)), all(part.fixed for part in parts))
