"""Which styles an element of a finished mail has: its own, and by night those of the dark form of its layout.

Styles of the day are inline in a finished mail; what stays in its <style> are the forms for phones and for the dark.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_DARK = re.compile(r"@media[^{]*\(\s*prefers-color-scheme\s*:\s*dark\s*\)[^{]*\{", re.IGNORECASE)
_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_SIMPLE = re.compile(r"(\*|[a-z][a-z0-9]*)?((?:\.[\w-]+)*)", re.IGNORECASE)

Declaration = tuple[str, str, bool]  # name, value, whether it is !important


@dataclass(frozen=True, slots=True)
class Element:
    """A tag where it stands: inside which, and after which of the same parent."""

    tag: str
    classes: frozenset[str]
    parent: Element | None
    before: Element | None


@dataclass(frozen=True, slots=True)
class DarkRule:
    """One selector of the dark form: tags and classes, each with what joins it to the one before."""

    steps: tuple[tuple[str, str, frozenset[str]], ...]  # " ", ">" or "+", tag, classes
    declarations: tuple[Declaration, ...]

    @property
    def weight(self) -> tuple[int, int]:
        """How specific it is: the number of its classes, then of its tags."""
        return sum(len(classes) for _, _, classes in self.steps), sum(bool(tag) for _, tag, _ in self.steps)

    def fits(self, element: Element) -> bool:
        """Whether the selector means this element."""
        return _fits(self.steps, element)


def _fits(steps: tuple[tuple[str, str, frozenset[str]], ...], element: Element | None) -> bool:
    joined, tag, classes = steps[-1]
    if element is None or (tag and tag != element.tag) or not classes <= element.classes:
        return False
    if len(steps) == 1:
        return True
    if joined != " ":
        return _fits(steps[:-1], element.before if joined == "+" else element.parent)
    above = element.parent
    while above is not None and not _fits(steps[:-1], above):
        above = above.parent
    return above is not None


def dark_rules(html: str) -> tuple[DarkRule, ...]:
    """Return the rules of a mail's dark form, the weightiest last; selectors of more than tags and classes are not."""
    found: list[DarkRule] = []
    for block in _blocks(_COMMENT.sub("", html)):
        for rule in _RULE.finditer(block):
            declared = tuple(declarations(rule[2]))
            found += [DarkRule(steps, declared) for one in rule[1].split(",") if (steps := _steps(one))]
    return tuple(sorted(found, key=lambda one: one.weight))


def _blocks(html: str) -> Iterator[str]:
    for begins in _DARK.finditer(html):
        depth = 1
        for brace in re.finditer(r"[{}]", html[begins.end() :]):
            depth += 1 if brace[0] == "{" else -1
            if depth == 0:
                yield html[begins.end() : begins.end() + brace.start()]
                break


def _steps(selector: str) -> tuple[tuple[str, str, frozenset[str]], ...]:
    """Return a selector's steps, none where one of them is more than tag and classes."""
    steps: list[tuple[str, str, frozenset[str]]] = []
    joined = " "
    for word in re.sub(r"\s*([>+])\s*", r" \1 ", selector).split():
        if word in (">", "+"):
            joined = word
            continue
        simple = _SIMPLE.fullmatch(word)
        if simple is None:
            return ()
        tag = (simple[1] or "").lower().strip("*")
        steps.append((joined, tag, frozenset(filter(None, simple[2].split(".")))))
        joined = " "
    return tuple(steps)


def settled(own: str, element: Element, dark: Iterable[DarkRule]) -> list[tuple[str, str]]:
    """Return what is declared for an element whose `style` is `own`, that which counts last (CSS Cascade 4, 6.1)."""
    inline = list(declarations(own))
    night = [one for rule in dark if rule.fits(element) for one in rule.declarations]
    layers = ((night, False), (inline, False), (night, True), (inline, True))
    return [(name, value) for layer, strong in layers for name, value, important in layer if important is strong]


def declarations(style: str) -> Iterator[Declaration]:
    """Yield the declarations of a `style`, in lower case."""
    for part in style.split(";"):
        name, _, value = part.partition(":")
        said = value.strip().lower()
        yield name.strip().lower(), said.removesuffix("!important").strip(), said.endswith("!important")
