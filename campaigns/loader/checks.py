"""What no single value can know: names used twice, keys that contradict each other, moments nobody gives.

The checks walk the plain data, so that they run however broken the rest of the file is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from campaigns.definition import POSTS, Names, channels_of, plainly
from campaigns.errors import CampaignError, ExpressionError
from campaigns.loader.correcting import check_corrections
from campaigns.loader.hanging import check_hanging
from campaigns.loader.reading import Document, Path
from campaigns.loader.steps import check_steps
from campaigns.segments import parse
from campaigns.timing import phrases, structure
from campaigns.timing.model import Occasion

Part = Mapping[str, object]

_PERSONAL_KEYS = ("on", "again", "until", "audience", "go_to", "enter_on", "min_gap", "steps", "wait_for", "corrects")
_PROGRAMS = ("outbox", "webhook")
_NARROWING = ("until", "audience", "min_gap")


def check(document: Document, names: Names) -> None:
    """Report every contradiction of the file; what was reported already is left out."""
    _unique(document, "stage", [(path, stage, "stage") for path, stage in _stages(document)])
    touches = list(_touches(document))
    steps = [(path, step, "id") for path, touch in touches for path, step in _entries(path, touch, "steps")]
    _unique(document, "touch", [*((path, touch, "id") for path, touch in touches), *steps])
    for path, touch in touches:
        _moment(document, path, touch)
        _post(document, path, touch)
        _belongings(document, path, touch)
        check_steps(document, path, touch)
        check_hanging(document, path, touch)
    check_corrections(document, touches)
    _former_ids(document, [*touches, *((path, step) for path, step, _ in steps)])
    _audiences(document, touches)
    _own_occasions(document, names)


def _entries(path: Path, part: Part, key: str) -> Iterator[tuple[Path, Part]]:
    items = part.get(key)
    if isinstance(items, list):
        for number, item in enumerate(items):
            if isinstance(item, Mapping):
                yield (*path, key, number), item


def _stages(document: Document) -> Iterator[tuple[Path, Part]]:
    return _entries((), document.data, "stages")


def _touches(document: Document) -> Iterator[tuple[Path, Part]]:
    for path, stage in _stages(document):
        yield from _entries(path, stage, "touches")


def _has(document: Document, path: Path, key: str) -> bool:
    """Whether the key stands in the file, readable or not."""
    return (*path, key) in document.keys


def _unique(document: Document, what: str, parts: list[tuple[Path, Part, str]]) -> None:
    first: dict[str, Path] = {}
    for path, part, key in parts:
        name = part.get(key)
        if not isinstance(name, str) or document.is_broken((*path, key)):
            continue
        if name in first:
            line = document.value_place((*first[name], key)).line
            message = (
                f"two {'stages are' if what == 'stage' else 'touches are'} called '{name}', the first on line {line}"
            )
            remedy = "give each its own name" if what == "stage" else "give each its own id, since history hangs on it"
            document.source.report("used-twice", message, document.value_place((*path, key)), remedy)
        else:
            first[name] = path


def _moment(document: Document, path: Path, touch: Part) -> None:
    """Report a touch that nothing gives a moment: no event, no phrase, and a stage without either."""
    stage_path, first_step = path[:2], (*path, "steps", 0)
    if any(_has(document, path, key) for key in ("when", "on", "corrects")) or _has(document, stage_path, "when"):
        return
    if not any(key in touch for key in ("template", "text", "html")) and _has(document, first_step, "when"):
        return
    name = touch.get("id")
    called = f"touch '{name}'" if isinstance(name, str) else "a touch"
    document.source.report(
        "no-moment",
        f"nothing says when {called} goes: neither it nor its stage has `when`",
        document.key_place(path),
        "give the stage or the touch a `when`, or the touch an `on` such as `on: purchase`",
    )


def _post(document: Document, path: Path, touch: Part) -> None:
    channels = channels_of(touch)
    post = next((name for name in channels if name in POSTS), None)
    if len(channels) > 1 and "steps" in touch:
        document.source.report(
            "several-channels",
            "`steps` are messages one after the other, and each step may name a channel of its own",
            document.key_place((*path, "steps")),
            "write one channel here, or a touch of its own for each",
        )
        return
    if post is None:
        return
    narrowing = _NARROWING if len(channels) > 1 else ()  # holds for the channels that reach single people
    for key in _PERSONAL_KEYS:
        if key in touch and key not in narrowing:
            document.source.report(
                "post-for-one",
                f"`{key}` concerns single people, but a post on {post} is for everybody",
                document.key_place((*path, key)),
                f"remove `{key}`, or choose a channel such as email",
            )


def _belongings(document: Document, path: Path, touch: Part) -> None:
    """Report keys that mean nothing without another."""
    if "again" in touch and not _has(document, path, "on"):
        document.source.report(
            "needs-another",
            "`again` says how often an event may start the touch, and no `on` names the event",
            document.key_place((*path, "again")),
            "give the touch an `on`, or remove `again`",
        )
    if "by_channel" in touch and len(channels_of(touch)) == 1 and not document.is_broken((*path, "channel")):
        document.source.report(
            "needs-another",
            "`by_channel` is for several channels, and `channel` names one",
            document.key_place((*path, "by_channel")),
            "write the words into the touch itself, or give `channel` a list",
        )
    for key, part in ((path, touch), *_entries(path, touch, "steps")):
        program = next((name for name in channels_of(part) if name in _PROGRAMS), None)
        if part.get("by_hand") not in (None, False) and program is not None:
            document.source.report(
                "by-hand",
                f"`by_hand` is for somebody of the shop, and a message by {program} is for a program",
                document.key_place((*key, "by_hand")),
                "remove it, or choose a channel such as instagram or manual",
            )
    if "repeat" in touch and "steps" in touch and "on" in touch:
        document.source.report(
            "says-twice",
            "`repeat` brings one message again, and `steps` are several",
            document.key_place((*path, "repeat")),
            "remove one of them, or write the repetition as a touch of its own",
        )


def _former_ids(document: Document, parts: list[tuple[Path, Part]]) -> None:
    """Report a former id that another touch or step still has, unless that one was called something else itself."""
    present = {part.get("id"): part.get("moved") for _, part in parts}
    for path, touch in parts:
        former = touch.get("moved")
        if isinstance(former, str) and former in present and present[former] in (None, former):
            document.source.report(
                "used-twice",
                f"`moved`: a touch is still called '{former}'",
                document.value_place((*path, "moved")),
                "name the id this touch had before, which no touch has now",
            )


def _audiences(document: Document, touches: list[tuple[Path, Part]]) -> None:
    _audience(document, (), document.data, "audience")
    personas = document.data.get("personas")
    if isinstance(personas, Mapping):
        for name, persona in personas.items():
            if isinstance(persona, Mapping):
                _audience(document, ("personas", str(name)), persona, "match")
    for path, stage in _stages(document):
        _audience(document, path, stage, "audience")
    for path, touch in touches:
        _audience(document, path, touch, "audience")
        for inner, step in _entries(path, touch, "steps"):
            _audience(document, inner, step, "audience")


def _audience(document: Document, path: Path, part: Part, key: str) -> None:
    text = part.get(key)
    if not isinstance(text, str):
        return
    try:
        parse(str(text))
    except ExpressionError as error:
        document.source.report(
            "audience",
            f"`{key}`: {error.message}",
            document.value_place((*path, key), error.at),
            error.remedy or "write it as city = 'Paris' and age < 35",
        )


def _own_occasions(document: Document, names: Names) -> None:
    """Report own days that are counted from each other in a circle."""
    days = document.data.get("occasions")
    if not isinstance(days, Mapping):
        return
    after = {str(name): set(_counted_from(value, names)) for name, value in days.items()}
    for name in after:
        seen: list[str] = []
        waiting = [name]
        while waiting:
            here = waiting.pop()
            seen.append(here)
            if name in after.get(here, ()):
                document.source.report(
                    "circle",
                    f"'{name}' is counted from itself",
                    document.value_place(("occasions", name)),
                    "give it a date of its own",
                )
                break
            waiting += [other for other in after.get(here, ()) if other not in seen]


def _counted_from(value: object, names: Names) -> Iterator[str]:
    """Yield the own days a day is counted from; none where it cannot be read, which is reported elsewhere."""
    language, events = names.language or "en", names.events or frozenset()
    try:
        if isinstance(value, str):
            timing = phrases.parse(str(value), language=language, events=events, occasions=names.occasions)
        elif isinstance(value, Mapping):
            timing = structure.read(plainly(value), language=language, events=events, occasions=names.occasions)
        else:
            return
    except (CampaignError, ValueError):
        return
    for anchor in timing.anchors():
        if isinstance(anchor, Occasion) and anchor.name in names.occasions:
            yield anchor.name
