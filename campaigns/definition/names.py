"""The names a file declares, gathered before its values are read, so that references can be checked in place."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
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
    applied: bool = False

    @classmethod
    def of(
        cls, data: Mapping[str, object], broken: Collection[tuple[str | int, ...]] = (), *, applied: bool = False
    ) -> Names:
        """Gather the names from the raw mapping of a file; `broken` are the paths that could not be read at all.

        `applied` when it is no file of somebody's, but what was made of one.
        """
        language = data.get("language", "en")
        country = data.get("country")
        stages = data.get("stages")
        return cls(
            language=str(language) if language in LANGUAGES and ("language",) not in broken else None,
            country=str(country) if isinstance(country, str) else None,
            events=EVENTS | _keys(data.get("events")) if _is_whole(data, "events", broken) else None,
            occasions=_keys(data.get("occasions")),
            offers=tuple(sorted(_keys(data.get("offers")))) if _is_whole(data, "offers", broken) else None,
            stages=_named(stages, "stage"),
            touches=_touches(stages),
            applied=applied,
        )


def _is_whole(data: Mapping[str, object], key: str, broken: Collection[tuple[str | int, ...]]) -> bool:
    """Whether the names under `key` are all known: the section is absent, or a mapping without a broken entry."""
    lost = any(path[:1] == (key,) and len(path) <= 2 for path in broken)
    return not lost and isinstance(data.get(key, {}), Mapping)


def _keys(value: object) -> frozenset[str]:
    return frozenset(str(name) for name in value) if isinstance(value, Mapping) else frozenset()


def _named(items: object, key: str) -> tuple[str, ...] | None:
    """Return the names of the entries of a list; None where it is no list or one of its entries has none."""
    if not isinstance(items, Sequence) or isinstance(items, str):
        return None
    names = [item.get(key) if isinstance(item, Mapping) else None for item in items]
    known = tuple(str(name) for name in names if isinstance(name, str))
    return known if len(known) == len(names) else None


def _touches(stages: object) -> tuple[str, ...] | None:
    if not isinstance(stages, Sequence) or isinstance(stages, str):
        return None
    found = [_named(stage.get("touches", ()), "id") if isinstance(stage, Mapping) else None for stage in stages]
    found += [_named(touch.get("steps", ()), "id") for touch in _entries(stages)]
    known = [names for names in found if names is not None]
    return tuple(name for names in known for name in names) if len(known) == len(found) else None


def _entries(stages: Sequence[object]) -> list[Mapping[str, object]]:
    """Return the touches that can be read."""
    lists = [stage.get("touches", ()) for stage in stages if isinstance(stage, Mapping)]
    return [touch for touches in lists if isinstance(touches, list) for touch in touches if isinstance(touch, Mapping)]
