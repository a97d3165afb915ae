"""People made up from one reader's facts, to try a template on: hostile, empty, incomplete, and of other shapes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

_PERSONAL = ("contact", "event")
_MARKUP = "<b title=\"x\">&amp; 'a'</b>"
_UNICODE = "Zoë\u00a0שָׂרָה 🌹\n\n\nÉté\t \n" + "ß" * 120
_LEFT_OUT = 6  # facts that are left out one at a time


def variants(facts: Mapping[str, object]) -> Iterator[dict[str, object]]:
    """Yield facts like these, with person and event changed and everything else as it is."""
    yield _changed(facts, _texts(lambda text: text + _MARKUP))
    yield _changed(facts, _texts(lambda _: _MARKUP))
    yield _changed(facts, _texts(lambda text: _UNICODE + text))
    yield _changed(facts, _texts(lambda _: ""))
    yield _changed(facts, _lists(lambda _: []))
    yield _changed(facts, _lists(lambda items: items[:1]))
    yield _changed(facts, _lists(lambda items: items + items))
    yield _changed(facts, _numbers)
    yield _changed(facts, lambda _: None)
    yield {**facts, **{section: {} for section in _PERSONAL if section in facts}}
    for section in _PERSONAL:
        held = facts.get(section)
        if isinstance(held, dict):
            for name in list(held)[:_LEFT_OUT]:
                yield {**facts, section: {key: value for key, value in held.items() if key != name}}


def _changed(facts: Mapping[str, object], change: Callable[[object], object]) -> dict[str, object]:
    made = dict(facts)
    for section in _PERSONAL:
        held = facts.get(section)
        if isinstance(held, dict):
            made[section] = {key: change(value) for key, value in held.items()}
    return made


def _texts(change: Callable[[str], str]) -> Callable[[object], object]:
    def changed(value: object) -> object:
        if isinstance(value, str):
            return change(value)
        if isinstance(value, list):
            return [changed(item) for item in value]
        if isinstance(value, dict):
            return {key: changed(item) for key, item in value.items()}
        return value

    return changed


def _lists(change: Callable[[list[object]], list[object]]) -> Callable[[object], object]:
    def changed(value: object) -> object:
        if isinstance(value, list):
            return change([changed(item) for item in value])
        return {key: changed(item) for key, item in value.items()} if isinstance(value, dict) else value

    return changed


def _numbers(value: object) -> object:
    """Return a number as text, and true as 1: what an import of strangers' data may hold."""
    if isinstance(value, list):
        return [_numbers(item) for item in value]
    if isinstance(value, dict):
        return {key: _numbers(item) for key, item in value.items()}
    return str(value) if isinstance(value, (int, float)) else len(value) if isinstance(value, str) else value
