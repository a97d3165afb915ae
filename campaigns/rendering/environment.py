"""The sandbox templates run in: an allow-list of names, attributes and operators, and a price on everything long.

What a template may do is decided three times: on its syntax tree (nothing that switches escaping off, no template
whose name is computed), at every access (only keys of plain data and a few methods), and by a budget of steps and
characters, so that no template can fill the memory or run for long.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from enum import StrEnum
from typing import Any

from jinja2 import BaseLoader, Environment, nodes, pass_context
from jinja2.exceptions import SecurityError, TemplateNotFound, TemplateSyntaxError
from jinja2.runtime import Context, Undefined
from jinja2.runtime import StrictUndefined as _Strict
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace, missing
from markupsafe import Markup

from campaigns.rendering.run import MAX_ITEMS, MAX_TEXT, current
from campaigns.rendering.sources import Sources
from campaigns.rendering.syntax import meter, refuse
from campaigns.rendering.trimming import keep_line_ends

MAX_SOURCE = 1 << 18  # characters of one template
MAX_RANGE = 1_000
_MAX_BITS = 256  # of a whole number

_TEXT_METHODS = frozenset({"capitalize", "count", "endswith", "find", "isdigit", "lower", "lstrip", "rstrip", "split"})
_TEXT_METHODS |= {"splitlines", "startswith", "strip", "title", "upper"}
_DICT_METHODS = frozenset({"get", "items", "keys", "values"})
_LIST_METHODS = frozenset({"count", "index"})


class Part(StrEnum):
    """What is being written: decides how a value is kept from being read as markup."""

    TEXT = "text"  # subject, plain text, posts: as it is
    MARKDOWN = "markdown"  # behind a mark that Markdown cannot read, put in afterwards
    HTML = "html"  # behind a mark, put in afterwards, escaped for where it stands


class Missing(_Strict):
    """A name nobody knows: any use is an error that says the name and a near one."""

    __slots__ = ()

    @property
    def _undefined_message(self) -> str:
        if self._undefined_hint:
            return str(self._undefined_hint)
        name, holder, top = str(self._undefined_name), self._undefined_obj, current().facts
        if isinstance(holder, Mapping):
            section = next((key for key, value in top.items() if value is holder), "")
            return unknown_name(name, section, holder)
        if holder is missing:
            return unknown_name(name, "", top)
        return f"{type(holder).__name__} has no {name!r}"


def unknown_name(name: str, section: str, known: Any) -> str:
    """Return the message about an unknown name, with the remedy on a second line."""
    full = f"{section}.{name}" if section else name
    if not known and section == "offer":
        return f"unknown name {full!r}\nname the offer in the touch: `offer: CODE`"
    if not known and section == "event":
        return f"unknown name {full!r}\nonly a touch with `on:` has an event"
    if not known and section == "contact":
        return f"unknown name {full!r}\na message for everybody has no contact"
    if section == "links" and name == "unsubscribe":
        return f"unknown name {full!r}\nonly a marketing message has an unsubscribe link"
    if section == "links" and name == "confirm":
        return f"unknown name {full!r}\nset CAMPAIGN_PUBLIC_URL; only a transactional touch with `on: signup` has it"
    near = get_close_matches(name, [str(key) for key in known], 1)
    if near:
        return f"unknown name {full!r}\ndid you mean {f'{section}.{near[0]}' if section else near[0]!r}?"
    there = ", ".join(sorted(str(key) for key in known if not str(key).startswith("_"))[:12])
    return f"unknown name {full!r}\n" + (f"expected one of: {there}" if there else "")


class _Loader(BaseLoader):
    """Hands out the templates of one campaign and the bundled ones; there is no other way to a file."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def get_source(self, _environment: Environment, template: str) -> tuple[str, str, None]:
        text = self._sources.body(template)
        if text is None:
            raise TemplateNotFound(template)
        if len(text) > MAX_SOURCE:
            raise TemplateSyntaxError(f"template longer than {MAX_SOURCE >> 10} KiB", 1, template)
        return text, template, None


class Sandbox(ImmutableSandboxedEnvironment):
    """A Jinja environment for one part of the messages of one campaign."""

    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def __init__(self, part: Part, sources: Sources, filters: Mapping[str, Callable[..., Any]]) -> None:
        super().__init__(
            loader=_Loader(sources),
            undefined=Missing,
            autoescape=part is not Part.TEXT,
            auto_reload=False,
            optimized=False,
            finalize=self._finalize,
            keep_trailing_newline=True,
            cache_size=-1,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.part = part
        self._writes_text = part is Part.TEXT
        self.sources = sources
        self.globals = {"range": _range, "namespace": Namespace}
        self.filters = {**filters, "e": self.protect, "escape": self.protect}
        for name in ("callable", "filter", "test", "escaped"):
            self.tests.pop(name, None)

    # What is written.

    @pass_context
    def _finalize(self, _context: Context, value: Any) -> Any:
        run = current()
        if isinstance(value, Markup):
            run.spend(1, len(value))
            return value
        text = value if type(value) is str else printable(value)
        run.spend(1, len(text))
        return text if self._writes_text else Markup(run.slot(text))  # noqa: S704 - a mark, not the value

    def protect(self, value: Any) -> Any:
        """Return `value` so that it stands in this part as it reads; markup of the template itself stays markup."""
        if self.part is Part.TEXT or isinstance(value, Markup):
            return printable(value)
        return Markup(current().slot(printable(value)))  # noqa: S704 - a mark, not the value

    def joined(self, *values: Any) -> str:
        """Join texts; a value beside markup of the template stays a value."""
        parts = [value if isinstance(value, str) else printable(value) for value in values]
        size = sum(map(len, parts))
        if size > MAX_TEXT:
            raise SecurityError(f"text longer than {MAX_TEXT >> 10} KiB")
        current().spend(1, size)
        if any(isinstance(part, Markup) for part in parts):
            return Markup("").join(self.protect(part) for part in parts)
        return "".join(parts)

    def weighed(self, value: Any) -> Any:
        """Return `value`, having paid for looking through it: comparing long texts takes its time."""
        if isinstance(value, (str, list, tuple)):
            current().spend(len(value) // 1024)
        return value

    def step(self, written: int) -> str:
        """Count one turn of a loop or one call, and the template's own text that it writes."""
        current().spend(1, written)
        return ""

    # What may be reached.

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Return a key of plain data before a method of its type, and only methods that cannot do harm."""
        if type(obj) is dict or isinstance(obj, Mapping):  # the first is nearly always so, and says so at once
            if attribute in obj:
                return obj[attribute]
            return self._method(obj, attribute, _DICT_METHODS)
        if isinstance(obj, str):
            return self._method(obj, attribute, _TEXT_METHODS)
        if isinstance(obj, (list, tuple)):
            return self._method(obj, attribute, _LIST_METHODS)
        if obj is None or isinstance(obj, (int, float)):
            return self._method(obj, attribute, frozenset())
        if isinstance(obj, Undefined):
            str(obj)  # raises, and names what is unknown
        return super().getattr(obj, attribute)

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805 - as Jinja names them
        """Call what a template calls; our own counters, which no template can reach by name, at once."""
        if getattr(__obj, "__self__", None) is __self:
            return __obj(*args)
        return super().call(__context, __obj, *args, **kwargs)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """Return an item of plain data; never an attribute."""
        if isinstance(obj, (Mapping, str, list, tuple)):
            try:
                return obj[argument]
            except (TypeError, LookupError):
                return self.undefined(obj=obj, name=argument if isinstance(argument, str) else repr(argument))
        if obj is None or isinstance(obj, (int, float)):
            return self.undefined(obj=obj, name=str(argument))
        if isinstance(obj, Undefined):
            str(obj)  # raises, and names what is unknown
        return super().getitem(obj, argument)

    def _method(self, obj: Any, name: str, allowed: frozenset[str]) -> Any:
        if name in allowed:
            return getattr(obj, name)
        if not isinstance(obj, Mapping) and not name.startswith("_") and hasattr(obj, name):
            kind = "text" if isinstance(obj, str) else "a list" if isinstance(obj, (list, tuple)) else "a number"
            remedy = f"use the filter: `value | {name}`" if name in self.filters else ""
            raise SecurityError(f"`.{name}` of {kind} is not available in templates\n{remedy}")
        if name.startswith("_"):
            raise SecurityError(f"{name!r} is not available in templates")
        return self.undefined(obj=obj, name=name)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Work out `+ * ** %` on operands whose result has a bounded size; text and lists only with `+` and `*`."""
        for operand in (left, right):
            if isinstance(operand, Undefined):
                str(operand)
        numbers = isinstance(left, (int, float)) and isinstance(right, (int, float))
        if numbers:
            _bounded(operator, left, right)
            return super().call_binop(context, operator, left, right)
        if operator == "+" and isinstance(left, str) and isinstance(right, str):
            return self.joined(left, right)
        if operator == "+" and isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)):
            if len(left) + len(right) > MAX_ITEMS:
                raise SecurityError(f"list longer than {MAX_ITEMS} items")
            current().spend(1 + (len(left) + len(right)) // 32)
            return [*left, *right]
        if operator == "*" and isinstance(left, str) and isinstance(right, int):
            if len(left) * right > MAX_TEXT:
                raise SecurityError(f"text longer than {MAX_TEXT >> 10} KiB")
            current().spend(1, len(left) * max(right, 0))
            return left * right
        kinds = f"{type(left).__name__} and {type(right).__name__}"
        raise SecurityError(f"`{operator}` is not available for {kinds} in templates")

    # What may be written.

    def preprocess(self, source: str, name: str | None = None, filename: str | None = None) -> str:
        """Return the template as it is read, whoever asks for it: only lines of mere tags go without a trace."""
        return keep_line_ends(super().preprocess(source, name, filename), self)

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        template = super()._parse(source, name, filename)
        refuse(template, name, self.filters)
        return template

    def _generate(
        self, source: nodes.Template, name: str | None, filename: str | None, defer_init: bool = False
    ) -> str:
        return super()._generate(meter(source), name, filename, defer_init)


def printable(value: Any) -> str:
    """Return the text of a value that can be shown; a list, a mapping and nothing at all cannot."""
    if isinstance(value, str):
        return value
    if isinstance(value, Undefined):
        return str(value)  # raises, and names what is unknown
    if isinstance(value, (bool, int, float)):
        return str(value)
    if value is None:
        raise ValueError("nothing to show: the value is empty\nsay what stands there: `| default('...', true)`")
    if isinstance(value, (list, tuple)):
        raise ValueError("a list cannot be shown as it is\nloop over it, or use `| join(', ')`")
    if isinstance(value, Mapping):
        raise ValueError("a group of facts cannot be shown as it is\nname one of its facts, as in `contact.first_name`")
    raise ValueError(f"a value of type {type(value).__name__} cannot be shown")


def _range(*bounds: int) -> range:
    made = range(*bounds)
    if len(made) > MAX_RANGE:
        raise SecurityError(f"range longer than {MAX_RANGE} items")
    return made


def _bounded(operator: str, left: Any, right: Any) -> None:
    """Refuse whole numbers that would grow without bound; a product of floats is bounded by itself."""
    bits = [abs(side).bit_length() if isinstance(side, int) else 1 for side in (left, right)]
    if operator == "**" and isinstance(right, int):
        size = bits[0] * abs(right)
    elif operator == "**":
        size = 0 if abs(right) <= _MAX_BITS else _MAX_BITS + 1
    else:
        size = sum(bits)
    if size > _MAX_BITS:
        raise SecurityError(f"a number too large: {str(left)[:20]} {operator} {str(right)[:20]}")
