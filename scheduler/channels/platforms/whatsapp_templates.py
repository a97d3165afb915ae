"""The templates of a WhatsApp account, and which of them a text is: its wording with the gaps filled.

Source: https://developers.facebook.com/docs/whatsapp/business-management-api/message-templates (2026-11).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

APPROVED = "APPROVED"

_NAME = re.compile(r"[a-z0-9_]{1,512}\Z")
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:_[A-Za-z]{2,4})?\Z")
_GAP = re.compile(r"\{\{\s*([A-Za-z0-9_]{1,60})\s*\}\}")
_BUTTONS = frozenset({"URL", "PHONE_NUMBER", "QUICK_REPLY"})


@dataclass(frozen=True, slots=True)
class Template:
    """One template in one language: the words between its gaps, one more than these, and what the gaps are called."""

    name: str
    language: str
    status: str
    category: str
    words: tuple[str, ...]
    gaps: tuple[str, ...]
    is_named: bool

    def __str__(self) -> str:
        return f"{self.name!r} ({self.language})"


@dataclass(frozen=True, slots=True)
class Filled:
    """A template with what stands in each of its gaps, each gap once."""

    template: Template
    values: tuple[tuple[str, str], ...]

    def parameters(self) -> list[dict[str, str]]:
        """Return the values as a message carries them: by the names of their gaps, or in the order of their numbers."""
        if self.template.is_named:
            return [{"type": "text", "parameter_name": gap, "text": text} for gap, text in self.values]
        numbered = sorted(self.values, key=lambda value: (len(value[0]), value[0]))
        return [{"type": "text", "text": text} for _, text in numbered]


def read(item: object) -> Template | None:
    """Return a template of the account's list; None for one that needs more than a text: media, codes, a catalog."""
    fields: Mapping[str, object] = item if isinstance(item, Mapping) else {}
    name, language = str(fields.get("name", "")), str(fields.get("language", ""))
    listed = fields.get("components")
    components = [part for part in (listed if isinstance(listed, list) else ()) if isinstance(part, Mapping)]
    body = next((str(part.get("text", "")) for part in components if part.get("type") == "BODY"), "")
    if not _NAME.match(name) or not _LANGUAGE.match(language) or not body or fields.get("category") == "AUTHENTICATION":
        return None
    if not all(_is_fixed(part) for part in components):
        return None
    pieces = _GAP.split(plain(body))
    return Template(
        name,
        language,
        str(fields.get("status", "")),
        str(fields.get("category", "")),
        tuple(pieces[::2]),
        tuple(pieces[1::2]),
        fields.get("parameter_format") == "NAMED",
    )


def matching(templates: Sequence[Template], text: str, purpose: str) -> Filled | None:
    """Return the template that a text is an instance of: an approved one first, then that with the fewest gaps."""
    whole = plain(text)
    found = [Filled(one, values) for one in templates if (values := _filled(one, whole)) is not None]

    def order(filled: Filled) -> tuple[bool, int, bool, str, str]:
        one = filled.template
        loose = sum(len(value) for _, value in filled.values)
        return one.status != APPROVED, loose, one.category != _CATEGORIES.get(purpose), one.name, one.language

    return min(found, key=order, default=None)


def nearest(templates: Sequence[Template], text: str) -> Template | None:
    """Return the template whose words are most like a text; None where none is like it."""
    whole = plain(text)

    def likeness(one: Template) -> float:
        return SequenceMatcher(None, " ".join(one.words), whole, autojunk=False).ratio()

    best = max(templates, key=likeness, default=None)
    return best if best is not None and likeness(best) >= 0.5 else None


def plain(text: str) -> str:
    """Return a text as it is compared: composed accents, no blanks at the ends of its lines."""
    lines = unicodedata.normalize("NFC", text).split("\n")
    return "\n".join(line.rstrip() for line in lines).strip()


_CATEGORIES = {"marketing": "MARKETING", "transactional": "UTILITY"}


def _is_fixed(part: Mapping[str, object]) -> bool:
    """Whether a part of a template, its body aside, is the same in every message."""
    match part.get("type"):
        case "BODY" | "FOOTER":
            return True
        case "HEADER":
            return part.get("format") == "TEXT" and "{{" not in str(part.get("text", ""))
        case "BUTTONS":
            buttons = part.get("buttons")
            return isinstance(buttons, list) and all(
                isinstance(one, Mapping) and one.get("type") in _BUTTONS and "{{" not in str(one.get("url", ""))
                for one in buttons
            )
    return False


def _filled(template: Template, text: str) -> tuple[tuple[str, str], ...] | None:
    """Return what stands in the gaps; None where the text is not this template.

    Each word of the template is taken where it stands first: whatever way the text is cut, it reads the same.
    """
    found: dict[str, str] = {}
    for gap, value in zip(template.gaps, _values(template.words, text), strict=False):
        if value is None or found.setdefault(gap, value) != value:
            return None
    return tuple(found.items()) if template.gaps or text == template.words[0] else None


def _values(words: tuple[str, ...], text: str) -> Iterator[str | None]:
    """Yield what stands between the words, None where they do not follow each other."""
    first, *rest = words
    if not text.startswith(first):
        yield None
        return
    at = len(first)
    for place, word in enumerate(rest):
        last = place == len(rest) - 1
        end = len(text) - len(word) if last else text.find(word, at + 1)
        if end <= at or not text.endswith(word if last else ""):
            yield None
            return
        yield text[at:end]
        at = end + len(word)
