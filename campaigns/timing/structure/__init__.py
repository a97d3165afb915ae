"""Structured timings: the mapping form of everything a phrase can say, read from a file and written as JSON.

`{days: [3, 5], after: previous}`, `{weeks: 2, before: {occasion: valentines-day}}`,
`{period: {part: start, of: month, month: 1}}`, `{between: [{event: purchase}, {event: delivered}]}`.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from dataclasses import replace

from campaigns.timing.model import Anchor, Offset, Previous, Relation, Repeat, Timing, Unit
from campaigns.timing.structure import anchors
from campaigns.timing.structure.anchors import Names
from campaigns.timing.structure.values import clock_of, mapping_of, number_of, rule_of

MAX_AMOUNT = 3660

_RELATIONS = {
    "on": Relation.ON,
    "before": Relation.BEFORE,
    "by": Relation.BY,
    "after": Relation.AFTER,
    "from": Relation.FROM,
    "about": Relation.ABOUT,
    "within": Relation.WITHIN,
    "between": Relation.BETWEEN,
}
_UNITS = {unit.value: unit for unit in Unit}
_KEYS = (*_RELATIONS, *_UNITS, *anchors.KEYS, *anchors.MODIFIERS, "at", "repeat", "phrase", "language")
_ELSEWHERE = {
    "pick": "write `pick:` beside `when:`, in the touch or stage",
    "expires": "write `expires:` beside `when:`, in the touch",
    "on_blocked": "write `on_blocked:` beside `when:`, in the touch",
}


def read(
    data: Mapping[str, object],
    *,
    language: str = "en",
    country: str | None = None,  # noqa: ARG001 - as in phrases.parse
    events: Collection[str] = (),
    occasions: Collection[str] = (),
) -> Timing:
    """Read the mapping form of a timing; numbers may be text, as they come from a file.

    Raises: ValueError with a message for the author; PhraseError where an anchor is written in words that say nothing.
    """
    names = Names(language, frozenset(events), frozenset(occasions))
    timing = _timing(data, names)
    phrase, spoken = data.get("phrase"), data.get("language", language)
    if phrase is not None and not isinstance(phrase, str):
        raise ValueError(f"expected the phrase as text, got {phrase!r}")
    return replace(timing, phrase=phrase or "", language=str(spoken))


def write(timing: Timing) -> dict[str, object]:
    """Return the mapping form, of texts, numbers, lists and mappings only; `read(write(t)) == t`."""
    data: dict[str, object] = {}
    offset = timing.offset
    if offset is not None:
        data[offset.unit.value] = offset.low if offset.low == offset.high else [offset.low, offset.high]
    anchor = anchors.write(timing.anchor)
    if timing.relation is Relation.BETWEEN and timing.second is not None:
        data["between"] = [anchor, anchors.write(timing.second)]
    elif timing.relation is Relation.OFFSET and offset is not None:
        data["before" if offset.sign < 0 else "after"] = anchor
    elif timing.relation is Relation.ON and isinstance(anchor, dict):
        data.update(anchor)
    else:
        data[timing.relation.value] = anchor
    if timing.at is not None:
        data["at"] = timing.at.isoformat("auto" if timing.at.second else "minutes")
    if timing.repeat is not None:
        data["repeat"] = _write_repeat(timing.repeat)
    if timing.phrase:
        data["phrase"] = timing.phrase
    if timing.phrase or timing.language != "en":
        data["language"] = timing.language
    return data


def _timing(data: Mapping[str, object], names: Names) -> Timing:
    _check_keys(data)
    offset = _offset(data)
    relation, anchor, second = _place(data, names, counted=offset is not None)
    if offset is not None and relation is Relation.BEFORE:
        relation, offset = Relation.OFFSET, replace(offset, sign=-1)
    elif offset is not None and relation is Relation.AFTER:
        relation = Relation.OFFSET
    elif offset is not None and relation is not Relation.WITHIN:
        raise ValueError(f"a number of {offset.unit.value} needs `after:`, `before:` or `within:`, got `{relation}:`")
    elif offset is None and relation is Relation.WITHIN:
        raise ValueError("`within:` needs a length, e.g. {within: here, hours: 48}")
    if relation is Relation.WITHIN and offset is not None and offset.low != offset.high:
        raise ValueError("`within:` takes one length, not a range")
    at = clock_of(data["at"]) if data.get("at") is not None else None
    repeat = data.get("repeat")
    return Timing(anchor, relation, offset, second, at, None if repeat is None else _repeat(repeat, names))


def _check_keys(data: Mapping[str, object]) -> None:
    for key in data:
        if key in _ELSEWHERE:
            raise ValueError(f"`{key}:` is no part of a timing: {_ELSEWHERE[key]}")
        if key not in _KEYS:
            close = difflib.get_close_matches(str(key), _KEYS, 1)
            remedy = f"did you mean `{close[0]}:`?" if close else "expected e.g. {days: [3, 5], after: previous}"
            raise ValueError(f"unknown key `{key}:` in a timing - {remedy}")


def _offset(data: Mapping[str, object]) -> Offset | None:
    units = [key for key in data if key in _UNITS]
    if not units:
        return None
    if len(units) > 1:
        raise ValueError(f"expected one unit, got {' and '.join(units)}")
    value = data[units[0]]
    ends = list(value) if isinstance(value, (list, tuple)) else [value, value]
    if len(ends) != 2:
        raise ValueError(f"expected one number or a range of two, e.g. [3, 5], got {len(ends)}")
    low, high = (number_of(end, 0, MAX_AMOUNT, f"number of {units[0]}") for end in ends)
    if low > high:
        raise ValueError(f"[{low}, {high}] runs backwards: write [{high}, {low}]")
    return Offset(_UNITS[units[0]], low, high)


def _place(data: Mapping[str, object], names: Names, *, counted: bool) -> tuple[Relation, Anchor, Anchor | None]:
    relations = [key for key in data if key in _RELATIONS]
    own = {key: data[key] for key in data if key in anchors.KEYS or key in anchors.MODIFIERS}
    if len(relations) > 1 or (relations and any(key in anchors.KEYS for key in own)):
        places = [*relations, *(key for key in own if key in anchors.KEYS)]
        raise ValueError(f"expected one moment to count from, got {' and '.join(f'`{key}:`' for key in places)}")
    if not relations:
        if own:
            return Relation.AFTER if counted else Relation.ON, anchors.read(own, names), None
        if counted:
            return Relation.AFTER, Previous(), None
        if data.get("repeat") is not None:
            return Relation.ON, anchors.HERE, None
        raise ValueError("it says no moment: expected e.g. {days: [3, 5], after: previous} or {date: 02-14}")
    relation = _RELATIONS[relations[0]]
    value = data[relations[0]]
    if relation is not Relation.BETWEEN:
        value = {**value, **own} if isinstance(value, Mapping) else value
        return relation, anchors.read(value, names), None
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        raise ValueError("`between:` takes two moments, e.g. {between: [{event: purchase}, {event: delivered}]}")
    return relation, anchors.read(value[0], names), anchors.read(value[1], names)


def _repeat(value: object, names: Names) -> Repeat:
    data = mapping_of(value, ("rule", "until", "times"), "repeat")
    rule = rule_of(data.get("rule"))
    until = data.get("until")
    times = data.get("times")
    bound: Timing | None = None
    if isinstance(until, Mapping):
        bound = _timing(until, names)
        bound = replace(bound, phrase=str(until.get("phrase", "")), language=str(until.get("language", "en")))
    elif until is not None:
        bound = Timing(anchors.read(until, names), Relation.BY)
    return Repeat(rule, bound, None if times is None else number_of(times, 1, MAX_AMOUNT, "number of times"))


def _write_repeat(repeat: Repeat) -> dict[str, object]:
    data: dict[str, object] = {"rule": repeat.rule}
    if repeat.until is not None:
        data["until"] = write(repeat.until)
    if repeat.times is not None:
        data["times"] = repeat.times
    return data
