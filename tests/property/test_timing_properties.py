"""Laws of timing that hold for every phrase, structure, zone and moment."""

import json
from datetime import UTC, date, datetime, time, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.errors import CampaignError, PhraseError
from campaigns.timing import constraints, phrases, resolver, structure, zones
from campaigns.timing.lexicon import READ, lexicon
from campaigns.timing.model import (
    Anchor,
    Beside,
    CampaignEnd,
    CampaignStart,
    Event,
    Fixed,
    Here,
    Hours,
    Moments,
    Now,
    Nth,
    Occasion,
    OfferEnd,
    Offset,
    OnBlocked,
    Part,
    Period,
    PeriodUnit,
    Pick,
    Previous,
    Relation,
    Repeat,
    Rules,
    Span,
    Stage,
    Timing,
    Touch,
    Unit,
    Weekday,
)

YEARS = st.none() | st.integers(2024, 2040)
CLOCKS = st.times(timezones=st.none()).map(lambda clock: clock.replace(microsecond=0))
ZONES = st.sampled_from(zones.names())
FIRST = datetime(2024, 1, 1, tzinfo=UTC)
MOMENTS = st.integers(0, 12 * 365 * 86400).map(lambda seconds: FIRST + timedelta(seconds=seconds))
NAMES = st.from_regex(r"[a-z][a-z_]{0,10}[a-z]", fullmatch=True)


def _dates(clock: time | None, zone: str | None, weekday: int | None, year: int | None) -> st.SearchStrategy[Fixed]:
    longest = {month: (date(year or 2024, month % 12 + 1, 1) - timedelta(days=1)).day for month in range(1, 13)}
    longest[2] = 28
    return st.integers(1, 12).flatmap(
        lambda month: st.integers(1, longest[month]).map(lambda day: Fixed(month, day, year, clock, zone, weekday))
    )


FIXED = st.tuples(
    st.none() | CLOCKS,
    st.none() | st.sampled_from(["Europe/Paris", "UTC", "+05:30", "America/New_York"]),
    st.none() | st.integers(0, 6),
    YEARS,
).flatmap(lambda parts: _dates(parts[0], parts[1] if parts[0] else None, parts[2], parts[3]))
HALVES = (Part.FIRST_HALF, Part.SECOND_HALF)
PERIODS = st.one_of(
    st.builds(Period, st.sampled_from(Part), st.just(PeriodUnit.MONTH), st.integers(1, 12), YEARS),
    st.builds(
        Period,
        st.sampled_from([p for p in Part if p not in HALVES]),
        st.just(PeriodUnit.QUARTER),
        st.integers(1, 4),
        YEARS,
    ),
    st.builds(
        Period,
        st.sampled_from([p for p in Part if p not in HALVES]),
        st.sampled_from(PeriodUnit),
        shift=st.integers(0, 24),
    ),
    st.builds(Period, st.sampled_from(Part), st.just(PeriodUnit.YEAR), st.none(), YEARS),
)
PLACES: st.SearchStrategy[Anchor] = st.one_of(
    st.sampled_from([Now(), Here(), CampaignStart(), CampaignEnd(), Previous(), Stage(), OfferEnd(), Event()]),
    FIXED,
    PERIODS,
    st.builds(Occasion, st.sampled_from(["valentines-day", "easter", "black-friday", "the-day"]), YEARS),
    st.builds(Weekday, st.integers(0, 6), st.integers(0, 8)),
    st.builds(Nth, st.integers(1, 5) | st.just(-1), st.sampled_from("0123456"), st.none() | st.integers(1, 12), YEARS),
    st.builds(Nth, st.integers(1, 4) | st.just(-1), st.just("week"), st.none() | st.integers(1, 12), YEARS),
    st.builds(Nth, st.integers(1, 31), st.sampled_from(["day", "business_day"]), shift=st.integers(0, 2)).filter(
        lambda nth: nth.what == "day" or nth.n < 24
    ),
    st.builds(Stage, NAMES),
    st.builds(Touch, NAMES),
    st.builds(Event, st.sampled_from(["purchase", "delivered"]), expected=st.booleans(), yearly=st.booleans()),
)
ANCHORS: st.SearchStrategy[Anchor] = st.one_of(
    PLACES, st.builds(Beside, st.sampled_from([*"0123456", "weekend"]), st.sampled_from([-1, 1]), PLACES)
)
AMOUNTS = st.tuples(st.integers(0, 60), st.integers(0, 60)).map(sorted)
OFFSETS = st.builds(
    lambda unit, ends, sign: Offset(unit, ends[0], ends[1], sign),
    st.sampled_from(Unit),
    AMOUNTS,
    st.sampled_from([1, -1]),
)
PLAIN = st.sampled_from([Relation.ON, Relation.BEFORE, Relation.BY, Relation.AFTER, Relation.FROM, Relation.ABOUT])
REPEATS = st.builds(
    Repeat,
    st.sampled_from(
        ["FREQ=DAILY;INTERVAL=30", "FREQ=WEEKLY;BYDAY=MO,TH", "FREQ=MONTHLY;BYDAY=+1MO", "FREQ=MONTHLY;BYMONTHDAY=-1"]
    ),
    st.none() | st.builds(Timing, FIXED, st.just(Relation.BY)),
    st.none() | st.integers(1, 30),
)
TIMINGS: st.SearchStrategy[Timing] = st.one_of(
    st.builds(Timing, ANCHORS, PLAIN, at=st.none() | CLOCKS),
    st.builds(Timing, ANCHORS, st.just(Relation.OFFSET), OFFSETS, at=st.none() | CLOCKS),
    st.builds(
        lambda anchor, amount, unit: Timing(anchor, Relation.WITHIN, Offset(unit, amount, amount)),
        ANCHORS,
        st.integers(0, 60),
        st.sampled_from(Unit),
    ),
    st.builds(Timing, ANCHORS, st.just(Relation.BETWEEN), second=ANCHORS),
    st.builds(Timing, st.just(Here()), repeat=REPEATS, at=st.none() | CLOCKS),
)
HOURS = st.none() | st.builds(Hours, CLOCKS, CLOCKS).filter(lambda hours: hours.start != hours.end)
RULES = st.builds(
    Rules,
    clock=CLOCKS,
    pick=st.sampled_from([Pick.TARGET, Pick.EARLIEST, Pick.LATEST, Pick.SPREAD]),
    send_hours=HOURS,
    quiet_hours=HOURS,
    weekdays=st.frozensets(st.integers(0, 6), min_size=1),
    on_blocked=st.none() | st.sampled_from(OnBlocked),
    spread_key=st.text(max_size=8),
)


def _known(now: datetime, zone: str) -> Moments:
    day = timedelta(days=1)
    return Moments(
        now=now,
        zone=zone,
        country=None,
        end=now + 90 * day,
        previous=now + 3 * day,
        stage=now + 2 * day,
        events={"purchase": now - 2 * day, "delivered": now + 5 * day, "event": now - day},
        expected={"purchase": now + 30 * day, "event": now + 9 * day},
        offer_end=now + 20 * day,
    )


@given(TIMINGS)
def test_what_is_written_is_read_back(timing: Timing) -> None:
    data = structure.write(timing)

    assert structure.read(json.loads(json.dumps(data))) == timing


@given(st.text(max_size=220), st.sampled_from(["en", "fr", "ro", "ru", "es", "de"]))
def test_any_text_is_read_or_refused(text: str, language: str) -> None:
    for read in (phrases.parse, phrases.parse_span, phrases.parse_repeat):
        refused: PhraseError | None = None
        try:
            read(text, language=language)
        except PhraseError as error:
            refused = error

        assert refused is None or (0 <= refused.at <= len(text) and refused.message and refused.remedy)


WORDS = sorted(
    {word for language in READ for example in lexicon(language).examples for word in example.split()}  # type: ignore[union-attr]
    | {"ago", "31", "0", "2027", "-", ",", "9h", "last", "each", "q"}
)


@given(st.lists(st.sampled_from(WORDS), max_size=12), st.sampled_from(sorted(READ)))
@settings(max_examples=300)
def test_any_known_words_are_read_or_refused_at_a_place_in_the_phrase(words: list[str], language: str) -> None:
    phrase = " ".join(words)

    refused: PhraseError | None = None
    try:
        timing = phrases.parse(phrase, language=language)
    except PhraseError as error:
        refused = error

    if refused is None:
        assert structure.read(structure.write(timing)) == timing
    else:
        assert 0 <= refused.at <= len(phrase)
        assert refused.message
        assert refused.remedy


@given(TIMINGS, MOMENTS, ZONES, RULES)
@settings(max_examples=400, deadline=None)
def test_window_holds_its_moment_in_order_and_only_allowed_moments_are_chosen(
    timing: Timing, now: datetime, zone: str, rules: Rules
) -> None:
    try:
        window = resolver.resolve(timing, _known(now, zone), rules)
    except CampaignError:
        return

    assert window.earliest <= window.target
    assert window.latest is None or window.target <= window.latest
    assert window.target.utcoffset() is not None
    assert str(window.target.tzinfo) == zone
    assert constraints.is_allowed(window.target, zone, rules)
    assert list(window.occurrences) == sorted(set(window.occurrences))
    assert resolver.resolve(timing, _known(now, zone), rules) == window


@given(ZONES, st.dates(date(2020, 1, 1), date(2035, 12, 31)), CLOCKS)
def test_every_zone_has_an_instant_for_every_local_time(zone: str, day: date, clock: time) -> None:
    instant = zones.instant(day, clock, zone)
    start, end = zones.start_of_day(day, zone), zones.end_of_day(day, zone)

    assert start <= instant
    assert instant <= end + timedelta(hours=3)
    assert zones.local(instant, zone).astimezone(UTC) == instant
    assert zones.local(start, zone).date() == day


@given(MOMENTS, ZONES, RULES)
@settings(deadline=None)
def test_next_and_previous_allowed_moments_lie_on_their_sides(now: datetime, zone: str, rules: Rules) -> None:
    later = constraints.next_allowed(now, zone, rules)
    earlier = constraints.previous_allowed(now, zone, rules)

    assert later is None or (later >= now and constraints.is_allowed(later, zone, rules))
    assert earlier is None or (earlier <= now and constraints.is_allowed(earlier, zone, rules))
    assert (later == now) == constraints.is_allowed(now, zone, rules)


@given(MOMENTS, ZONES, st.integers(0, 1000), st.sampled_from([Unit.HOUR, Unit.MINUTE]))
def test_exact_spans_are_exact_in_every_zone(now: datetime, zone: str, amount: int, unit: Unit) -> None:
    later = resolver.add_span(now, Span(amount, unit), zone)

    assert later - now == timedelta(**{unit.value: amount})
    assert resolver.add_span(later, Span(amount, unit), zone, sign=-1) == now
