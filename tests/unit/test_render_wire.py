"""What the daemon and its renderers say: what is refused on the way, and how a job is written."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from support.revisions import job, mail, revision

from campaigns.errors import RenderError
from campaigns.plain import PlainFacts
from campaigns.rendering import Content
from campaigns.rendering.encoding import Quoted
from campaigns.rendering.finished import Finished
from campaigns.rendering.shape import Filled
from scheduler.rendering import wire
from scheduler.rendering.base import Job, Person
from scheduler.rendering.inline import InlineRenderer
from scheduler.rendering.shapes import Finisher, Ready


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
        '[[1,1,1,"d",[],[]]]',
        "[[1,1,1,0,[],[]]]",
        "[[1,1,null,-1,[],[]]]",
        "[[1,true,null,0,[],[]]]",
        "[[1,3,null,0,[],[]]]",
        "[[0,0,null,0,[],[1]]]",
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


def test_a_message_that_arrives_says_the_same_as_the_one_that_left() -> None:
    left = Content("Hello", "Leave: https://x.example/1", None, "Soon", (("a.png", "A"),), own=("https://x.example/1",))

    (arrived,) = wire.Inbox(1 << 20).take(wire.answers([left]))

    (said,) = arrived.said
    assert said == left
    assert said.hash == left.hash == Content("Hello", "Leave: ", None, "Soon", (("a.png", "A"),)).hash


def test_text_that_is_cut_inside_a_letter_is_refused() -> None:
    with pytest.raises(wire.BrokenFrameError):
        list(wire.Inbox(1 << 20).take(wire.frame("=[[1,1,null,0,[],[]]]\né")))


SHAPE = wire.shape([0, [4, 5]], [b"<p>\n", b"=\nx.\n"])
SHAPE += wire.shape([1, [2, 2, 2]], [b"a\n", b"b\n", b"c\n"])
DIGEST = "0" * 64


def finished(*texts: bytes, number: object = 0) -> bytes:
    """Return the frame of one finished mail."""
    head = [DIGEST, False, number, False, [len(text) for text in texts], []]
    return wire.answers([Ready(head, list(texts))])


def test_values_of_a_known_shape_become_a_mail() -> None:
    (arrived,) = wire.Inbox(1 << 20).take(SHAPE + finished(b"Hello", b"", b"Zo=C3=AB\n", b"Zo=C3=AB"))

    (said,) = arrived.said
    assert isinstance(said, Finished)
    assert (said.subject, said.text, said.html, said.hash) == ("Hello", "Zoë\n", "<p>\nZoëx.\n", DIGEST)
    assert said.html_part is not None
    assert said.html_part.body == b"<p>\r\nZo=C3=AB=\r\nx.\r\n"


@pytest.mark.parametrize(
    "shape",
    [
        wire.shape([0, [5]], [b".\nhi\n"]),
        wire.shape([0, [5]], [b"hi\n.\n"]),
        wire.shape([0, [6]], [b"hi\r\n\n"]),
        wire.shape([0, [3]], [b"hi\r"]),
        wire.shape([0, [2, 3]], [b"a\n", b".b\n"]),
        wire.shape([0, [2]], [b"hi"]),
        wire.shape([0, [3]], [b"\xc3\xa9\n"]),
        wire.shape([0, []], []),
        wire.shape([256, [1]], [b"\n"]),
        wire.shape([-1, [1]], [b"\n"]),
        wire.shape([0, [2]], [b"\n"]),
        wire.shape([0, [1]], [b"\n\n"]),
        wire.shape([0], []),
        wire.frame("+[0,[]]"),
    ],
)
def test_shape_that_a_mail_server_would_not_take_as_it_is_is_refused(shape: bytes) -> None:
    with pytest.raises(wire.BrokenFrameError):
        list(wire.Inbox(1 << 20).take(shape))


@pytest.mark.parametrize(
    "mail",
    [
        finished(b"Hello", b"", b"Hi\n", b".\nMAIL"),
        finished(b"Hello", b"", b"Hi\n", b"a\n.\n"),
        finished(b"Hello", b"", b"Hi\n", b"x\0.\nMAIL", number=1),
        finished(b"Hello", b"", b"Hi\n", b"a\r"),
        finished(b"Hello", b"", b"Hi\n", b"\xff"),
        finished(b"Hello", b"", b"Hi\n", b"a\0b"),
        finished(b"Hello", b"", b"Hi\n.\n", b""),
        finished(b"Hello", b"", b".\n", b""),
        finished(b"Hello", b"", b"Hi\r\n", b""),
        finished(b"Hello", b"", b"Hi", b""),
        finished(b"\xff", b"", b"Hi\n", b""),
        finished(b"Hello", b"", b"Hi\n", b"", number=2),
        finished(b"Hello", b"", b"Hi\n", b"", number="0"),
        finished(b"Hello", b"", b"Hi\n", b"x", number=None),
        finished(b"Hello", b"", b"Hi\n"),
    ],
)
def test_finished_mail_that_could_end_itself_is_refused(mail: bytes) -> None:
    with pytest.raises(wire.BrokenFrameError):
        list(wire.Inbox(1 << 20).take(SHAPE + mail))


@pytest.mark.parametrize("text", ["Hi\r\nyou\n", "Hi\ryou\n", "\ud800\n", "Hi", "Hi\n.net\n", ".net\n"])
def test_text_that_would_not_be_read_back_or_taken_as_it_is_leaves_unfinished(text: str) -> None:
    assert Finisher(lambda head, pieces: None).finish(Content("Hello", text)) is None


def test_shapes_are_told_anew_when_there_are_too_many() -> None:
    told: list[object] = []
    finisher = Finisher(lambda head, _: told.append(head[0]))
    shapes = [Quoted([f"<p>{number} ", "</p>\n"]) for number in range(257)]

    for quoted in [*shapes, shapes[256], shapes[0]]:
        finisher.finish(Content("Hello", "Hi\n", "", filled=Filled(quoted, ["x"])))

    assert told == [*range(256), 0, 1]


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
    assert list(wire.jobs(shared, written)) == [
        ("t", people[0], False, None),
        ("t", people[1], False, None),
        ("u", {"contact": {"id": 3}}, False, None),
    ]


def test_stored_facts_travel_behind_the_jobs_as_they_are() -> None:
    facts = PlainFacts(contact={}, campaign={"id": "c"}, stage={"id": "s"})
    stored = '{"city":"Lyon",\n"x":"é"}'.encode()
    jobs = [
        (
            wire.job("t", facts, finished=True, over={"first_name": "Léa", "consent": ("marketing",)}),
            wire.shared(facts),
        ),
        (wire.job("u", {"contact": {"id": 3}}), None),
    ]

    ((name, revision, shared, written, people),) = wire.Inbox(1 << 20).take(wire.order(7, jobs, [stored, None]))

    assert (name, revision, people) == ("render", 7, [stored, None])
    over = {"first_name": "Léa", "consent": ["marketing"]}
    assert list(wire.jobs(shared, written, people)) == [
        ("t", {"contact": over, "campaign": {"id": "c"}, "stage": {"id": "s"}}, True, Person(stored, over)),
        ("u", {"contact": {"id": 3}}, False, None),
    ]


@pytest.mark.parametrize("lengths", ["[9]", "[-1]", "[2]", '["x"]'])
def test_order_whose_texts_have_other_lengths_is_refused(lengths: str) -> None:
    body = f'!["render",1,[],[],{lengths}]\n{{}}x'.encode()

    with pytest.raises(wire.BrokenFrameError):
        list(wire.Inbox(1 << 20).take(len(body).to_bytes(4, "big") + body))


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
