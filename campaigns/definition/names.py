"""The names a file declares, gathered before its values are read, so that references can be checked in place."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from campaigns.definition.vocabulary import EVENTS, LANGUAGES


@dataclass(frozen=True, slots=True)
class Names:
    """What may be named in one file; None where the section that declares the names is itself unreadable or absent.

    `language` is None when the file names one we do not read: its phrases are then left unread, not misread.
    """

    language: str | None = "en"
    country: str | None = None
    events: frozenset[str] | None = None
    occasions: frozenset[str] = frozenset()
    offers: tuple[str, ...] | None = None
    stages: tuple[str, ...] | None = None
    touches: tuple[str, ...] | None = None

    @classmethod
    def of(cls, data: Mapping[str, object], broken: Collection[tuple[str | int, ...]] = ()) -> Names:
        """Gather the names from the raw mapping of a file; `broken` are the paths that could not be read at all."""
        language = data.get("language", "en")
        country = data.get("country")
        stages = data.get("stages")
        names_events, names_offers, names_stages = (_sound(data, key, broken) for key in ("events", "offers", "stages"))
        return cls(
            language=str(language) if language in LANGUAGES and ("language",) not in broken else None,
            country=str(country) if isinstance(country, str) else None,
            events=EVENTS | _keys(data.get("events")) if names_events else None,
            occasions=_keys(data.get("occasions")),
            offers=tuple(_keys(data.get("offers"))) if names_offers else None,
            stages=tuple(_texts(stages, "stage")) if names_stages else None,
            touches=tuple(_touch_ids(stages)) if names_stages else None,
        )


_NAMING = ("stages", "stage", "touches", "id")


def _sound(data: Mapping[str, object], key: str, broken: Collection[tuple[str | int, ...]]) -> bool:
    """Whether the names under `key` are all known: the section is absent, or has its shape and no broken name."""
    value = data.get(key, [] if key == "stages" else {})
    if key == "stages":
        lost = any(path[:1] == (key,) and (isinstance(path[-1], int) or path[-1] in _NAMING) for path in broken)
        return _is_list(value) and not lost
    return isinstance(value, Mapping) and not any(path[:1] == (key,) and len(path) <= 2 for path in broken)


def _keys(value: object) -> frozenset[str]:
    return frozenset(str(name) for name in value) if isinstance(value, Mapping) else frozenset()


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _texts(items: object, key: str) -> Iterator[str]:
    if isinstance(items, Sequence) and not isinstance(items, str):
        for item in items:
            if isinstance(item, Mapping) and isinstance(item.get(key), str):
                yield str(item[key])


def _touch_ids(stages: object) -> Iterator[str]:
    if isinstance(stages, Sequence):
        for stage in stages:
            if isinstance(stage, Mapping):
                yield from _texts(stage.get("touches"), "id")
