"""What a timing says in a language is read back as the same timing: parse(print(timing)) = timing."""

from datetime import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.timing import lexicon, occasions, phrases, wording
from campaigns.timing.lexicon import READ
from campaigns.timing.model import (
    Beside,
    CampaignEnd,
    CampaignStart,
    Event,
    Fixed,
    Here,
    Now,
    Nth,
    Occasion,
    OfferEnd,
    Offset,
    Part,
    Period,
    PeriodUnit,
    Previous,
    Relation,
    Repeat,
    Timing,
    Unit,
    Weekday,
)

LONGEST = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
YEARS = st.none() | st.integers(2024, 2040)
CLOCKS = st.builds(time, st.integers(0, 23), st.integers(0, 59))
DATES = st.integers(1, 12).flatmap(
    lambda month: st.builds(Fixed, st.just(month), st.integers(1, LONGEST[month - 1]), YEARS)
)
THIRDS = st.sampled_from([Part.START, Part.MIDDLE, Part.END, Part.WHOLE])
SHIFTS = st.integers(0, 1)
PERIODS = st.one_of(
    st.builds(Period, st.sampled_from(Part), st.just(PeriodUnit.MONTH), st.integers(1, 12), YEARS),
    st.builds(Period, THIRDS, st.sampled_from(PeriodUnit), shift=SHIFTS),
    st.builds(Period, THIRDS, st.just(PeriodUnit.QUARTER), st.integers(1, 4), YEARS),
    st.builds(Period, st.sampled_from(list(Part)[:5]), st.just(PeriodUnit.YEAR), st.none(), st.integers(2024, 2040)),
)
RANKS = st.sampled_from([1, 2, 3, 4, 5, -1])
WEEKDAYS = st.sampled_from("0123456")
NTHS = st.one_of(
    st.builds(Nth, RANKS, WEEKDAYS, st.integers(1, 12), YEARS),
    st.builds(Nth, RANKS, WEEKDAYS, shift=SHIFTS),
    st.builds(Nth, st.sampled_from([1, 3, -1]), st.just("business_day"), shift=SHIFTS),
    st.builds(Nth, st.sampled_from([-1, *range(1, 32)]), st.just("day")),
    st.builds(Nth, st.sampled_from([1, 2, 3, 4, -1]), st.just("week"), st.integers(1, 12), YEARS),
    st.builds(Nth, st.sampled_from([1, 2, 3, 4, -1]), st.just("week"), shift=SHIFTS),
)
NAMED = st.builds(Occasion, st.sampled_from([*occasions.NAMES, occasions.THE_DAY]), st.none())
DATED = st.builds(Occasion, st.sampled_from(occasions.NAMES), st.integers(2024, 2040))
EVENTS = st.builds(Event, st.sampled_from(["purchase", "delivered", "cart_abandoned", "signup", "review", "complaint"]))
BESIDE = st.builds(
    Beside, st.sampled_from([*"0123456", "weekend"]), st.sampled_from([-1, 1]), st.one_of(DATES, NAMED, DATED)
)
DAYS = st.one_of(DATES, PERIODS, NTHS, NAMED, DATED, BESIDE, st.builds(Weekday, st.integers(0, 6), SHIFTS))
POINTS = st.one_of(DATES, NAMED, DATED, EVENTS, st.sampled_from([CampaignEnd(), OfferEnd(), CampaignStart()]))
# no language but French and German has a word for a day from Monday to Saturday
UNITS = st.sampled_from([unit for unit in Unit if unit is not Unit.OPEN_DAY])
AMOUNTS = st.tuples(st.integers(1, 60), st.integers(1, 60)).map(sorted)
LATER = st.builds(lambda unit, ends: Offset(unit, ends[0], ends[1]), UNITS, AMOUNTS)
EITHER = st.builds(
    lambda unit, ends, sign: Offset(unit, ends[0], ends[1], sign), UNITS, AMOUNTS, st.sampled_from([1, -1])
)
LENGTHS = st.builds(lambda unit, amount: Offset(unit, amount, amount), UNITS, st.integers(1, 60))
IN_DAYS = st.builds(
    lambda unit, ends: Offset(unit, ends[0], ends[1]), st.sampled_from([Unit.DAY, Unit.WEEK, Unit.MONTH]), AMOUNTS
)
RULES = st.one_of(
    st.sampled_from(["HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY"]).map(lambda name: f"FREQ={name}"),
    st.builds(
        "FREQ={};INTERVAL={}".format, st.sampled_from(["HOURLY", "DAILY", "WEEKLY", "MONTHLY"]), st.integers(2, 60)
    ),
    st.sets(st.sampled_from(["MO", "TU", "WE", "TH", "FR", "SA", "SU"]), min_size=1, max_size=5).map(
        lambda days: (
            "FREQ=WEEKLY;BYDAY=" + ",".join(day for day in ["MO", "TU", "WE", "TH", "FR", "SA", "SU"] if day in days)
        )
    ),
    st.sampled_from(["MO", "WE", "SU"]).map(lambda day: f"FREQ=WEEKLY;INTERVAL=2;BYDAY={day}"),
    st.builds("FREQ=MONTHLY;BYDAY={:+}{}".format, RANKS, st.sampled_from(["MO", "FR", "SU"])),
    st.sampled_from(["FREQ=MONTHLY;BYMONTHDAY=1", "FREQ=MONTHLY;BYMONTHDAY=-1"]),
)
LIMITS = st.none() | st.builds(Timing, st.one_of(DATES, NAMED), st.just(Relation.BY))
SAYABLE: st.SearchStrategy[Timing] = st.one_of(
    st.just(Timing(Now())),
    st.builds(Timing, DAYS, at=st.none() | CLOCKS),
    st.builds(Timing, st.sampled_from([Here(), Previous()]), st.just(Relation.OFFSET), LATER),
    st.builds(Timing, st.sampled_from([Here(), Previous()]), st.just(Relation.OFFSET), IN_DAYS, at=CLOCKS),
    st.builds(Timing, POINTS, st.just(Relation.OFFSET), EITHER),
    st.builds(Timing, st.just(Here()), st.just(Relation.WITHIN), LENGTHS),
    st.builds(Timing, POINTS, st.just(Relation.WITHIN), LENGTHS),
    st.builds(Timing, st.builds(Nth, st.integers(1, 31), st.just("day"), shift=st.just(1))),
    st.builds(
        Timing,
        DAYS,
        st.sampled_from([Relation.BEFORE, Relation.BY, Relation.AFTER, Relation.FROM, Relation.ABOUT]),
    ),
    st.builds(Timing, DATES, st.just(Relation.BETWEEN), second=DATES),
    st.builds(Timing, EVENTS, st.just(Relation.BETWEEN), second=EVENTS),
    st.builds(
        Timing,
        st.just(Here()),
        at=st.none() | CLOCKS,
        repeat=st.builds(Repeat, RULES, LIMITS, st.none() | st.integers(1, 60)),
    ),
)


@pytest.mark.parametrize("language", sorted(READ))
@given(timing=SAYABLE)
@settings(max_examples=250, deadline=None)
def test_what_is_said_is_read_back_the_same(timing: Timing, language: str) -> None:
    phrase = wording.describe(timing, language)

    assert phrase is not None
    assert phrases.parse(phrase, language=language) == timing


@pytest.mark.parametrize("language", sorted(READ))
def test_every_phrase_pointed_at_can_be_said_in_every_language(language: str) -> None:
    words = lexicon.lexicon(language)
    assert words is not None

    for example in words.examples:
        timing = phrases.parse(example, language=language)
        if isinstance(timing.anchor, Event) and timing.anchor.expected:
            continue  # its place in the phrase differs by language
        for other in READ:
            said = wording.describe(timing, other)
            assert said is not None, (example, other)
            assert phrases.parse(said, language=other) == timing
