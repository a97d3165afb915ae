"""The structured form: what it reads, what it writes, and how it refuses."""

from datetime import time

import pytest

from campaigns.errors import PhraseError
from campaigns.timing import phrases, structure
from campaigns.timing.model import (
    Beside,
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
    Stage,
    Timing,
    Touch,
    Unit,
    Weekday,
)

READ = [
    ({"from": {"date": "03-01"}}, Timing(Fixed(3, 1), Relation.FROM)),
    ({"nth": {"n": 1, "what": "week", "month": 1}}, Timing(Nth(1, "week", 1))),
    ({"nth": {"n": "last", "what": "week", "shift": 1}}, Timing(Nth(-1, "week", shift=1))),
    ({"nth": {"n": 15, "what": "day"}}, Timing(Nth(15, "day"))),
    (
        {"nearest": {"day": "weekend", "before": {"occasion": "christmas"}}},
        Timing(Beside("weekend", -1, Occasion("christmas"))),
    ),
    (
        {"by": {"nearest": {"day": "fri", "before": {"date": "2027-02-14"}}}},
        Timing(Beside("4", -1, Fixed(2, 14, 2027)), Relation.BY),
    ),
    ({"days": [3, 5], "after": "previous"}, Timing(Previous(), Relation.OFFSET, Offset(Unit.DAY, 3, 5))),
    ({"days": ["3", "5"]}, Timing(Previous(), Relation.OFFSET, Offset(Unit.DAY, 3, 5))),
    ({"days": 3, "after": "here"}, Timing(Here(), Relation.OFFSET, Offset(Unit.DAY, 3, 3))),
    (
        {"before": {"occasion": "valentines_day"}, "weeks": 2},
        Timing(Occasion("valentines-day"), Relation.OFFSET, Offset(Unit.WEEK, 2, 2, -1)),
    ),
    (
        {"weeks": 2, "before": "Valentine's Day"},
        Timing(Occasion("valentines-day"), Relation.OFFSET, Offset(Unit.WEEK, 2, 2, -1)),
    ),
    (
        {"period": {"part": "start", "of": "month", "month": 1}},
        Timing(Period(Part.START, PeriodUnit.MONTH, 1)),
    ),
    ({"period": {"month": "1"}}, Timing(Period(Part.WHOLE, PeriodUnit.MONTH, 1))),
    ({"period": {"part": "end", "of": "week", "shift": 1}}, Timing(Period(Part.END, PeriodUnit.WEEK, shift=1))),
    (
        {"period": {"part": "middle", "quarter": 2, "year": 2028}},
        Timing(Period(Part.MIDDLE, PeriodUnit.QUARTER, 2, 2028)),
    ),
    ({"date": "02-14"}, Timing(Fixed(2, 14))),
    ({"date": "--02-14"}, Timing(Fixed(2, 14))),
    ({"date": "2027-02-14", "at": "09:30"}, Timing(Fixed(2, 14, 2027), at=time(9, 30))),
    ({"date": "14 February"}, Timing(Fixed(2, 14))),
    (
        {"date": "2027-02-14", "clock": "09:30", "zone": "America/New_York"},
        Timing(Fixed(2, 14, 2027, time(9, 30), "America/New_York")),
    ),
    ({"on": "now"}, Timing(Now())),
    ({"on": "start"}, Timing(CampaignStart())),
    ({"weekday": "mon"}, Timing(Weekday(0))),
    ({"weekday": "Friday", "shift_weeks": 1}, Timing(Weekday(4, 1))),
    ({"nth": {"n": 1, "what": "mon", "month": 2}}, Timing(Nth(1, "0", 2))),
    ({"nth": {"n": "last", "what": "business_day"}}, Timing(Nth(-1, "business_day"))),
    ({"by": {"date": "02-14"}}, Timing(Fixed(2, 14), Relation.BY)),
    ({"before": {"date": "02-14"}}, Timing(Fixed(2, 14), Relation.BEFORE)),
    ({"after": {"occasion": "black-friday"}}, Timing(Occasion("black-friday"), Relation.AFTER)),
    ({"about": {"date": "02-14"}}, Timing(Fixed(2, 14), Relation.ABOUT)),
    ({"within": "here", "hours": 48}, Timing(Here(), Relation.WITHIN, Offset(Unit.HOUR, 48, 48))),
    (
        {"between": [{"event": "purchase"}, {"event": "delivered"}]},
        Timing(Event("purchase"), Relation.BETWEEN, second=Event("delivered")),
    ),
    (
        {"days": 5, "before": {"event": "purchase", "expected": "true"}},
        Timing(Event("purchase", expected=True), Relation.OFFSET, Offset(Unit.DAY, 5, 5, -1)),
    ),
    ({"event": "birthday"}, Timing(Event("birthday", yearly=True))),
    ({"months": 11, "event": "purchase"}, Timing(Event("purchase"), Relation.OFFSET, Offset(Unit.MONTH, 11, 11))),
    ({"hours": 48, "after": {"touch": "flash"}}, Timing(Touch("flash"), Relation.OFFSET, Offset(Unit.HOUR, 48, 48))),
    ({"days": 2, "after": {"stage": "awareness"}}, Timing(Stage("awareness"), Relation.OFFSET, Offset(Unit.DAY, 2, 2))),
    ({"days": 2, "before": "offer_end"}, Timing(OfferEnd(), Relation.OFFSET, Offset(Unit.DAY, 2, 2, -1))),
    (
        {"repeat": {"rule": "FREQ=DAILY;INTERVAL=30", "times": 3}},
        Timing(Here(), repeat=Repeat("FREQ=DAILY;INTERVAL=30", times=3)),
    ),
    (
        {"repeat": {"rule": "FREQ=WEEKLY;BYDAY=MO", "until": {"by": {"occasion": "easter"}}}, "at": "18:00"},
        Timing(
            Here(), at=time(18), repeat=Repeat("FREQ=WEEKLY;BYDAY=MO", until=Timing(Occasion("easter"), Relation.BY))
        ),
    ),
    (
        {"repeat": {"rule": "freq=weekly;byday=mo", "until": "Easter"}},
        Timing(Here(), repeat=Repeat("FREQ=WEEKLY;BYDAY=MO", until=Timing(Occasion("easter"), Relation.BY))),
    ),
]


@pytest.mark.parametrize(("data", "expected"), READ, ids=[str(data) for data, _ in READ])
def test_structure_is_read_and_survives_writing(data: dict[str, object], expected: Timing) -> None:
    timing = structure.read(data)

    assert timing == expected
    assert structure.read(structure.write(timing)) == expected


REFUSED = [
    ({}, "it says no moment"),
    ({"day": 3}, "unknown key `day:` in a timing - did you mean `days:`?"),
    ({"days": [5, 3]}, "[5, 3] runs backwards: write [3, 5]"),
    ({"days": [1, 2, 3]}, "expected one number or a range of two"),
    ({"days": "three"}, "expected a number of days between 0 and 3660, got 'three'"),
    ({"days": 4000}, "between 0 and 3660, got 4000"),
    ({"days": True}, "between 0 and 3660, got True"),
    ({"days": 3, "weeks": 1}, "expected one unit, got days and weeks"),
    ({"days": 3, "after": "previous", "before": "end"}, "expected one moment to count from"),
    ({"days": 3, "after": "previous", "occasion": "easter"}, "expected one moment to count from"),
    ({"days": 3, "by": "end"}, "needs `after:`, `before:` or `within:`, got `by:`"),
    ({"within": "here"}, "`within:` needs a length"),
    ({"within": "here", "days": [1, 2]}, "`within:` takes one length, not a range"),
    ({"between": [{"event": "purchase"}]}, "`between:` takes two moments"),
    ({"date": "14-02"}, "expected a date such as 02-14 (month and day), got '14-02'"),
    ({"date": "02-30"}, "'02-30' is no day: month 2 has 29 days"),
    ({"date": "2027-02-29"}, "'2027-02-29' is no day: month 2 has 28 days"),
    ({"date": "0001-02-14"}, "expected a year between 1900 and 2199, got 1"),
    ({"date": "Easter"}, "expected a date such as 02-14 or 2027-02-14, got 'Easter'"),
    ({"date": "02-14", "at": "25:00"}, "expected a time of day such as 09:30, got '25:00'"),
    ({"occasion": "valentin-day"}, "unknown occasion 'valentin-day' - did you mean 'valentines-day'?"),
    ({"occasion": "saint-valentine"}, "unknown occasion 'saint-valentine' - did you mean 'valentines-day'?"),
    ({"nth": {"n": 5, "what": "week"}}, "expected a rank of a week between 1 and 4, got 5"),
    ({"nearest": {"day": "fri"}}, "`nearest:` takes a day and one side"),
    ({"nearest": {"day": "fri", "before": "end", "after": "start"}}, "`nearest:` takes a day and one side"),
    ({"nearest": {"day": "weekday", "before": "end"}}, "expected a weekday such as mon, got 'weekday'"),
    ({"days": 3, "from": "end"}, "needs `after:`, `before:` or `within:`, got `from:`"),
    ({"period": {"part": "begin", "month": 1}}, "expected `part:` to be one of start, middle, end"),
    ({"period": {"part": "start", "mouth": 1}}, "unknown key `mouth:` in `period:` - did you mean 'month'?"),
    ({"period": {"month": 13}}, "expected a month between 1 and 12, got 13"),
    ({"period": {"part": "first_half", "of": "week"}}, "a week has no halves here"),
    ({"period": {"of": "month", "quarter": 2}}, "a period of a month takes no `quarter:`"),
    ({"period": {"month": 1, "shift": 1}}, "`shift:` counts from the reference day"),
    ({"weekday": "someday"}, "expected a weekday such as mon, got 'someday'"),
    ({"nth": {"n": 6, "what": "mon"}}, "expected a rank of a weekday between 1 and 5, got 6"),
    ({"occasion": "easter", "shift_weeks": 1}, "`occasion:` takes no `shift_weeks:`"),
    ({"event": "purchase", "expected": "perhaps"}, "expected true or false, got 'perhaps'"),
    ({"after": 3, "days": 1}, "expected a moment such as previous"),
    ({"after": "3 days later", "days": 1}, "'3 days later' is a whole timing, expected a moment"),
    ({"days": 1, "pick": "spread"}, "`pick:` is no part of a timing: write `pick:` beside `when:`"),
    ({"repeat": "every monday"}, "expected `repeat:` as a mapping"),
    ({"repeat": {"rule": "FREQ=SECONDLY"}}, "expected a rule such as 'FREQ=WEEKLY;BYDAY=MO'"),
    ({"repeat": {"rule": "FREQ=WEEKLY;BYDAY=+1MO"}}, "cannot read BYDAY=+1MO in the rule"),
    ({"repeat": {"rule": "FREQ=MONTHLY;BYMONTHDAY=31"}}, "cannot read BYMONTHDAY=31 in the rule"),
    ({"repeat": {"rule": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"}}, "cannot read BYMONTHDAY=30 in the rule"),
    ({"repeat": {"rule": "FREQ=DAILY;INTERVAL=0"}}, "cannot read INTERVAL=0 in the rule"),
    ({"repeat": {"rule": "FREQ=DAILY;COUNT=3"}}, "cannot read COUNT=3 in the rule"),
    ({"repeat": {"rule": "FREQ=DAILY;FREQ=WEEKLY"}}, "expected a rule such as"),
    ({"repeat": {"rule": "FREQ=DAILY", "times": 0}}, "expected a number of times between 1 and 3660, got 0"),
    ({"days": 3, "phrase": 3}, "expected the phrase as text, got 3"),
]


@pytest.mark.parametrize(("data", "message"), REFUSED, ids=[str(data) for data, _ in REFUSED])
def test_structure_that_says_nothing_is_refused_with_a_remedy(data: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        structure.read(data)

    assert message in str(caught.value)


def test_anchor_in_words_that_say_nothing_is_refused_as_a_phrase() -> None:
    with pytest.raises(PhraseError, match="unknown word 'purchas'"):
        structure.read({"days": 2, "after": "purchas"})


def test_unknown_event_is_refused_with_a_near_name() -> None:
    with pytest.raises(ValueError, match=r"unknown event 'groming' - did you mean 'grooming'"):
        structure.read({"days": 2, "after": {"event": "groming"}}, events={"grooming", "purchase"})


def test_own_days_of_the_file_are_named_as_written() -> None:
    timing = structure.read({"occasion": "Shop birthday"}, occasions={"shop-birthday"})

    assert timing == Timing(Occasion("shop-birthday"))


def test_phrase_and_its_language_are_kept() -> None:
    timing = phrases.parse("de trois à cinq jours plus tard", language="fr")

    data = structure.write(timing)

    assert data == {
        "days": [3, 5],
        "after": "previous",
        "phrase": "de trois à cinq jours plus tard",
        "language": "fr",
    }
    assert structure.read(data).phrase == "de trois à cinq jours plus tard"
    assert structure.read(data).language == "fr"


def test_written_form_is_the_one_of_the_manual() -> None:
    assert structure.write(phrases.parse("2 weeks before Valentine's Day")) == {
        "weeks": 2,
        "before": {"occasion": "valentines-day"},
        "phrase": "2 weeks before Valentine's Day",
        "language": "en",
    }
    assert structure.write(Timing(Period(Part.START, PeriodUnit.MONTH, 1))) == {
        "period": {"part": "start", "of": "month", "month": 1}
    }
