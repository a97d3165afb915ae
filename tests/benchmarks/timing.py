"""What timing costs: a phrase, a resolution, and a million people's "3 days after the event at 09:00 local".

A resolution is *cold* when it is the first of its timing and zone and nothing that the timing package remembers of
earlier ones is left: only its modules and word tables are loaded, and the zone's rules have been read from the disk. What
reading them adds is told on a line of its own. *Amortised* is a resolution among many people's, which are found once for
each zone and date.

Run it with `uv run python tests/benchmarks/timing.py`; it prints medians, the limits, and the ratio to the plain loop
with dateutil measured in the same run, and ends with 1 when a limit is broken. Nothing is compared to other machines.
"""

from __future__ import annotations

import gc
import statistics
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from functools import partial
from time import process_time

from dateutil.relativedelta import relativedelta

from campaigns.timing import constraints, days, lexicon, named_days, phrases, recurrence, resolver, zones
from campaigns.timing.constraints import BlockedError
from campaigns.timing.many import AfterEvents
from campaigns.timing.model import Event, Hours, Moments, Offset, Relation, Rules, Timing, Unit

PEOPLE = 1_000_000
ZONES = 500
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
THREE_DAYS_LATER = Timing(Event("purchase"), Relation.OFFSET, Offset(Unit.DAY, 3, 3), at=time(9, 0))
COURTESY = Rules(quiet_hours=Hours(time(21), time(8)), weekdays=frozenset(range(6)))
RESOLVED = (
    "as soon as possible",
    "early january",
    "end of next month",
    "3 to 5 days later",
    "2 weeks before Valentine's Day",
    "3 days after purchase at 9:00",
    "within the next 48 hours",
    "first monday of february",
    "before Easter",
)

Line = tuple[str, float, float, str]
"""What was measured, the value, its limit, the unit; a ratio has to reach its limit, the others stay under it."""


def measured(work: Callable[[], object]) -> float:
    """Return the seconds of CPU that the work takes."""
    gc.collect()
    started = process_time()
    work()
    return process_time() - started


def reading() -> float:
    """Return the median milliseconds that a phrase takes, over the example phrases of all languages, each read anew."""
    read = phrases._parse.__wrapped__  # without the memory of phrases read before
    found = []
    for language in lexicon.READ:
        words = lexicon.lexicon(language)
        assert words is not None
        for example in words.examples * 5:
            found.append(measured_once(partial(read, example, language, frozenset(), frozenset())))
    return statistics.median(found) * 1e3


def measured_once(work: Callable[[], object]) -> float:
    started = process_time()
    work()
    return process_time() - started


def resolving(rules: Rules) -> dict[str, float]:
    """Return the median microseconds of a resolution by phrase, every one from another reference moment."""
    moments = []
    for number in range(2000):
        now = FIRST + timedelta(hours=7 * number)
        before = now + timedelta(days=2)
        moments.append(Moments(now=now, zone="Europe/Paris", country="FR", previous=before, events={"purchase": now}))
    found = {}
    for phrase in RESOLVED:
        timing = phrases.parse(phrase)
        resolve_all(timing, moments[:50], rules)
        chunks = [moments[at : at + 100] for at in range(0, 2000, 100)]
        taken = [measured_once(partial(resolve_all, timing, chunk, rules)) / len(chunk) for chunk in chunks]
        found[phrase] = statistics.median(taken) * 1e6
    return found


def cold() -> list[Line]:
    """Time first resolutions, each in another zone and of another phrase, from nothing remembered."""
    names = [name for name in zones.names() if "/" in name]
    timings = [phrases.parse(phrase) for phrase in RESOLVED]
    moments = Moments(now=FIRST, country="FR", previous=FIRST + timedelta(days=2), events={"purchase": FIRST})
    taken, read = [], []
    for number, name in enumerate(names):
        timing, here = timings[number % len(timings)], replace(moments, zone=name)
        forget()
        zones.zone.cache_clear()
        read.append(measured_once(partial(zones.zone, name)))
        taken.append(measured_once(partial(resolver.resolve, timing, here)))
    return [
        (f"a resolution, cold, median of {len(names)} zones", statistics.median(taken) * 1e6, 100, "µs"),
        ("  its slowest tenth begins at", statistics.quantiles(taken, n=10)[-1] * 1e6, float("inf"), "µs"),
        ("  reading the rules of its zone before", statistics.median(read) * 1e6, float("inf"), "µs"),
    ]


def forget() -> None:
    """Drop everything that earlier resolutions left behind."""
    for kept in (constraints._wall_spans, days.holidays, named_days.easter, recurrence._parts):
        kept.cache_clear()


def resolve_all(timing: Timing, moments: list[Moments], rules: Rules) -> None:
    for one in moments:
        with suppress(BlockedError):  # the last hours of a window may have no slot left
            resolver.resolve(timing, one, rules)


def people() -> list[tuple[datetime, str]]:
    """Return a million events over two years in 500 zones, many in a few and few in many."""
    names = [name for name in zones.names() if "/" in name][:ZONES]
    state = 88_172_645_463_325_252
    found = []
    for _ in range(PEOPLE):
        state ^= (state << 13) & 0xFFFFFFFFFFFFFFFF
        state ^= state >> 7
        state ^= (state << 17) & 0xFFFFFFFFFFFFFFFF
        rank = int(ZONES ** ((state >> 40) / (1 << 24))) - 1  # Zipf: the density falls with the rank
        found.append((FIRST + timedelta(seconds=state % (2 * 365 * 86400)), names[rank]))
    return found


def plain(events: list[tuple[datetime, str]]) -> list[datetime]:
    """Do it as one would: zone, relativedelta, hour, UTC, for every person."""
    found = []
    for event_at, zone in events:
        local = event_at.astimezone(zones.zone(zone)) + relativedelta(days=3)
        found.append(local.replace(hour=9, minute=0, second=0, microsecond=0, fold=0).astimezone(UTC))
    return found


def lines() -> list[Line]:
    found: list[Line] = [("a phrase, median", reading(), 0.5, "ms")]
    found += cold()
    for name, rules in (("", Rules()), (", with courtesy", COURTESY)):
        every = resolving(rules)
        slowest = max(every, key=lambda phrase: every[phrase])
        found.append((f"a resolution, median{name}", statistics.median(every.values()), 100, "µs"))
        found.append((f"  the slowest, {slowest!r}{name}", every[slowest], 100, "µs"))
    return found + crowd()


def crowd() -> list[Line]:
    """Time a million people three times our way and three times the plain way, in turns, and compare every answer."""
    events = people()
    for zone in {zone for _, zone in events}:
        zones.zone(zone)  # reading the zone data is no part of either
    ours, theirs = [], []
    answers: dict[str, list[datetime]] = {}

    def own() -> None:
        answers["own"] = AfterEvents(THREE_DAYS_LATER).due_all(events)

    def other() -> None:
        answers["other"] = plain(events)

    for _ in range(3):
        ours.append(measured(own))
        theirs.append(measured(other))
    differ = sum(one != two for one, two in zip(answers["own"], answers["other"], strict=True))
    taken, naive = statistics.median(ours), statistics.median(theirs)
    return [
        (f"{PEOPLE:,} people over {ZONES} zones, median of 3", taken, 2.5, "s"),
        ("  each, amortised", taken / PEOPLE * 1e6, 5, "µs"),
        ("  the plain loop with dateutil", naive, float("inf"), "s"),
        ("  how many times faster", naive / taken, 4, "x"),
        ("  answers that differ", float(differ), 0, ""),
    ]


def main() -> int:
    broken = False
    for name, value, limit, unit in lines():
        bad = value < limit if unit == "x" else value > limit
        broken = broken or bad
        bound = "" if limit == float("inf") else f"{'at least' if unit == 'x' else 'at most'} {limit:g} {unit}"
        print(f"{'!' if bad else ' '} {name:<60} {value:>10.3f} {unit:<3} {bound}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
