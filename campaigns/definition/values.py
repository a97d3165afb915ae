"""How one value of the file is read and written back: texts, ids, facts, numbers, feelings; no references, no models.

Every scalar arrives as text. A value that cannot be read raises `UnreadableError`, which the loader puts
beside its line.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BeforeValidator, GetJsonSchemaHandler, PlainSerializer, ValidationInfo, WithJsonSchema
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from campaigns.definition.names import Names
from campaigns.definition.vocabulary import CHANNELS
from campaigns.errors import suggestion
from campaigns.timing.model import Span


class PlainText(str):
    """Text that stood unquoted in the file, so that a free fact (`age: 29`) may be read as a number."""

    __slots__ = ()


class UnreadableError(ValueError):
    """A value of the file that cannot be read: message and remedy.

    `at` is the offset of the unreadable word in a text, `entry` the index of the unreadable entry of a list. `follows`
    marks a value that is unreadable only because of another mistake, which is reported in its stead.
    """

    def __init__(
        self, message: str, *, remedy: str, at: int | None = None, entry: int | None = None, follows: bool = False
    ) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.at = at
        self.entry = entry
        self.follows = follows


@dataclass(frozen=True, slots=True)
class Feeling:
    """How a stage feels: -2 (bad) to 2 (good), and a word for it."""

    score: int
    word: str = ""

    def __str__(self) -> str:
        return f"{self.score} {self.word}".strip()


@dataclass(frozen=True, slots=True)
class Again:
    """Re-entry: `each` event (or each value of the event's `key`), `never`, or `after` a span since the last run."""

    rule: Literal["each", "never", "after"] = "each"
    key: str = ""
    span: Span | None = None

    def __str__(self) -> str:
        if self.rule == "never":
            return "never"
        return f"after {self.span}" if self.rule == "after" else f"each {self.key or 'event'}"


def shown(value: object) -> str:
    """Describe a value in an error message: a text in quotes and cut to 60 characters, else what it is."""
    if isinstance(value, str):
        text = value if len(value) <= 60 else value[:57] + "..."
        return f"'{text.translate(_CONTROL)}'"
    if isinstance(value, Mapping):
        return "keys and values"
    return "a list" if isinstance(value, (list, tuple)) else f"{value}"


_CONTROL = dict.fromkeys((*range(32), 127), " ")


def text(value: object) -> str:
    """Take a text as it stands; anything else is refused."""
    if isinstance(value, str):
        return str(value)
    raise UnreadableError(f"expected text, got {shown(value)}", remedy="write one value after the colon")


def slug(words: str, joint: str) -> str:
    """Return words as small ASCII letters and digits with `joint` between them; empty when nothing is left."""
    bare = unicodedata.normalize("NFKD", words.strip().lower()).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", joint, bare).strip(joint)[:64].rstrip(joint)


def _id(value: object, info: ValidationInfo) -> str:
    written = text(value)
    # What a touch for several channels is called by us stands in what was applied, and in no file.
    known = written.partition(OF_CHANNEL)[0] if isinstance(info.context, Names) and info.context.applied else written
    if not re.fullmatch(_ID, known):
        raise UnreadableError(
            f"expected an id of small letters, digits and dashes, got {shown(written)}",
            remedy=f"write it as {slug(written, '-') or 'offer-email'}",
        )
    return written


def _key(value: object) -> str:
    written = text(value)
    if not re.fullmatch(_KEY, written):
        near = slug(written, "_").lstrip("0123456789_")
        raise UnreadableError(
            f"expected a name of small letters, digits and _, got {shown(written)}",
            remedy=f"write it as {near or 'cart_abandoned'}",
        )
    return written


def _stage(value: object) -> str:
    written = text(value)
    if not re.fullmatch(_STAGE, written):
        raise UnreadableError(
            f"expected a name of at most 64 characters without a slash, got {shown(written)}",
            remedy=f"write it as {written.strip().replace('/', '-').splitlines()[0][:64] or 'awareness'}",
        )
    return written


class OneOrMany:
    """In the JSON Schema, a list that may be written as its only entry.

    `also` are other forms of an entry, `instead` other forms of the whole.
    """

    def __init__(self, *also: dict[str, object], instead: tuple[dict[str, object], ...] = ()) -> None:
        self.also = also
        self.instead = instead

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Return a choice of one entry and the list of entries."""
        many = handler(core)
        entries = [many["items"], *self.also]
        entry = {"anyOf": entries} if self.also else entries[0]
        return {"anyOf": [*entries, *self.instead, {**many, "items": entry}]}


def listed(value: object) -> object:
    """Take one value where a list is meant as a list of one."""
    return (value,) if isinstance(value, (str, Mapping)) else value


def _feeling(value: object) -> Feeling:
    if isinstance(value, Feeling):
        return value
    number, _, word = text(value).strip().partition(" ")
    if not re.fullmatch(r"[-+−]?[0-2]", number):
        raise UnreadableError(
            f"expected a feeling from -2 to 2 and a word for it, got {shown(value)}", remedy="write it as: 1 curious"
        )
    return Feeling(int(number.replace("−", "-")), word.strip())


def _percent(value: object) -> Decimal:
    if isinstance(value, Decimal):
        return value
    digits = text(value).strip().removesuffix("%").strip()
    if not re.fullmatch(r"\d{1,2}(\.\d{1,4})?", digits):
        raise UnreadableError(f"expected a percentage below 100, got {shown(value)}", remedy="write it as 10%")
    return Decimal(digits)


def _truth(value: object) -> bool:
    answers = {"true": True, "yes": True, "false": False, "no": False}
    if isinstance(value, bool):
        return value
    if not isinstance(value, str) or value.strip().lower() not in answers:
        raise UnreadableError(f"expected true or false, got {shown(value)}", remedy="write true or false")
    return answers[value.strip().lower()]


def whole(low: int, high: int) -> Callable[[object], int]:
    """Return a validator of whole numbers from `low` to `high`, both included."""

    def check(value: object) -> int:
        if isinstance(value, int) and not isinstance(value, bool):
            number: int | None = value
        else:
            number = int(value) if isinstance(value, str) and re.fullmatch(r"-?\d{1,9}", value.strip()) else None
        if number is None or not low <= number <= high:
            raise UnreadableError(
                f"expected a whole number from {low} to {high}, got {shown(value)}",
                remedy=f"write a number such as {max(low, min(high, 10))}",
            )
        return number

    return check


def fact(value: object) -> object:
    """Read an unquoted scalar as YAML 1.2 would: number, true, false or text; quoted text stays text.

    What would not be written back alike stays text: `0123`, `+33612345678`, `1e5`. A list holds such values, or groups
    of them: the products of an order.
    """
    if isinstance(value, PlainText):
        if re.fullmatch(r"-?(0|[1-9]\d{0,14})", value):
            return int(value)
        if re.fullmatch(r"-?(0|[1-9]\d{0,14})\.\d{1,10}", value):
            return float(value)
        if value in ("true", "false"):
            return value == "true"
        return str(value)
    if isinstance(value, (list, tuple)):
        return tuple(_item(item) for item in value)
    return _single(value)


def _item(value: object) -> object:
    return {str(key): _single(one) for key, one in value.items()} if isinstance(value, Mapping) else _single(value)


def _single(value: object) -> object:
    if isinstance(value, PlainText):
        return fact(value)
    if isinstance(value, (str, int, float, bool)):
        return value
    raise UnreadableError(
        f"expected one value or a list of values, got {shown(value)}",
        remedy="write one value a key; only a list may hold groups, as in items: [{name: Ring, price: 20}]",
    )


def written(value: object) -> object:
    """Write a value back as the text it is read from."""
    return None if value is None else str(value)


def channel(value: object) -> str:
    """Check the name of a channel."""
    written = text(value)
    if written not in CHANNELS:
        near = suggestion(written, CHANNELS)
        raise UnreadableError(
            f"unknown channel {shown(value)}", remedy=near or f"choose one of {', '.join(sorted(CHANNELS))}"
        )
    return written


TEXT_SCHEMA = WithJsonSchema({"type": ["string", "number"]})
_SCALARS = ["string", "number", "boolean"]
_GROUP = {"type": "object", "additionalProperties": {"type": _SCALARS}}
_ITEMS = {"type": "array", "items": {"anyOf": [{"type": _SCALARS}, _GROUP]}}
_FACT_SCHEMA = WithJsonSchema({"anyOf": [{"type": _SCALARS}, _ITEMS]})


def _pattern(regex: str) -> WithJsonSchema:
    return WithJsonSchema({"type": ["string", "number"], "pattern": f"^(?:{regex})$"})


# Between the id of a touch in the file and what we add to it: the channel where it goes to several, and the part where
# posts hang on it (`launch.mastodon.2`, `launch.comment`). No id of a file has one.
OF_CHANNEL = "."
COMMENT = "comment"  # the part that is the first comment; those of a thread are numbers from 2
_ID = r"[a-z0-9][a-z0-9-]{0,63}"
_STAGE = r"[^\s/][^/\r\n]{0,63}"
_KEY = r"[a-z][a-z0-9_]{0,63}"

Text = Annotated[str, BeforeValidator(text), TEXT_SCHEMA]
Texts = Annotated[tuple[Text, ...], BeforeValidator(listed), OneOrMany()]
Id = Annotated[str, BeforeValidator(_id), _pattern(_ID)]
StageName = Annotated[str, BeforeValidator(_stage), _pattern(_STAGE)]
EventKey = Annotated[str, BeforeValidator(_key), _pattern(_KEY)]


def _whole_schema(low: int, high: int) -> WithJsonSchema:
    return WithJsonSchema({"type": "integer", "minimum": low, "maximum": high})


Weight = Annotated[int, BeforeValidator(whole(0, 1000)), _whole_schema(0, 1000)]
Priority = Annotated[int, BeforeValidator(whole(0, 100)), _whole_schema(0, 100)]
Headcount = Annotated[int, BeforeValidator(whole(0, 10_000)), _whole_schema(0, 10_000)]
Felt = Annotated[Feeling, BeforeValidator(_feeling), PlainSerializer(written), TEXT_SCHEMA]
Percent = Annotated[Decimal, BeforeValidator(_percent), PlainSerializer(written), TEXT_SCHEMA]
Single = str | int | float | bool
Fact = Annotated[Single | tuple[Single | dict[str, Single], ...], BeforeValidator(fact), _FACT_SCHEMA]
Truth = Annotated[bool, BeforeValidator(_truth), WithJsonSchema({"enum": [True, False, "yes", "no"]})]


def meant_by(touch: str) -> tuple[str, ...]:
    """Return the names that mean a touch: that in the file, that of the post it hangs on, its own; in this order."""
    parts = touch.split(OF_CHANNEL)
    return tuple(OF_CHANNEL.join(parts[:length]) for length in range(1, len(parts) + 1))
