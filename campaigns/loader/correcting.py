"""What contradicts itself in corrections: of posts, of themselves, beside keys that begin otherwise than at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from campaigns.definition import OF_CHANNEL, POSTS, channels_of
from campaigns.loader.reading import Document, Path

Part = Mapping[str, object]

_BEGINS = ("on", "again", "repeat", "steps", "wait_for")


def check_corrections(document: Document, touches: list[tuple[Path, Part]]) -> None:
    """Report every correction that cannot be one; `touches` are those of the file with their paths."""
    known = {str(touch.get("id")): touch for _, touch in touches}
    for path, touch in touches:
        if "corrects" in touch:
            for key in _BEGINS:
                if key in touch:
                    document.source.report(
                        "says-twice",
                        f"`corrects` says whom it is for and that it goes at once, and `{key}` says otherwise",
                        document.key_place((*path, key)),
                        f"remove `{key}`, or `corrects`",
                    )
            for place, name in _named(path, touch["corrects"]):
                _target(document, place, name, touch, known)


def _named(path: Path, value: object) -> Iterator[tuple[Path, str]]:
    """Yield the touches that a correction names, with where each stands."""
    own: Path = (*path, "corrects")
    if isinstance(value, Mapping):
        own, value = (*own, "touch"), value.get("touch")
    if isinstance(value, str):
        yield own, str(value)
    elif isinstance(value, list):
        yield from (((*own, number), str(one)) for number, one in enumerate(value) if isinstance(one, str))


def _target(document: Document, place: Path, name: str, touch: Part, known: Mapping[str, Part]) -> None:
    written, _, network = name.partition(OF_CHANNEL)
    wrong = known.get(written)
    if wrong is None:
        return  # a step, or a name that was reported
    if wrong is touch:
        document.source.report(
            "corrects-itself",
            f"'{name}' corrects itself",
            document.value_place(place),
            "write the correction as a touch of its own, with an id of its own",
        )
        return
    channels = [network] if network else list(channels_of(wrong))
    if channels and all(channel in POSTS for channel in channels):
        document.source.report(
            "corrects-post",
            f"'{name}' is a post, and nobody knows who read it",
            document.value_place(place),
            f"write a post that says so; `campaign correct` shows where '{written}' stands and what can be done there",
        )
    is_marketing = wrong.get("purpose", "marketing") == "marketing"
    if is_marketing and touch.get("purpose") == "transactional":
        document.source.report(
            "corrects-marketing",
            f"a correction of '{name}', which is marketing, is marketing too: it asks for the same consent",
            document.value_place((*place[:4], "purpose")),
            "remove `purpose`; `courtesy: {caps: none}` lets it go beside other messages of the day",
        )
