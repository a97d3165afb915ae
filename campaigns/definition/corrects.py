"""Which words a correction corrects: of which touches, by their version or by when they were sent."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, GetJsonSchemaHandler, ValidationInfo, WithJsonSchema
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from campaigns.definition.names import Names
from campaigns.definition.references import known
from campaigns.definition.values import OF_CHANNEL, TEXT_SCHEMA, OneOrMany, UnreadableError, listed, shown, text
from campaigns.timing import zones

VERSION_LENGTH = 8
_VERSION = re.compile(r"[0-9a-f]{8}\Z")


def _touch(value: object, info: ValidationInfo) -> str:
    """Take the id of a touch or step; of a touch for several channels also one of its parts."""
    written = text(value)
    names = info.context if isinstance(info.context, Names) else Names()
    known("touch", written if names.applied else written.partition(OF_CHANNEL)[0], names.touches)
    return written


def _version(value: object) -> str:
    written = text(value)
    if _VERSION.match(written) is None:
        raise UnreadableError(
            f"expected a version of 8 letters and digits, got {shown(written)}",
            remedy="`campaign correct CAMPAIGN/TOUCH` shows the versions that were sent",
        )
    return written


def _moment(value: object) -> str:
    written = text(value).strip()
    try:
        datetime.fromisoformat(written)
    except ValueError:
        raise UnreadableError(
            f"expected a date and a time, got {shown(written)}", remedy="write it as 2027-01-21 09:30"
        ) from None
    return written


TouchName = Annotated[str, BeforeValidator(_touch), TEXT_SCHEMA]
Version = Annotated[
    str, BeforeValidator(_version), WithJsonSchema({"type": ["string", "number"], "pattern": "^[0-9a-f]{8}$"})
]
DayAndTime = Annotated[str, BeforeValidator(_moment), TEXT_SCHEMA]


class Corrects(BaseModel):
    """The wrong words: those of `touch`, of all versions or some, sent at any time or within `since` and `before`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    touch: Annotated[tuple[TouchName, ...], BeforeValidator(listed), OneOrMany()] = Field(
        min_length=1, description="The touch whose words were wrong, by its id"
    )
    version: Annotated[tuple[Version, ...], BeforeValidator(listed), OneOrMany()] = Field(
        (), description="Which of its wordings, as `campaign correct` shows them: 1a2b3c4d"
    )
    since: DayAndTime | None = Field(
        None, description="Only what began to go at this moment or later: 2027-01-21 09:30"
    )
    before: DayAndTime | None = Field(None, description="Only what began to go before this moment: 2027-01-21 11:00")

    @property
    def names_words(self) -> bool:
        """Whether it says which words are meant; else they are those the touch had before it was edited."""
        return bool(self.version or self.since or self.before)

    def span(self, zone: str) -> tuple[datetime | None, datetime | None]:
        """Return from when (inclusive) and until when (exclusive) the wrong words went, aware; read in `zone`."""
        return _aware(self.since, zone), _aware(self.before, zone)


def _aware(written: str | None, zone: str) -> datetime | None:
    if written is None:
        return None
    moment = datetime.fromisoformat(written)
    return moment if moment.tzinfo is not None else zones.instant(moment.date(), moment.time(), zone)


def _corrects(value: object) -> object:
    return {"touch": value} if isinstance(value, (str, list, tuple)) else value


class _OrText:
    """In the JSON Schema, a mapping that may be written as one text or as a list of texts."""

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Return a choice of a text, a list of texts and the mapping."""
        own = handler(core)
        short = {"type": "string"}, {"type": "array", "items": {"type": "string"}}
        return {"anyOf": [*short, *own.get("anyOf", (own,))]}


CorrectsOrTouch = Annotated[Corrects | None, BeforeValidator(_corrects), _OrText()]
