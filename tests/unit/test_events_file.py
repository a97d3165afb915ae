from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from campaigns.errors import DefinitionError
from scheduler import events_file
from scheduler.errors import SchedulerError

PARIS = "Europe/Paris"


def read(*lines: str, start: date | None = None) -> tuple[events_file.EventLine, ...]:
    return events_file.read(lines, source="events.ndjson", zone=PARIS, start=start)


def test_a_line_has_who_what_when_an_id_and_facts() -> None:
    (event,) = read(
        '{"who": " lea@example.org ", "name": "purchase", "at": "2027-01-12T10:15", "id": 7, "product": "ring"}'
    )

    assert (event.line, event.who, event.name, event.key) == (1, "lea@example.org", "purchase", "7")
    assert event.at == datetime(2027, 1, 12, 9, 15, tzinfo=UTC)
    assert event.facts == {"product": "ring"}


def test_a_moment_with_an_offset_keeps_its_instant() -> None:
    (event,) = read('{"who": "lea", "name": "purchase", "at": "2027-01-12T10:15-05:00"}')

    assert event.at == datetime(2027, 1, 12, 15, 15, tzinfo=UTC)


def test_a_day_counts_from_the_first_of_the_rehearsal_by_the_local_date() -> None:
    first, before = read(
        '{"who": "lea", "name": "purchase", "at": "day 12 10:15"}',
        '{"who": "lea", "name": "purchase", "at": "day -1 23:30"}',
        start=date(2027, 3, 20),
    )

    assert first.at == datetime(2027, 4, 1, 8, 15, tzinfo=UTC)  # summer time has begun
    assert before.at == datetime(2027, 3, 19, 22, 30, tzinfo=UTC)


def test_empty_lines_are_passed_over_and_counted() -> None:
    (event,) = read("", "  \n", '{"who": "lea", "name": "purchase"}\n')

    assert event.line == 3
    assert event.at is None
    assert event.key is None


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("nonsense", "not JSON: expecting value at character 1"),
        ('{"who": "lea"', "not JSON: expecting ',' delimiter at character 14"),
        ("[1]", "expected a JSON object, got '[1]'"),
        ('{"name": "purchase"}', "`who` is missing: expected text"),
        ('{"who": 7, "name": "purchase"}', "`who` is missing: expected text"),
        ('{"who": "lea", "name": " "}', "`name` is missing: expected text"),
        ('{"who": "lea", "who": "leo", "name": "purchase"}', "a key stands twice"),
        ('{"who": "lea", "name": "purchase", "total": NaN}', "NaN is not a number"),
        ('{"who": "lea", "name": "purchase", "total": 1e999}', "the number 1e999 is too large"),
        ('{"who": "lea", "name": "purchase", "id": true}', "`id` must be text or a whole number"),
        (
            '{"who": "lea", "name": "purchase", "at": "noon"}',
            "`at`: cannot read 'noon', expected e.g. 2027-01-12T10:15 or 'day 12 10:15'",
        ),
        (
            '{"who": "lea", "name": "purchase", "at": "0001-01-01T00:00+14:00"}',
            "`at`: '0001-01-01T00:00+14:00' lies outside the years 1970 to 2200",
        ),
        (
            '{"who": "lea", "name": "purchase", "at": "day 3 10:15"}',
            "`at`: 'day 3 10:15' counts from the first day of a rehearsal, expected a date and time",
        ),
        ('{"who": "lea", "name": "purchase", "x": "' + "a" * 70_000 + '"}', "an event may have 65,536 characters, got 70,043"),
        ("[" * 60_000, "nested too deep"),
    ],
    ids=lambda value: value[:40],
)  # fmt: skip
def test_a_line_that_cannot_be_read_is_refused_with_its_place(line: str, message: str) -> None:
    with pytest.raises(DefinitionError) as refused:
        read('{"who": "lea", "name": "purchase"}', line)

    (mistake,) = refused.value.mistakes
    assert mistake.message == message
    assert str(mistake.place) == "events.ndjson:2:1"


def test_a_time_of_day_that_does_not_exist_is_refused() -> None:
    with pytest.raises(DefinitionError) as refused:
        read('{"who": "lea", "name": "purchase", "at": "day 3 24:15"}', start=date(2027, 1, 1))

    assert refused.value.message == "`at`: no such time of day in 'day 3 24:15'"


def test_every_line_that_cannot_be_read_is_told_at_once() -> None:
    with pytest.raises(DefinitionError) as refused:
        read("nonsense", '{"who": "lea", "name": "purchase"}', "[]")

    assert [mistake.place.line for mistake in refused.value.mistakes] == [1, 3]


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "events.ndjson"
    path.write_bytes(b'\xef\xbb\xbf{"who": "lea", "name": "purchase"}\n')

    (event,) = events_file.read_file(path, zone=PARIS)

    assert event.who == "lea"


def test_a_file_that_is_missing_or_no_utf_8_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "events.ndjson"
    with pytest.raises(SchedulerError) as missing:
        events_file.read_file(path, zone=PARIS)
    path.write_bytes('{"who": "Zoé"}'.encode("cp1252"))
    with pytest.raises(SchedulerError) as broken:
        events_file.read_file(path, zone=PARIS)

    assert str(missing.value) == f"cannot read {path}: no such file or directory"
    assert str(broken.value) == f"{path} is not UTF-8: byte 11 (0xe9) cannot be read - save it as UTF-8"
