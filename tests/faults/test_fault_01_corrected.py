"""Row 1, of a correction: killed between its planning and its sending, it reaches whom the wrong words reached, once."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from support.faults import BOTH, CONNECTIONS, MAILING, until
from support.sink import Rule, Sink

if TYPE_CHECKING:
    from conftest import Mailings

PEOPLE = 90
RIGHT = MAILING.replace("text:", "preheader: The right price, text:", 1)
SORRY = """
      - {id: sorry, channel: email, corrects: mailing, subject: Our mistake, text: "It was the wrong price",
         courtesy: {caps: none}}
"""


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.timeout(300)
def test_a_correction_killed_over_and_over_goes_once_to_exactly_those_with_the_wrong_words(
    kind: str, mailings: Mailings, server: Sink
) -> None:
    mailing = mailings(kind, PEOPLE)
    server.script(Rule("dot", "delay", seconds=0.05))
    daemon = mailing.start()
    server.wait(20)
    daemon.kill()
    mailing.forget_dead_daemons()
    server.quiet()
    wrong = set(server.recipients())
    perhaps = {row.email for row in mailing.rows() if row.state in ("attempting", "unknown")}
    assert 20 <= len(wrong) < PEOPLE

    mailing.apply(RIGHT + SORRY)
    for taken in (0, 3, 9):
        daemon = mailing.start()
        if not taken:
            until(lambda: mailing.rows("sorry"), "the correction is planned")
        else:
            server.wait(len(wrong) + taken)
        daemon.kill()
        mailing.forget_dead_daemons()
    server.script()
    daemon = mailing.start()
    mailing.settled()
    code = daemon.stop()
    server.quiet()

    touches = dict(mailing.query("SELECT a.key, d.touch FROM attempt a JOIN delivery d ON d.id = a.delivery"))
    got = Counter((one.recipient, touches[one.message_id.strip("<>").partition("@")[0]]) for one in server.taken())
    told = {row.email for row in mailing.rows("sorry")}
    assert code == 0
    assert set(got.values()) == {1}
    assert wrong | perhaps == told
    assert {row.state for row in mailing.rows("sorry")} <= {"sent", "unknown", "held"}
    assert sum(row.state != "sent" for row in mailing.rows("sorry")) <= 3 * CONNECTIONS
    sorry = {email for email, touch in got if touch == "sorry"}
    assert {row.email for row in mailing.rows("sorry") if row.state == "sent"} <= sorry <= told
