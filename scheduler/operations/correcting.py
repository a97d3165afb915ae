"""What was sent of a touch, version by version, and to whom a correction can still go; reads only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from difflib import get_close_matches

from campaigns import diff
from campaigns.definition import OF_CHANNEL, PERSONAL, Corrects
from scheduler import checks
from scheduler.catalog import Catalog, InForce
from scheduler.delivery import State
from scheduler.errors import SchedulerError
from scheduler.people import ADDRESS
from scheduler.runs import is_marketing
from scheduler.store import corrections, plans, standings
from scheduler.store.corrections import Moments, WrongPost, WrongWords
from scheduler.store.database import Connection, Store

_CHUNK = 5_000
_GONE = "erased"
_ONCE = "once"  # the date of a correction


@dataclass(frozen=True, slots=True)
class Reach:
    """To whom a correction of some words can go: `left` people, who are counted in nothing else.

    `corrected` have one already or wait for it, `cannot` says how many are out of reach, by the reason.
    """

    people: int = 0
    left: int = 0
    corrected: int = 0
    cannot: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SentVersion:
    """One wording of a touch that went: `words` are its subject or how it begins, as written.

    `sent`, `unknown` and `on_their_way` count messages; the moments, aware UTC, are those at which the first and the
    last of them began to go. `is_in_force` says that it is what goes now, to `waiting` more people.
    """

    touch: str
    channel: str
    version: str
    words: str
    sent: int
    unknown: int
    on_their_way: int
    first_at: datetime
    last_at: datetime
    is_in_force: bool
    waiting: int
    reach: Reach


@dataclass(frozen=True, slots=True)
class SentPost:
    """A post with some wording: `where` is its address where the network told it, else its id there, else empty."""

    touch: str
    version: str
    channel: str
    account: str
    state: str
    where: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Report:
    """What was sent of a touch; `zone` is the one its moments are told in."""

    campaign: str
    edition: str
    touch: str
    zone: str
    versions: tuple[SentVersion, ...]
    posts: tuple[SentPost, ...]

    @property
    def wrong(self) -> tuple[SentVersion, ...]:
        """The versions that went and do not go any more: those an edit has mended."""
        return tuple(one for one in self.versions if not one.is_in_force)


def report(store: Store, catalog: Catalog, campaign: str, touch: str) -> Report:
    """Return every version that was sent of a touch of the edition in force, the first one first.

    `touch` is what people call it; the name of a touch for several channels means all of them.
    Raises: SchedulerError for what is not on the schedule.
    """
    with store.read() as conn:
        found = _in_force(conn, catalog, campaign)
        history = corrections.history(conn, found.id, found.edition)
        keys = _keys(found, history, touch)
        going = corrections.waiting(conn, found.id, found.edition, keys)
        here = history.versions.get(found.revision, {})
        gathered: dict[tuple[str, str], list[tuple[State, Moments]]] = {}
        for (key, revision), states in corrections.sent_words(conn, found.id, found.edition, keys).items():
            if (version := history.versions.get(revision, {}).get(key)) is not None:
                gathered.setdefault((key, version), []).extend(states.items())
        versions, posts = [], []
        for (key, version), moments in gathered.items():
            wrong = corrections.wrong_words(
                conn,
                found.id,
                found.edition,
                "",
                Corrects.model_construct(touch=(key,), version=(version,)),
                zone="UTC",
            )
            posts += [_post(found, version, one) for one in corrections.posts_of(conn, wrong)]
            count = Counter({state: sum(one.messages for name, one in moments if name is state) for state in State})
            versions.append(
                SentVersion(
                    touch=found.name_of(key),
                    channel=_channel(found, key),
                    version=version,
                    words=history.words[key, version],
                    sent=count[State.SENT],
                    unknown=count[State.UNKNOWN],
                    on_their_way=count[State.ATTEMPTING],
                    first_at=min(one.first_at for _, one in moments),
                    last_at=max(one.last_at for _, one in moments),
                    is_in_force=here.get(key) == version,
                    waiting=going.get(key, 0) if here.get(key) == version else 0,
                    reach=_reach(conn, found, key, wrong),
                )
            )
    versions.sort(key=lambda one: (one.touch, one.first_at))
    return Report(found.id, found.edition, touch, found.campaign.zone, tuple(versions), tuple(posts))


def reach(store: Store, catalog: Catalog, campaign: str, corrects: Corrects, names: Collection[str]) -> Reach:
    """Return to whom a correction could go that is in no file yet; its touches are named as people call them."""
    with store.read() as conn:
        found = _in_force(conn, catalog, campaign)
        history = corrections.history(conn, found.id, found.edition)
        keys = sorted({key for name in names for key in _keys(found, history, name)})
        said = corrects.model_copy(update={"touch": tuple(keys)})
        wrong = corrections.wrong_words(conn, found.id, found.edition, "", said, zone=found.campaign.zone)
        return _reach(conn, found, keys[0], wrong)


def _in_force(conn: Connection, catalog: Catalog, campaign: str) -> InForce:
    row = plans.campaign(conn, campaign)
    found = catalog.of(conn, row) if row is not None else None
    if found is None:
        near = get_close_matches(campaign, [one.id for one in plans.campaigns(conn)], n=1)
        remedy = f"did you mean {near[0]!r}?" if near else "campaign status shows what is on the schedule"
        raise SchedulerError(f"{campaign!r} was never applied: nothing of it was sent", remedy=remedy)
    return found


def _keys(campaign: InForce, history: corrections.History, touch: str) -> list[str]:
    """Return the touches of history that a name means, as far as any revision of the edition had them."""
    known = {key: diff.name_of(campaign.snapshot, key) for found in history.versions.values() for key in found}
    keys = [key for key, name in known.items() if name == touch or name.startswith(f"{touch}{OF_CHANNEL}")]
    if not keys:
        near = get_close_matches(touch, known.values(), n=1)
        remedy = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(sorted(known.values()))}"
        raise SchedulerError(f"no touch {touch!r} of {campaign.id} was ever applied", remedy=remedy)
    return keys


def _channel(campaign: InForce, key: str) -> str:
    found = campaign.find(key)
    return found[1].channel[0] if found is not None else ""


def _post(campaign: InForce, version: str, post: WrongPost) -> SentPost:
    address = next((word for word in post.detail.split() if word.startswith("https://")), "")
    return SentPost(
        touch=campaign.name_of(post.touch),
        version=version,
        channel=post.channel,
        account=post.recipient.removeprefix("@"),
        state=post.state,
        where=address or post.provider_id,
        at=post.began_at,
    )


def _reach(conn: Connection, campaign: InForce, key: str, wrong: WrongWords) -> Reach:
    """Return who of those with wrong words may still be written to on the channel of the touch."""
    everybody, without = corrections.contacts_of(conn, wrong)
    for other, words in wrong.others:  # one that was applied and has no messages yet
        date = plans.occurrence(conn, campaign.id, campaign.edition, other, _ONCE)
        if date is not None and date.state == "planned":
            without -= corrections.contacts_of(conn, words)[0]
    found = campaign.find(key)
    channel = found[1].channel[0] if found is not None else ""
    marketing = is_marketing(found[1]) if found is not None else channel in PERSONAL
    cannot: Counter[str] = Counter()
    for chunk in _chunks(sorted(without)):
        gone = corrections.gone(conn, chunk)
        known = standings.standings(conn, chunk, now=campaign.reference, marketing={}, histories=(), facts=False)
        for contact in chunk:
            why = _GONE if contact in gone else _why_not(known[contact], channel, marketing=marketing)
            if why is not None:
                cannot[why] += 1
    left = len(without) - sum(cannot.values())
    return Reach(len(everybody), left, len(everybody) - len(without), dict(cannot.most_common()))


def _chunks(numbers: list[int]) -> Iterable[list[int]]:
    return (numbers[start : start + _CHUNK] for start in range(0, len(numbers), _CHUNK))


def _why_not(person: standings.Standing, channel: str, *, marketing: bool) -> str | None:
    """Return why a person cannot be written to, by the rules of the last moment; None where they can."""
    needed = ADDRESS.get(channel)
    if needed is not None and not person.address(needed):
        return checks.MISSING[needed]
    if (why := person.suppressed(marketing=marketing, channel=channel)) is not None:
        return why
    return "no consent" if marketing and not checks.consents(person.consents, channel) else None
