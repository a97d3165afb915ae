"""A template as one Python function that does only what differs from message to message; no facts and no mail here.

The templates a template extends, includes and imports, its blocks and its macros are written out in one piece, and
everything that is the same in every message is worked out beforehand. Of one template come up to three functions:
one that writes text, and for Markdown and HTML one that collects the values and notes the way it took, and one that
writes the same with marks for the values, from which the pieces between them are cut. The way taken (which branches,
how many turns) and the template settle these pieces.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from jinja2 import nodes
from jinja2.exceptions import TemplateNotFound

from campaigns.rendering.environment import MAX_RANGE, Sandbox
from campaigns.rendering.expressions import SECTIONS, Coded, Loop, Names, Unfoldable, Writer
from campaigns.rendering.helpers import SPACE
from campaigns.rendering.lines import Lines, Way
from campaigns.rendering.run import CLOSE, MAX_STEPS, OPEN
from campaigns.rendering.trees import arguments, const, extended, is_blank, part_of_mail, refuse_leftovers, written

FIXED_FROM = 500_000  # the number of the first mark whose value is the same in every message

_MAX_LINES = 4_000
_MAX_DEPTH = 12  # of macros and inclusions inside each other


@dataclass(frozen=True, slots=True)
class Folded:
    """A function made of a template.

    `run(f, o, v, t, p)` takes the facts, what to do with a piece of text, with values, with a step of the way, and the
    parts of the mail by name, and returns how many steps it took and how many characters of template at most. `depth`
    is how often a piece of text may have been written anew on its way to the end.
    """

    run: Callable[..., tuple[int, int]]
    fixed: tuple[str, ...]
    depth: int


@dataclass
class _Unit:
    """What is visible while one template is written out: its blocks, its macros, and whether it sees the facts."""

    assigned: frozenset[str]
    sees_facts: bool
    macros: dict[str, tuple[nodes.Macro, _Unit]] = field(default_factory=dict)
    blocks: dict[str, tuple[nodes.Block, _Unit]] = field(default_factory=dict)
    defined: set[str] = field(default_factory=set)  # the macros whose definitions have been passed


def fold(
    sandbox: Sandbox,
    name: str,
    way: Way,
    known: Mapping[str, Mapping[str, object] | None],
    fixed: Sequence[str] = (),
) -> Folded:
    """Return the function of the template `name`; `fixed` are the fixed values that other templates have already.

    Raises: Unfoldable, and what the sandbox raises for a template that it refuses.
    """
    return _Folder(sandbox, way, known, fixed).fold(name)


class _Folder:
    def __init__(
        self, sandbox: Sandbox, way: Way, known: Mapping[str, Mapping[str, object] | None], fixed: Sequence[str]
    ) -> None:
        self._sandbox = sandbox
        self._way = way
        self._lines = Lines(way)
        self._writer = Writer(sandbox, known, dict(SPACE))
        self._fixed = list(fixed)
        self._steps = self._size = 0  # of the stretch between two jumps
        self._depth = self._deepest = 0

    def fold(self, name: str) -> Folded:
        self._template(name, {}, sees_facts=True)
        body = self._lines.all()
        source = f"def run(f, o, v, t, p):\n s = {self._steps}\n w = {self._size}\n{body}\n return s, w\n"
        space = self._writer.space
        try:
            exec(compile(source, "<template>", "exec"), space)  # noqa: S102 - our own words; texts are literals
        except (SyntaxError, RecursionError, MemoryError) as error:
            raise Unfoldable(f"{name} is nested too deeply") from error
        return Folded(space["run"], tuple(self._fixed), self._deepest)

    # Templates.

    def _template(self, name: str, names: Names, *, sees_facts: bool) -> None:
        """Write out a template and what it extends."""
        with self._deeper(name):
            chain = [self._tree(name)]
            while (parent := extended(chain[-1])) is not None:
                self._steps += 1
                chain.append(self._tree(parent))
                if len(chain) > _MAX_DEPTH:
                    raise Unfoldable(f"{name} extends too many")
            units = [self._unit(tree, sees_facts) for tree in chain]
            if len(chain) > 1 and names:
                names = {}
            blocks: dict[str, tuple[nodes.Block, _Unit]] = {}
            for tree, unit in zip(reversed(chain), reversed(units), strict=True):
                if tree is not chain[-1]:
                    refuse_leftovers(tree)
                    unit.defined |= unit.macros.keys()
                blocks |= {block.name: (block, unit) for block in tree.find_all(nodes.Block)}
                unit.blocks = blocks
                self._size += written(tree)
            self._steps += 1
            self._body(chain[-1].body, dict(names), units[-1], is_top=True)

    def _tree(self, name: str) -> nodes.Template:
        assert self._sandbox.loader is not None
        try:
            source, _, _ = self._sandbox.loader.get_source(self._sandbox, name)
        except TemplateNotFound:
            raise Unfoldable(f"no template {name!r}") from None
        return self._sandbox._parse(source, name, name)

    def _unit(self, tree: nodes.Template, sees_facts: bool) -> _Unit:
        assigned = frozenset(node.name for node in tree.find_all(nodes.Name) if node.ctx == "store")
        unit = _Unit(assigned, sees_facts)
        for node in tree.body:
            if isinstance(node, nodes.Macro):
                if node.name in unit.macros:
                    raise Unfoldable(f"a second macro {node.name!r} on line {node.lineno}")
                unit.macros[node.name] = (node, unit)
            elif isinstance(node, nodes.FromImport):
                self._import(node, unit)
        taken = SECTIONS | {"loop", "range", "namespace", "caller", "varargs", "kwargs", "super", "self"}
        if (assigned | unit.macros.keys()) & taken or assigned & unit.macros.keys():
            raise Unfoldable(f"a name of its own that has a meaning already, on line {tree.lineno}")
        return unit

    def _import(self, node: nodes.FromImport, unit: _Unit) -> None:
        with self._deeper("import"):
            name = const(node.template)
            tree = self._tree(name)
            other = self._unit(tree, node.with_context and unit.sees_facts)
            if not all(isinstance(part, (nodes.Macro, nodes.FromImport)) or is_blank(part) for part in tree.body):
                raise Unfoldable(f"{name} is imported and does more than define macros")
            other.defined |= other.macros.keys()
            self._steps += 1
            self._size += written(tree)
        for taken in node.names:
            theirs, ours = (taken, taken) if isinstance(taken, str) else taken
            if theirs not in other.macros or ours in unit.macros:
                raise Unfoldable(f"the macro {theirs!r} of {name}")
            unit.macros[ours] = other.macros[theirs]

    # Statements.

    def _body(self, body: Sequence[nodes.Node], names: Names, unit: _Unit, *, is_top: bool = False) -> None:
        if len(self._lines) > _MAX_LINES:
            raise Unfoldable("a template that is too long")
        for node in body:
            match node:
                case nodes.Output():
                    for part in node.nodes:
                        self._output(part, names, unit)
                case nodes.For():
                    self._loop(node, names, unit)
                case nodes.If():
                    self._branch(node, names, unit)
                case nodes.Assign():
                    self._assign(node, names, unit)
                case nodes.Block():
                    self._block(node.name, unit)
                case nodes.Include():
                    self._include(node, names, unit)
                case nodes.Macro() if unit.macros.get(node.name, (None,))[0] is node:
                    unit.defined.add(node.name)
                case nodes.FromImport() if is_top:
                    unit.defined |= {taken if isinstance(taken, str) else taken[1] for taken in node.names}
                case _:
                    raise Unfoldable(f"`{type(node).__name__}` on line {node.lineno}")

    def _output(self, node: nodes.Expr | nodes.TemplateData, names: Names, unit: _Unit) -> None:
        if isinstance(node, nodes.TemplateData):
            self._size += len(node.data)
            self._lines.put(node.data)
        elif (part := part_of_mail(node, names)) is not None and unit.sees_facts:
            self._steps += 1
            self._lines.put(Coded(f"p[{part!r}]", True))
        elif isinstance(node, nodes.Call):
            self._call(node, names, unit)
        else:
            self._value(self._write(node, names, unit))

    def _value(self, coded: Coded) -> None:
        """Put in a value."""
        self._steps += 1
        if coded.fixed:
            value = self._writer.value_of(coded)
            text = str(self._writer.space["shown"](value)) if _can_be_shown(value) else None
            if text is None or OPEN in text or CLOSE in text:
                raise Unfoldable("a fixed value that cannot be shown")
            self._size += len(text)
            if self._way is Way.MARKED:
                self._lines.put(f"{OPEN}{FIXED_FROM + len(self._fixed)}{CLOSE}")
                self._fixed.append(text)
            else:
                self._lines.put(text)
            return
        made = self._writer.fresh("z")
        text = coded.text
        if coded.is_number:
            text = f"str({text})"
        elif not coded.is_text:
            text = f"({made} if type({made} := {text}) is str else shown({made}))"
        self._lines.put(Coded(text))

    def _write(self, node: nodes.Node, names: Names, unit: _Unit) -> Coded:
        used = [node, *node.find_all(nodes.Name)]
        if not unit.sees_facts and any(isinstance(name, nodes.Name) and name.name in SECTIONS for name in used):
            raise Unfoldable(f"facts in what is imported, on line {node.lineno}")
        assert isinstance(node, nodes.Expr)
        self._writer.calls = 0
        coded = self._writer.write(node, names)
        self._steps += self._writer.calls
        return coded

    def _branch(self, node: nodes.If, names: Names, unit: _Unit) -> None:
        test = self._write(node.test, names, unit)
        rest: Sequence[nodes.Node] = node.else_
        if node.elif_:
            following, *others = node.elif_
            rest = [nodes.If(following.test, following.body, others, node.else_, lineno=following.lineno)]
        if test.fixed:
            self._body(node.body if self._writer.value_of(test) else rest, names, unit)
            return
        self._lines.flush()
        steps, size = self._steps, self._size
        ends: list[tuple[int, int, Names]] = []
        for word, body in ((f"if {test.text}:", node.body), ("else:", rest)):
            mine = dict(names)
            self._steps = self._size = 0
            with self._lines.under(word):
                if self._way is Way.VALUES:
                    self._lines.add(f"t({1 if body is node.body else 0})")
                self._body(body, mine, unit)
            ends.append((self._steps, self._size, mine))
        (steps_1, size_1, names_1), (steps_2, size_2, names_2) = ends
        self._steps, self._size = steps + max(steps_1, steps_2), size + max(size_1, size_2)
        names.clear()
        names.update({name: kept for name, kept in names_1.items() if names_2.get(name) == kept})

    def _loop(self, node: nodes.For, names: Names, unit: _Unit) -> None:
        if node.recursive:
            raise Unfoldable(f"a recursive loop on line {node.lineno}")
        goes = self._through(node.iter, names, unit)
        self._lines.flush()
        inside = {name: kept for name, kept in names.items() if name != "loop"}
        target = self._target(node.target, inside)
        items, number, length = (self._writer.fresh(kind) for kind in ("l", "i", "n"))
        made = self._writer.fresh("z")
        self._lines.add(f"{items} = {made} if type({made} := {goes}) is list else turns({made})")
        if node.test is not None:
            if isinstance(node.target, nodes.Tuple):
                raise Unfoldable(f"a loop with a condition over groups, on line {node.lineno}")
            test = self._write(node.test, inside, unit)
            self._lines.add(f"s += len({items}) * {self._writer.calls}")
            self._lines.add(f"{items} = [{target} for {target} in {items} if {test.text}]")
        self._lines.add(f"{length} = len({items})")
        if self._way is Way.VALUES:
            self._lines.add(f"t({length})")
        inside["loop"] = Loop(number, length)
        steps, size, place = self._steps, self._size, len(self._lines)
        self._steps, self._size = 1, written(node)
        with self._lines.under(f"for {number}, {target} in enumerate({items}, 1):"):
            self._body(node.body, inside, unit)
        counted = (f"w += {length} * {self._size}", f"s += {length} * {self._steps}")
        self._lines.insert(place, *counted, f"if s > {MAX_STEPS}: raise Unfolded")
        self._steps, self._size = steps, size
        if node.else_:
            with self._lines.under(f"if not {length}:"):
                self._body(node.else_, {name: kept for name, kept in names.items() if name != "loop"}, unit)

    def _through(self, node: nodes.Node, names: Names, unit: _Unit) -> str:
        """Return the Python of what a loop goes through; `range` is for this alone."""
        if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name) and node.node.name == "range":
            if node.kwargs or node.dyn_args is not None or node.dyn_kwargs is not None or "range" in names:
                raise Unfoldable(f"`range` on line {node.lineno}")
            bounds = [self._write(bound, names, unit).text for bound in node.args]
            self._writer.space["bounded"] = _bounded
            return f"bounded({', '.join(bounds)})"
        return self._write(node, names, unit).text

    def _target(self, node: nodes.Node, names: Names) -> str:
        """Bind the variables of a loop or an assignment; return them as Python."""
        if isinstance(node, nodes.Tuple):
            parts = [self._target(item, names) for item in node.items]
            return f"({', '.join(parts)},)"
        if not isinstance(node, nodes.Name):
            raise Unfoldable(f"an assignment to what is no name, on line {node.lineno}")
        if node.name in SECTIONS or node.name == "loop":
            raise Unfoldable(f"an assignment to {node.name!r} on line {node.lineno}")
        made = self._writer.fresh("a")
        names[node.name] = Coded(made, is_simple=True)
        return made

    def _assign(self, node: nodes.Assign, names: Names, unit: _Unit) -> None:
        value = self._write(node.node, names, unit)
        if value.fixed and isinstance(node.target, nodes.Name):
            names[node.target.name] = value
            return
        self._lines.flush()
        self._lines.add(f"{self._target(node.target, names)} = {value.text}")

    def _block(self, name: str, unit: _Unit) -> None:
        block, home = unit.blocks[name]
        if block.scoped or block.required:
            raise Unfoldable(f"a block with conditions, on line {block.lineno}")
        with self._deeper(name):
            self._steps += 1
            self._size += written(block)
            self._body(block.body, {}, home)

    def _include(self, node: nodes.Include, names: Names, unit: _Unit) -> None:
        if node.ignore_missing or not node.with_context:
            raise Unfoldable(f"an inclusion with conditions, on line {node.lineno}")
        mine: Names = {name: kept for name, kept in names.items() if isinstance(kept, Coded)}
        self._template(const(node.template), mine, sees_facts=unit.sees_facts)

    def _call(self, node: nodes.Call, names: Names, unit: _Unit) -> None:
        """Write out a macro where it is called."""
        called = node.node.name if isinstance(node.node, nodes.Name) else ""
        if called not in unit.defined or called in names or node.dyn_args is not None or node.dyn_kwargs is not None:
            raise Unfoldable(f"a call on line {node.lineno}")
        macro, home = unit.macros[called]
        wanted = [argument.name for argument in macro.args]
        given = arguments(node, wanted)
        defaults = dict(zip(wanted[len(wanted) - len(macro.defaults) :], macro.defaults, strict=True))
        inside: Names = {}
        for name in wanted:
            if name in SECTIONS or name == "loop":
                raise Unfoldable(f"an argument named {name!r} on line {node.lineno}")
            if name in given:
                value = self._write(given[name], names, unit)
            elif isinstance(defaults.get(name), nodes.Const):
                value = self._write(defaults[name], {}, unit)
            else:
                raise Unfoldable(f"an argument is missing on line {node.lineno}")
            if not value.is_simple:
                self._lines.flush()
                made = self._writer.fresh("a")
                self._lines.add(f"{made} = {value.text}")
                value = Coded(made, is_text=value.is_text, is_simple=True)
            inside[name] = value
        if {name.name for name in macro.find_all(nodes.Name)} & {"caller", "varargs", "kwargs"}:
            raise Unfoldable(f"the macro {called!r} on line {macro.lineno}")
        with self._deeper(called):
            self._steps += 2
            self._size += written(macro)
            self._body(macro.body, inside, home)

    @contextmanager
    def _deeper(self, what: str) -> Iterator[None]:
        self._depth += 1
        self._deepest = max(self._deepest, self._depth)
        if self._depth > _MAX_DEPTH:
            raise Unfoldable(f"{what!r} is nested too deeply")
        yield
        self._depth -= 1


def _can_be_shown(value: object) -> bool:
    return isinstance(value, (str, bool, int, float))


def _bounded(*bounds: int) -> range:
    made = range(*bounds)
    if len(made) > MAX_RANGE:
        raise ValueError("a range that is too long")
    return made
