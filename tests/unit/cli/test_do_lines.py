from dataclasses import replace
from datetime import UTC, datetime

import pytest
from support.claims import a_claim

from scheduler.cli import run_lines, telling
from scheduler.cli.output import Span
from scheduler.delivery import State
from scheduler.worker import Outcome

AT = datetime(2027, 1, 4, 9, 0, 2, tzinfo=UTC)


def outcome(state: State, reason: str = "", **values: object) -> Outcome:
    contact = values.pop("contact", 1)
    channel = values.pop("channel", "email")
    claim = a_claim(
        7,
        campaign="valentines",
        touch="offer-email",
        channel=str(channel),
        recipient="c1" if contact else "@theshop",
        contact=1 if contact else None,
    )
    return Outcome(AT, claim, state, reason, **values)  # type: ignore[arg-type]


def text(pieces: list[str | Span]) -> str:
    return "".join(piece.text if isinstance(piece, Span) else piece for piece in pieces)


def test_a_sent_post_is_told_with_its_id_and_how_long_it_took() -> None:
    told = outcome(State.SENT, contact=None, channel="instagram", seconds=0.42, provider_id="1789123")

    line = text(run_lines.pieces(told, "", "Europe/Paris"))

    assert line == "10:00:02 sent      valentines/offer-email → instagram  id 1789123  0.4 s"


def test_a_message_that_was_not_sent_is_told_with_its_reason_and_a_masked_address() -> None:
    told = outcome(State.SUPPRESSED, "cap: 2 per 7 days")

    line = text(run_lines.pieces(told, "lea@example.org", "Europe/Paris"))

    assert line == "10:00:02 skip      valentines/offer-email → l…@example.org  cap: 2 per 7 days"


def test_a_long_id_is_cut_and_the_name_of_a_file_is_not() -> None:
    told = outcome(State.SENT, provider_id="valentines-2027/2027-01-04T0900Z-offer-email-lea.eml")

    cut = text(run_lines.pieces(told, "lea@example.org", "UTC"))
    whole = text(run_lines.pieces(told, "lea@example.org", "UTC", file=True))

    assert cut.endswith("  id valentines-2027/2027-01…  0.0 s")
    assert whole.endswith("  valentines-2027/2027-01-04T0900Z-offer-email-lea.eml  0.0 s")


def test_a_task_sends_the_reader_to_the_list_of_tasks() -> None:
    told = outcome(State.SENT, channel="call", provider_id="1a2b3c")

    assert text(run_lines.pieces(told, "+33639980012", None)).endswith("→ +336…12  see campaign tasks  0.0 s")


def test_what_is_done_by_hand_sends_the_reader_there_too() -> None:
    told = replace(outcome(State.SENT), by_hand=True)

    assert text(run_lines.pieces(told, "", None)).endswith("→ email  see campaign tasks  0.0 s")
    assert run_lines.document(told)["by_hand"] is True


def test_the_line_for_a_program_has_no_address() -> None:
    document = run_lines.document(outcome(State.FAILED, "refused"))

    assert document == {
        "at": AT,
        "state": "failed",
        "campaign": "valentines",
        "edition": "2027",
        "touch": "offer-email",
        "channel": "email",
        "by_hand": False,
        "recipient": "c1",
        "occurrence": "once",
        "reason": "refused",
        "provider_id": None,
        "seconds": None,
    }


@pytest.mark.parametrize(
    ("who", "masked"),
    [
        ("lea@example.org", "l…@example.org"),
        ('"odd@name"@example.org', '"…@example.org'),
        ("+33639980012", "+336…12"),
        ("1234", "12…"),
        ("", ""),
        (None, ""),
    ],
)
def test_an_address_is_masked(who: str | None, masked: str) -> None:
    assert telling.masked(who) == masked
    assert telling.masked(who, show=True) == (who or "")
