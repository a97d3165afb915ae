"""Which touch of a file is which of history: a touch keeps the id of its first apply, whatever it is called since.

That id (its key) stands in every row of history, so a renamed touch keeps what was sent, approved and planned, and
nobody gets it twice.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from campaigns.definition import OF_CHANNEL, Campaign, Touch
from campaigns.finding import Finding, Level

NAMES, HISTORY = "names", "history"  # in a snapshot: key -> present name where it differs; name -> key, of all time
SEQUENCES = "sequences"  # in a snapshot: the touches that say nothing themselves, by their keys


@dataclass(frozen=True, slots=True)
class Identities:
    """The keys of a file's touches by their ids, and what is wrong with how they were renamed.

    `names` are the ids people know keys by, where they differ, those of removed touches too; `history` says which key
    every id that was ever applied last stood for.
    """

    keys: Mapping[str, str]
    names: Mapping[str, str] = field(default_factory=dict)
    history: Mapping[str, str] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()

    @property
    def are_plain(self) -> bool:
        """Whether every touch still has the id it was first applied under."""
        return all(name == key for name, key in self.keys.items())

    def name_of(self, key: str) -> str:
        """Return what the touch with this key is called."""
        return self.names.get(key, key)

    def by_name(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return values that are kept by key under the ids of this file; those of other touches are left out."""
        return {name: values[key] for name, key in self.keys.items() if key in values}


def name_of(snapshot: Mapping[str, Any], key: str) -> str:
    """Return what the touch with this key is called in an applied plan."""
    return str(snapshot.get(NAMES, {}).get(key, key))


def identify(campaign: Campaign, contents: Mapping[str, str], before: Mapping[str, Any] | None) -> Identities:
    """Find the key of every touch; `before` is the snapshot last applied (None: never), `contents` the content hashes.

    A touch whose id is gone while another says exactly the same under a new id is an error: only `moved:` tells a
    renamed touch from two touches.
    """
    if before is None:
        return Identities({touch.id: touch.id for touch in _named(campaign)})
    return _Search(campaign, before).found(contents)


def _named(campaign: Campaign) -> Iterator[Touch]:
    """Yield all that has a history: touches, and those that only hold steps."""
    for _, found in campaign.sequences():
        if found.message(found.touch.id) is None:
            yield found.touch
        yield from found.messages


def silent(campaign: Campaign) -> dict[str, dict[str, str | None]]:
    """Return what a snapshot keeps of touches that say nothing themselves: a run of their steps hangs on their key."""
    heads = (found.touch for _, found in campaign.sequences() if found.message(found.touch.id) is None)
    return {touch.id: {"moved": touch.moved} for touch in heads}


class _Search:
    """The touches of a file held against those last applied."""

    def __init__(self, campaign: Campaign, before: Mapping[str, Any]) -> None:
        self.campaign = campaign
        self.before = before
        self.former = {**before.get(SEQUENCES, {}), **before["touches"]}
        self.in_force = {name_of(before, key): key for key in self.former}
        self.history: dict[str, str] = {**before.get(HISTORY, {}), **self.in_force}
        self.written = {name.partition(OF_CHANNEL)[0] for name in self.history}
        self.touches = [*_named(campaign)]
        self.findings: list[Finding] = []

    def found(self, contents: Mapping[str, str]) -> Identities:
        keys: dict[str, str] = {}
        for touch in self.touches:
            if touch.moved is not None and (key := self._moved(touch)) is not None:
                if key in keys.values():
                    self._report("moved", touch, f"two touches were called {touch.moved!r}", "keep one `moved:`")
                else:
                    keys[touch.id] = key
        for touch in self.touches:
            if touch.id not in keys and (key := self.in_force.get(touch.id)) is not None and key not in keys.values():
                keys[touch.id] = key
        for touch in self.touches:
            if touch.id not in keys and (key := self._on_its_channel(touch.id, touch)) not in (None, *keys.values()):
                keys[touch.id] = str(key)
        new = [touch for touch in self.touches if touch.id not in keys]
        self._renamed(new, contents, keys)
        for touch in new:
            keys[touch.id] = self._new_key(touch.id, keys.values())
        called = {key: name for name, key in keys.items()}
        names = {**self.before.get(NAMES, {}), **called}
        return Identities(
            keys={touch.id: keys[touch.id] for touch in self.touches},
            names={key: name for key, name in names.items() if key != name},
            history={**self.history, **keys},
            findings=tuple(self.findings),
        )

    def _moved(self, touch: Touch) -> str | None:
        """Return the key of a touch that names its former id; None where that says nothing."""
        here = self.in_force.get(touch.id)
        if here is not None and self.former[here].get("moved") == touch.moved:
            return str(here)  # the line was kept since
        assert touch.moved is not None
        former = self.in_force.get(touch.moved) or self.history.get(touch.moved)
        former = former or self._on_its_channel(touch.moved, touch)
        if former is None and touch.moved.partition(OF_CHANNEL)[0] not in self.written:
            near = get_close_matches(touch.moved, sorted(self.history), n=1)
            remedy = f"did you mean {near[0]!r}?" if near else "leave `moved:` out; the touch is new"
            self._report("moved", touch, f"`moved`: no touch {touch.moved!r} was ever applied", remedy)
        return former

    def _on_its_channel(self, name: str, touch: Touch) -> str | None:
        """Return the key of a touch that had one channel and has several now, or the other way round."""
        channel = touch.channel[0]
        name, part = name.partition(OF_CHANNEL)[0], ""
        if touch.hangs_on is not None:
            part = OF_CHANNEL + touch.id.rpartition(OF_CHANNEL)[2]
        for former in (f"{name}{part}", f"{name}{OF_CHANNEL}{channel}{part}"):
            key = self.in_force.get(former)
            if key is not None and self.former[key].get("channel") == [channel]:
                return str(key)
        return None

    def _renamed(self, new: Collection[Touch], contents: Mapping[str, str], keys: Mapping[str, str]) -> None:
        gone = {name: key for name, key in self.in_force.items() if key not in keys.values()}
        for touch in new:
            for name, key in gone.items():
                content = contents.get(touch.id)
                if touch.hangs_on is not None:
                    continue  # its post is asked about
                if touch.moved is None and content is not None and content == self.former[key].get("content"):
                    self._report(
                        "id",
                        touch,
                        f"{name!r} is gone, and {touch.id!r} says exactly the same: is it renamed?",
                        f"write `moved: {name}` into it, so that nobody gets it twice",
                    )
                    break

    def _new_key(self, name: str, taken: Collection[str]) -> str:
        """Return the key of a touch that is new, or was removed and is back under its id."""
        key = self.history.get(name, name)
        known = {*taken, *(key for key in self.history.values() if key != self.history.get(name))}
        number = 2
        candidate = key
        while candidate in taken or (candidate != key and candidate in known):
            candidate = f"{name[:60]}-{number}"
            number += 1
        return candidate

    def _report(self, key: str, touch: Touch, message: str, remedy: str) -> None:
        place = self.campaign.place(*self.campaign.touch_path(touch.id), key)
        self.findings.append(Finding("renamed", Level.ERROR, message, place, remedy))
