"""Reports mutilated at random: reading them never raises, and without a stamp of ours they change nobody."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.returned_mails import NAMES, sample
from support.shop import HOUR, Schedule, person, write

from scheduler.catalog import Catalog
from scheduler.channels.email.returned import Kind, Raw, read
from scheduler.operations import returning
from scheduler.operations.effects import Outcome
from scheduler.store import people
from scheduler.store.database import Store
from scheduler.tokens import Keyring, SignedLinks

NOW = datetime(2027, 3, 1, 10, tzinfo=UTC)
KEYS = Keyring(b"a secret of thirty-two bytes ....")
# Of the very mail that was sent, by somebody who does not know the key.
FORGED = f"bounces+{Keyring(b'some other secret of enough bytes').stamp(1, 'lea@example.org')}@shop.example"
SHOP = """
stages:
  - stage: launch
    kind: awareness
    when: as soon as possible
    touches:
      - {id: open, channel: email, subject: Open, text: "x"}
"""
PIECES = st.sampled_from(
    [b"", b"\n", b"\r\n\r\n", b"--", b"\x00", b"=?utf-8?b?", b"Content-Type: message/rfc822\n\n", b": ", b";", b'"',
     b"Action: failed\n", b"Status: 5.1.1\n", b"\xff\xfe", b"boundary*9999999999999=", b"@", b"<", b"550 5.1.1 "]
)  # fmt: skip
CUTS = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 200), PIECES), max_size=12)


@st.composite
def mutilated(draw: st.DrawFn, *, to: str = "bounces@shop.example") -> bytes:
    """Return a sample with pieces cut out, put in and moved."""
    mail = sample(draw(st.sampled_from(NAMES)), to=to)
    for where, length, piece in draw(CUTS):
        at = int(where * len(mail))
        mail = mail[:at] + piece + mail[at + length :]
    return mail


@pytest.fixture
def written_to(tmp_path: Path) -> Schedule:
    """A shop that has sent Léa one mail."""
    made = Schedule.on(Store.memory(), NOW, links=SignedLinks(KEYS, None, "bounces@shop.example"))
    made.know(person("lea@example.org"))
    made.apply(write(tmp_path, SHOP))
    made.live_until(NOW + HOUR)
    assert [message.delivery_id for message in made.sent()] == [1]
    return made


@given(mutilated() | st.binary(max_size=2000))
@settings(max_examples=400)
def test_whatever_comes_is_read_without_raising(mail: bytes) -> None:
    found = read(Raw(1, mail))

    assert found.kind in Kind
    assert len(found.stamps) + len(found.links) + len(found.message_ids) <= 60


@given(st.lists(mutilated(to=FORGED), max_size=4))
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nobody_is_stopped_without_a_stamp_of_ours(written_to: Schedule, mails: list[bytes]) -> None:
    numbered = [(number, read(Raw(number, mail))) for number, mail in enumerate(mails, 1)]

    report = returning.take_in(written_to.store, Catalog(), KEYS, numbered, now=NOW, keep=True)

    assert {one.outcome for one in report.effects} <= {Outcome.NOT_OURS, Outcome.AUTO_REPLY, Outcome.UNREADABLE}
    with written_to.store.read() as conn:
        assert people.suppressions(conn, 1) == []
