"""What the daemon and its renderers say: what is refused on the way, and how a job is written."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from support.revisions import job, mail, revision

from campaigns.errors import RenderError
from scheduler.rendering import wire
from scheduler.rendering.base import Job
from scheduler.rendering.inline import InlineRenderer


def test_job_is_written_as_the_plain_data_a_template_sees() -> None:
    facts = {"contact": {"on": date(2027, 2, 14), "paid": Decimal("19.50"), "at": datetime(2027, 1, 1, tzinfo=UTC)}}

    assert wire.job("hello", facts) == (
        '["hello",{"contact":{"on":"2027-02-14","paid":19.5,"at":"2027-01-01T00:00:00+00:00"}}]'
    )


def test_day_as_a_key_is_written_as_its_text() -> None:
    assert wire.job("hello", {"contact": {date(2027, 2, 14): 1}}) == '["hello",{"contact":{"2027-02-14":1}}]'


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
    "value",
    [None, [], ["a"], ["a", "b", "c", 1, []], ["a", "b", "c", "d", [["a"]]], [True, "a", [1], "b"], ["ready"]],
)
def test_answer_of_another_shape_is_refused(value: object) -> None:
    with pytest.raises(wire.BrokenFrameError):
        wire.read(value)


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
