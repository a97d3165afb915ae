"""What the daemon and its renderers say: what is refused on the way, and how a job is written."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from support.revisions import job, mail, revision

from campaigns.errors import RenderError
from campaigns.plain import PlainFacts
from scheduler.rendering import wire
from scheduler.rendering.base import Job
from scheduler.rendering.inline import InlineRenderer


def test_job_is_written_as_the_plain_data_a_template_sees() -> None:
    facts = {"contact": {"on": date(2027, 2, 14), "paid": Decimal("19.50"), "at": datetime(2027, 1, 1, tzinfo=UTC)}}

    assert wire.job("hello", facts) == (
        b'["hello",{"contact":{"on":"2027-02-14","paid":19.5,"at":"2027-01-01T00:00:00+00:00"}}]'
    )


def test_day_as_a_key_is_written_as_its_text() -> None:
    assert wire.job("hello", {"contact": {date(2027, 2, 14): 1}}) == b'["hello",{"contact":{"2027-02-14":1}}]'


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (object(), "expected text, a number, a list or a mapping as a fact, got object"),
        (b"x", "expected text, a number, a list or a mapping as a fact, got bytes"),
        (float("nan"), "expected a finite number, got nan"),
        (Decimal("inf"), "expected a finite number, got Infinity"),
        (Decimal("sNaN"), "expected a finite number, got sNaN"),
        (Decimal("1e999"), "expected a number of at most 300 digits"),
        pytest.param(10**5000, "expected a number of at most 300 digits", id="digits"),
    ],
)
def test_fact_that_no_template_could_be_given_is_an_error(value: object, why: str) -> None:
    with pytest.raises(RenderError) as caught:
        wire.job("hello", {"contact": {"v": value}})

    assert caught.value.message == why


def test_facts_that_hold_themselves_are_an_error() -> None:
    contact: dict[str, object] = {}
    contact["self"] = contact

    with pytest.raises(RenderError) as caught:
        wire.job("hello", {"contact": contact})

    assert caught.value.message == "expected facts nested at most 20 levels deep"


@pytest.mark.parametrize("frame", [b"\xff\xff\xff\xff", wire.frame("x"), b"\0\0\0\1\xff", wire.frame("[" * 100_000)])
def test_broken_frame_is_refused(frame: bytes) -> None:
    with pytest.raises(wire.BrokenFrameError):
        list(wire.Inbox(1 << 20).take(frame))


@pytest.mark.parametrize(
    "head",
    [
        "null",
        "7",
        "[null]",
        "[[]]",
        '[["a"]]',
        '[[1,1,1,"d",[]]]',
        "[[1,1,1,0,[]]]",
        "[[1,1,null,-1,[]]]",
        "[[1,true,null,0,[]]]",
        "[[1,3,null,0,[]]]",
        '[[1,1,null,0,[["a"]]]]',
        '[[true,"a",[1],"b"]]',
        "[[1,1,null,0,[]]",
    ],
)
def test_answers_of_another_shape_are_refused(head: str) -> None:
    with pytest.raises(wire.BrokenFrameError):
        list(wire.Inbox(1 << 20).take(wire.frame(f"={head}\nab")))


def test_answers_without_an_end_of_their_head_are_refused() -> None:
    with pytest.raises(wire.BrokenFrameError):
        list(wire.Inbox(1 << 20).take(wire.frame("=[]")))


def test_text_that_is_cut_inside_a_letter_is_refused() -> None:
    with pytest.raises(wire.BrokenFrameError):
        list(wire.Inbox(1 << 20).take(wire.frame("=[[1,1,null,0,[]]]\né")))


def test_what_messages_share_is_sent_once() -> None:
    campaign, stage = {"id": "c"}, {"id": "s"}
    people = [PlainFacts(contact={"id": number}, campaign=campaign, stage=stage) for number in (1, 2)]
    jobs = [(wire.job("t", facts), wire.shared(facts)) for facts in people]

    frame = wire.order(7, [*jobs, (wire.job("u", {"contact": {"id": 3}}), None)])

    assert frame[4:] == (
        b'["render",7,[{"campaign":{"id":"c"},"stage":{"id":"s"}}],'
        b'[["t",{"contact":{"id":1}},0],["t",{"contact":{"id":2}},0],["u",{"contact":{"id":3}}]]]'
    )
    ((_, _, shared, written),) = wire.Inbox(1 << 20).take(frame)
    assert list(wire.jobs(shared, written)) == [("t", people[0]), ("t", people[1]), ("u", {"contact": {"id": 3}})]


def test_message_is_at_most_a_mebibyte_over_all_its_parts() -> None:
    large = "{% for n in range(600) %}" + "é" * 500 + "{% endfor %}"
    shop = revision(mail("large", template="large.txt"), mail("twice", text=large), templates={"large.txt": large})

    one, two = asyncio.run(InlineRenderer().render([job(shop, "large"), job(shop, "twice")]))

    assert not isinstance(one, RenderError)
    assert str(two) == "the message 'twice' is longer than 1 MiB"


def test_mistake_that_nobody_foresaw_is_of_one_message_alone() -> None:
    shop = revision(mail("hello", text="Hello"))

    broken, fine = asyncio.run(InlineRenderer().render([Job(shop, "hello", {}), job(shop, "hello")]))

    assert isinstance(broken, RenderError)
    assert not isinstance(fine, RenderError)
