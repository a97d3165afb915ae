from datetime import UTC, date, datetime

import pytest

from scheduler.cli import wording
from scheduler.cli.output import Screen, Span, columns, display_width, to_json


def lines(rows, **options) -> list[str]:
    return [
        "".join(piece.text if isinstance(piece, Span) else piece for piece in row) for row in columns(rows, **options)
    ]


def test_columns_are_as_wide_as_their_widest_cell_and_numbers_stand_right() -> None:
    rows = [("Touch", "Who", "Why"), ("offer-email", "121", "late january"), ("sms", "9", "after a purchase")]

    assert lines(rows, right=(1,)) == [
        "Touch        Who  Why",
        "offer-email  121  late january",
        "sms            9  after a purchase",
    ]


def test_in_a_terminal_the_last_column_folds_under_its_own_start() -> None:
    rows = [("offer-email", "late january, and 1 January is a holiday")]

    assert lines(rows, width=36) == [
        "offer-email  late january, and 1",
        "             January is a holiday",
    ]


def test_without_a_terminal_nothing_folds() -> None:
    assert lines([("a", "word " * 60)]) == ["a  " + "word " * 60]


def test_accents_take_no_room_and_wide_letters_two() -> None:
    assert display_width("e\u0301te\u0301") == 3
    assert display_width("日本") == 4


def test_a_line_that_is_not_for_a_terminal_has_no_colour_and_no_trailing_blanks(capsys: pytest.CaptureFixture) -> None:
    Screen().line(Span("title", "title"), "   ")

    assert capsys.readouterr().out == "title\n"


def test_colour_is_painted_where_it_is_asked_for(
    capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("FORCE_COLOR", "1")

    Screen().line(Span("+", "add"), " new")

    assert capsys.readouterr().out == "\x1b[32m+\x1b[0m new\n"


def test_no_color_wins_over_a_terminal(capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", "1")

    Screen().line(Span("+", "add"))

    assert capsys.readouterr().out == "+\n"


def test_quiet_silences_talk_and_next_steps_but_not_warnings(capsys: pytest.CaptureFixture) -> None:
    screen = Screen(quiet=True)

    screen.say("talk")
    screen.steps([("campaign plan", "")])
    screen.warn("careful")

    assert capsys.readouterr() == ("", "careful\n")


def test_next_steps_are_aligned(capsys: pytest.CaptureFixture) -> None:
    Screen().steps([("campaign plan", "look"), ("campaign apply x.yaml", "do")])

    assert capsys.readouterr().out == "Next: campaign plan            look\n      campaign apply x.yaml    do\n"


def test_plain_rows_keep_to_one_line_and_one_cell(capsys: pytest.CaptureFixture) -> None:
    Screen().rows([("a\tb", None, "two\nlines")])

    assert capsys.readouterr().out == "a b\t\ttwo lines\n"


def test_json_writes_moments_with_their_offset_and_days_without() -> None:
    document = {"at": datetime(2027, 1, 4, 9, tzinfo=UTC), "on": date(2027, 1, 4), "name": "Léa"}

    assert to_json(document) == '{"at": "2027-01-04T09:00:00+00:00", "on": "2027-01-04", "name": "Léa"}'


def test_a_naive_moment_is_never_printed() -> None:
    with pytest.raises(TypeError, match="without an offset"):
        to_json({"at": datetime(2027, 1, 4, 9)})  # noqa: DTZ001


def test_moments_are_written_short_and_in_english() -> None:
    moment = datetime(2027, 1, 4, 9, 5, tzinfo=UTC)

    assert wording.moment(moment) == "Mon 4 Jan 09:05"
    assert wording.moment(moment, year=True, align=True) == "Mon  4 Jan 2027 09:05"


@pytest.mark.parametrize(
    ("then", "words"),
    [
        (datetime(2027, 1, 4, 9, 0, 30, tzinfo=UTC), "now"),
        (datetime(2027, 1, 4, 9, 20, tzinfo=UTC), "in 20 min"),
        (datetime(2027, 1, 5, 9, tzinfo=UTC), "in 24 h"),
        (datetime(2027, 2, 17, 9, tzinfo=UTC), "in 44 days"),
        (datetime(2027, 1, 4, 6, tzinfo=UTC), "3 h ago"),
    ],
)
def test_distances_are_told_in_the_unit_a_person_would_use(then: datetime, words: str) -> None:
    assert wording.distance(datetime(2027, 1, 4, 9, tzinfo=UTC), then) == words


def test_counts_agree_with_their_noun() -> None:
    assert [wording.count(number, "contact") for number in (0, 1, 12400)] == [
        "0 contacts",
        "1 contact",
        "12 400 contacts",
    ]
