"""What the models refuse, in words for people; knows pydantic's error types and the keys of the file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from campaigns.definition import (
    ByHand,
    Campaign,
    ChannelWording,
    Corrects,
    Courtesy,
    Media,
    NoKey,
    Offer,
    Pain,
    Persona,
    Senders,
    Stage,
    Step,
    ThreadPost,
    Touch,
    UnreadableError,
    Variant,
    WaitFor,
)
from campaigns.errors import suggestion
from campaigns.loader.reading import Document, Path

_OWNERS: tuple[tuple[type[BaseModel], str], ...] = (
    (Campaign, "the campaign itself"),
    (Stage, "a stage"),
    (Touch, "a touch"),
    (Offer, "an offer"),
    (Persona, "a persona"),
    (Courtesy, "`courtesy`"),
    (Senders, "`senders`"),
    (Media, "an entry of `media`"),
    (ThreadPost, "an entry of `thread`"),
    (Pain, "an entry of `pains`"),
    (WaitFor, "`wait_for`"),
    (ByHand, "`by_hand`"),
    (Corrects, "`corrects`"),
    (Step, "an entry of `steps`"),
    (Variant, "an entry of `variants`"),
    (ChannelWording, "an entry of `by_channel`"),
)

# What a missing key is for, and how it is written.
_NEEDED = {
    (Campaign, "campaign"): ("every campaign needs an id that never changes", "write it as campaign: valentines"),
    (Campaign, "stages"): (
        "every campaign needs at least one stage",
        "write `stages:` and below it - stage: awareness",
    ),
    (Stage, "stage"): ("every stage needs a name", "write it as stage: awareness"),
    (Stage, "kind"): (
        "every stage is of one of six kinds",
        "write one of awareness, consideration, conversion, retention, loyalty, advocacy",
    ),
    (Touch, "id"): ("every touch needs an id, which history hangs on", "write it as id: offer-email"),
    (Touch, "channel"): ("every touch goes somewhere", "write it as channel: email"),
    (Offer, "terms"): ("every offer says what it offers", "write it as terms: free delivery"),
    (Media, "file"): ("every picture or video is a file", "write it as file: media/ring.jpg"),
    (Pain, "kind"): ("every pain is of one of four kinds", "write one of financial, productivity, process, support"),
    (Pain, "text"): ("every pain needs its words", "write it as text: does not know her size"),
    (Step, "id"): ("every step needs an id, which history hangs on", "write it as id: second-mail"),
    (Corrects, "touch"): ("a correction says whose words were wrong", "write it as touch: offer-email"),
    (WaitFor, "event"): ("something is waited for", "write it as event: review"),
    (WaitFor, "within"): ("no wait is endless", "write it as within: 7 days"),
}

# Words people use for a key, where difflib would not find it.
_SYNONYMS: dict[type[BaseModel], dict[str, str]] = {
    Campaign: {
        "id": "campaign", "name": "campaign", "tz": "timezone", "lang": "language", "locale": "language",
        "steps": "stages", "phases": "stages", "start": "starts", "end": "ends", "from": "starts", "until": "ends",
        "segment": "audience", "coupons": "offers", "sender": "senders", "version": "campaign",
    },
    Stage: {"name": "stage", "id": "stage", "type": "kind", "title": "stage", "messages": "touches", "date": "when"},
    Touch: {
        "name": "id", "type": "channel", "network": "channel", "date": "when", "day": "when", "time": "at",
        "hour": "at", "body": "text", "message": "text", "content": "text", "image": "media", "images": "media",
        "picture": "media", "video": "media", "photo": "media", "trigger": "on", "event": "on", "segment": "audience",
        "to": "audience", "coupon": "offer", "code": "offer", "file": "template", "if": "audience",
    },
    Offer: {"text": "terms", "description": "terms", "starts": "from", "ends": "until", "to": "until"},
    Corrects: {"id": "touch", "of": "touch", "versions": "version", "after": "since", "until": "before"},
    Persona: {"name": "says", "description": "says", "pains": "problems"},
    Senders: {"from": "email", "mail": "email", "address": "postal_address", "opt_out": "unsubscribe"},
    ThreadPost: {"body": "text", "message": "text", "image": "media", "images": "media", "picture": "media"},
    Media: {"path": "file", "url": "file", "src": "file", "text": "alt", "description": "alt"},
}  # fmt: skip


@cache
def aliases(model: type[BaseModel]) -> dict[str, Any]:
    """Return the keys of a model as they are written in the file, with their types."""
    return {
        field.alias or name: field.annotation
        for name, field in model.model_fields.items()
        if not any(isinstance(one, NoKey) for one in field.metadata)
    }


def model_at(path: Path) -> type[BaseModel] | None:
    """Return the model of the mapping that stands at `path`, or None where it is no model's."""
    model: type[BaseModel] | None = Campaign
    inside: Any = None
    for part in path:
        if model is None:
            model = inside if isinstance(inside, type) else None
            continue
        if part not in aliases(model):
            return None
        inside = next(_models(aliases(model)[str(part)]), None)
        model = inside if inside is not None and _is_single(aliases(model)[str(part)]) else None
    return model


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)


def _is_single(annotation: object) -> bool:
    """Whether the model stands at the key itself, not in a list or a mapping below it."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return True
    return get_origin(annotation) in (Union, UnionType) and any(_is_single(inner) for inner in get_args(annotation))


def report(document: Document, error: ValidationError) -> None:
    """Report every error of the models beside its line; what was reported already, or only follows, is left out."""
    details = error.errors(include_url=False)
    meant = {_meant(detail["loc"]) for detail in details if detail["type"] == "extra_forbidden"}
    for detail in details:
        path = tuple(part for part in detail["loc"] if part != "[key]")
        cause = (detail.get("ctx") or {}).get("error")
        if document.is_broken(path) or (isinstance(cause, UnreadableError) and cause.follows):
            document.broken.add(path)
            continue
        if detail["type"] == "too_short" and detail["input"]:
            continue  # its entries are there and were refused one by one
        if detail["type"] == "missing" and path in meant:
            continue  # it is there under a wrong name
        _report(document, dict(detail), path, on_key=detail["loc"][-1:] == ("[key]",))
        if detail["type"] != "extra_forbidden":
            document.broken.add(path)


def _report(document: Document, detail: Mapping[str, Any], path: Path, *, on_key: bool) -> None:
    kind = detail["type"]
    cause = (detail.get("ctx") or {}).get("error")
    key = next((str(part) for part in reversed(path) if isinstance(part, str)), "campaign")
    place = document.value_place(path)
    code = "value"
    if kind == "extra_forbidden":
        code, place = "unknown-key", document.key_place(path)
        message, remedy = _unknown_key(path)
    elif kind == "missing":
        code, place = "missing-key", document.key_place(path[:-1])
        message, remedy = _missing(path)
    elif isinstance(cause, UnreadableError):
        if on_key:
            place = document.key_place(path)
        elif cause.at is not None or cause.entry is not None:
            place = document.value_place(path if cause.entry is None else (*path, cause.entry), cause.at)
        message, remedy = f"`{key}`: {cause.message}", cause.remedy
    elif kind in ("literal_error", "enum"):
        message, remedy = _choice(key, detail)
    elif kind == "too_short":
        message, remedy = (
            f"`{key}` is empty",
            _NEEDED.get((Campaign, key), ("", "write at least one entry, or remove it"))[1],
        )
    else:
        message, remedy = _wrong_shape(key, path, kind, detail)
    document.source.report(code, message, place, remedy)


def _unknown_key(path: Path) -> tuple[str, str]:
    key = str(path[-1])
    model = model_at(path[:-1]) or Campaign
    bare = key.replace("\u00a0", " ").strip()
    known = aliases(model)
    if bare != key and bare in known:
        return f"the key `{bare}` has an invisible space beside it", f"type `{bare}` again, and a colon right after it"
    owners = [owner for other, owner in _OWNERS if other is not model and key in aliases(other)]
    if owners and key.casefold() not in _SYNONYMS.get(model, {}):
        return f"`{key}` belongs to {owners[0]}, not to {_name(model)}", f"move it to {owners[0]}"
    near = _near(model, key)
    if near:
        return f"unknown key `{key}`", f"did you mean `{near}`?"
    return f"unknown key `{key}` in {_name(model)}", f"use one of {', '.join(sorted(known))}"


@lru_cache(maxsize=1024)
def _near(model: type[BaseModel], key: str) -> str:
    """Return the key of the model that is meant by an unknown one; empty when none is near."""
    found = suggestion(key, aliases(model)).partition("'")[2].partition("'")[0]
    return _SYNONYMS.get(model, {}).get(key.casefold(), "") or found


def _meant(location: tuple[str | int, ...]) -> Path:
    return (*location[:-1], _near(model_at(location[:-1]) or Campaign, str(location[-1])))


def _name(model: type[BaseModel]) -> str:
    return next(name for other, name in _OWNERS if other is model)


def _missing(path: Path) -> tuple[str, str]:
    key = str(path[-1])
    model = model_at(path[:-1]) or Campaign
    why, remedy = _NEEDED[(model, key)]
    return f"missing key `{key}`: {why}", remedy


def _choice(key: str, detail: Mapping[str, Any]) -> tuple[str, str]:
    expected = re.findall(r"'([^']*)'", str((detail.get("ctx") or {}).get("expected", "")))
    value = detail["input"]
    got = f"'{value}'" if isinstance(value, str) else "a list" if isinstance(value, list) else "keys and values"
    near = suggestion(value, expected) if isinstance(value, str) else ""
    return f"`{key}`: expected one of {', '.join(expected)}, got {got}", near or f"write {expected[0]}, for example"


def _wrong_shape(key: str, path: Path, kind: str, detail: Mapping[str, Any]) -> tuple[str, str]:
    value = detail["input"]
    got = (
        "a list"
        if isinstance(value, (list, tuple))
        else "keys and values"
        if isinstance(value, Mapping)
        else f"'{value}'"
    )
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        where = "after each dash" if path and isinstance(path[-1], int) else "below it"
        return f"`{key}`: expected keys and values {where}, got {got}", "write them as `key: value`, one a line"
    if kind in ("tuple_type", "list_type"):
        return f"`{key}`: expected a list, got {got}", "write each entry on its own line after a dash"
    return f"`{key}`: cannot read {got}", "see the campaign file's reference"
