"""The ways out of marketing that a mail bears: the person's own link, and the file's address beside it."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.shop import HEAD, OFFER, Schedule, moment, person, write

from scheduler.channels.email import mime
from scheduler.store.database import Store
from scheduler.tokens import Keyring, Purpose, SignedLinks, Token

NOW = moment("2027-01-04T09:00:00+01:00")
FILE = "mailto:stop@shop.example"


@pytest.mark.parametrize(
    ("public_url", "own", "link", "mail"),
    [
        ("https://news.shop.example", FILE, "https://news.shop.example/u/", FILE),
        ("https://news.shop.example", "https://shop.example/stop", "https://news.shop.example/u/", None),
        ("http://news.shop.example", FILE, FILE, None),
        (None, FILE, FILE, None),
    ],
)
def test_the_own_link_and_the_address_of_the_file_stand_together(
    store: Store, tmp_path: Path, public_url: str | None, own: str, link: str, mail: str | None
) -> None:
    keys = Keyring(b"a secret of this test, and long")
    schedule = Schedule.on(store, NOW, links=SignedLinks(keys, public_url))
    schedule.know(person("lea@example.org"))
    schedule.apply(write(tmp_path, OFFER, head=HEAD.replace(FILE, own)))

    schedule.live_until(moment("2027-03-01T10:00:00+01:00"))

    (message,) = schedule.sent()
    assert message.unsubscribe is not None
    assert message.unsubscribe.startswith(link)
    by_mail = message.unsubscribe_mail if mail else message.unsubscribe
    assert (message.unsubscribe_mail is None) == (mail is None)
    if own == FILE:
        address, token = str(by_mail).split("?subject=unsubscribe%20")
        assert address == FILE
        assert keys.read(Purpose.UNSUBSCRIBE, token, now=NOW) == Token(1, message.delivery_id)
    head = mime.build(message).data.partition(b"\r\n\r\n")[0].decode()
    assert head.count("mailto:stop@shop.example") == (FILE in (own, link))
