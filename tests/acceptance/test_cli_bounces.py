"""`campaign bounces`: what it says, what it leaves behind, and a mail that goes, comes back and is the last one.

The golden screens are written anew with `CAMPAIGN_UPDATE_GOLDEN=1 pytest tests/acceptance/test_cli_bounces.py`.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from support.daemon import Mailbox, campaign, daemon, environment, served_by
from support.returned_mails import mbox, sample
from support.shop import HEAD
from support.terminal import Shop, screen

from scheduler.store import people
from scheduler.store.database import Store
from scheduler.store.reader import deliveries
from scheduler.tokens import Keyring, SignedLinks

SECRET = "a secret of thirty-two bytes ...."
LINKS = SignedLinks(Keyring(SECRET.encode()), None, "bounces@shop.example")
DECEMBER = "2026-12-02T09:00+01:00"
KARIM, LEA = "karim@example.org", "lea@example.org"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    made = Shop.example(tmp_path, monkeypatch)
    monkeypatch.setenv("CAMPAIGN_SECRET_KEY", SECRET)
    made.applied().send("2026-12-01T10:00")
    return made


def stamped(shop: Shop, who: str) -> str:
    """Return the return path of the first mail that somebody was sent."""
    store = Store(f"sqlite:///{shop.folder}/var/campaign.db")
    try:
        with store.read() as conn:
            (found,) = deliveries(conn, touch="welcome", contact=people.find(conn, who))
    finally:
        store.close()
    path = LINKS.return_path(found.id, who)
    assert path is not None
    return path


def box(shop: Shop) -> Path:
    """Leave a mailbox of everything that comes back to a shop."""
    lea, karim = stamped(shop, LEA), stamped(shop, KARIM)
    mails = (
        sample("postfix-user-unknown", to=lea, recipient=LEA),
        sample("qmail", to=lea, recipient=LEA),
        sample("postfix-delayed", to=karim, recipient=KARIM),
        sample("vacation", to=karim, recipient=KARIM),
        sample("arf-abuse", to=karim, recipient=KARIM),
        sample("gmail-unauthenticated", to=karim, recipient=KARIM),
        sample("letter", to=karim, recipient=KARIM),
        sample("gmail-no-such-user"),
        b"Content-Type: message/rfc822\n\n" * 1000,
    )
    path = shop.folder / "bounces.mbox"
    path.write_bytes(mbox(*mails))
    return path


def test_a_mailbox_is_read_and_says_what_it_did(shop: Shop) -> None:
    box(shop)

    text = shop.shown("bounces", "bounces.mbox", "-v", now=DECEMBER)

    assert text == screen("bounces", text)


def test_the_same_mailbox_again_changes_nothing(shop: Shop) -> None:
    box(shop)
    shop.done("bounces", "bounces.mbox", now=DECEMBER)

    text = shop.shown("bounces", "bounces.mbox", now=DECEMBER)

    assert text == screen("bounces-again", text)


def test_a_dry_run_says_what_it_would_do(shop: Shop) -> None:
    box(shop)

    text = shop.shown("bounces", "bounces.mbox", "--dry-run", now=DECEMBER)

    assert text == screen("bounces-dry-run", text)
    assert shop.json("contacts", "show", LEA)["standing"] == "marketing"
    assert shop.json("bounces", "bounces.mbox", now=DECEMBER)["stopped"] == {"email": 1, "marketing": 1}


def test_the_help_leads_with_examples(shop: Shop) -> None:
    text = shop.shown("bounces", "--help", now=None)

    assert text == screen("bounces-help", text)


def test_the_history_of_a_person_shows_what_came_back(shop: Shop) -> None:
    box(shop)
    shop.done("bounces", "bounces.mbox", now=DECEMBER)

    lea = shop.json("contacts", "show", LEA)
    log = shop.lines("log", "--contact", LEA)
    audit = shop.json("audit", now=DECEMBER)["audit"][-1]

    assert lea["standing"] == "no marketing: bounce"
    assert [line["detail"] for line in lea["history"] if line["what"] in ("stopped", "event")] == [
        "bounce: by mail, campaign shop, touch welcome, message 1, class dead_address, status 5.1.1, said 550 5.1.1"
        " <lea@example.org>: Recipient address rejected: User unknown",
        "email: bounce",
    ]
    assert [(line["state"], line["reason"]) for line in log] == [("sent", "1 December; came back: 5.1.1")]
    assert (audit["who"], audit["action"], audit["subject"]) == ("bounces", "pause", "shop")


def test_json_says_of_every_mail_what_it_was_and_hides_who(shop: Shop) -> None:
    box(shop)

    found = shop.json("bounces", "bounces.mbox", now=DECEMBER)

    assert (found["dry_run"], found["read"], found["stopped"]) == (False, 9, {"email": 1, "marketing": 1})
    assert {name: number for name, number in found["counts"].items() if number} == {
        "dead_address": 1,
        "policy": 1,
        "complaint": 1,
        "delayed": 1,
        "auto_reply": 1,
        "known": 1,
        "other": 1,
        "not_ours": 1,
        "unreadable": 1,
    }
    assert found["mails"][0] == {
        "number": 1,
        "outcome": "dead_address",
        "campaign": "shop",
        "touch": "welcome",
        "contact": "l…@example.org",
        "class": "dead_address",
        "status": "5.1.1",
        "said": "550 5.1.1 <…@example.org>: Recipient address rejected: User unknown",
        "stopped": "email",
    }
    assert [one["campaign"] for one in found["paused"]] == ["shop"]


def test_a_server_pipes_one_mail_in_and_names_the_envelope(shop: Shop) -> None:
    to = stamped(shop, LEA)
    mail = sample("plain-full-without-code", to="undisclosed").decode()

    foreign = json.loads(shop.done("bounces", "-", "--json", now=DECEMBER, stdin=mail))
    ours = json.loads(shop.done("bounces", "--recipient", to, "--json", now=DECEMBER, stdin=mail))

    assert [one["outcome"] for one in foreign["mails"]] == ["not_ours"]
    assert [one["outcome"] for one in ours["mails"]] == ["soft"]


def test_a_maildir_is_a_mailbox_too(shop: Shop) -> None:
    folder = shop.folder / "Maildir" / "new"
    folder.mkdir(parents=True)
    (folder / "1.x").write_bytes(sample("exim-plain", to=stamped(shop, LEA)))

    assert shop.done("bounces", "Maildir", "--plain", now=DECEMBER) == (
        "1\tdead_address\tshop/welcome\tl…@example.org\t\temail\tMail delivery software wrote this message. A message of"
        " yours did not reach this recipient, for good: …@example.org Unrouteable address\n"
    )


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (("gone.mbox",), 1, "cannot read gone.mbox: no such file or directory"),
        ((".",), 1, ". is a folder and no Maildir"),
    ],
)
def test_what_cannot_be_read_is_named(shop: Shop, args: tuple[str, ...], code: int, message: str) -> None:
    result = shop.run("bounces", *args)

    assert result.exit_code == code
    assert message in result.stderr


class Envelopes(Mailbox):
    """A mail server that remembers the sender of each envelope."""

    def __init__(self) -> None:
        super().__init__()
        self.senders: dict[str, str] = {}

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.senders[envelope.rcpt_tos[0]] = str(envelope.mail_from)
        return await super().handle_DATA(server, session, envelope)


MAILING = """
courtesy: {quiet_hours: none}
stages:
  - stage: launch
    kind: awareness
    when: as soon as possible
    touches:
      - {id: offer, channel: email, subject: Hello, text: "Come in"}
  - stage: home
    kind: loyalty
    enter_on: purchase
    touches:
      - {id: thanks, channel: email, purpose: transactional, on: purchase, when: 0 minutes later, subject: Thanks, text: "x"}
"""


def test_a_mail_goes_comes_back_and_is_the_last_one_while_the_daemon_works(tmp_path: Path) -> None:
    server = Envelopes()
    (tmp_path / "shop.yaml").write_text(HEAD + MAILING, encoding="utf-8")
    (tmp_path / "people.csv").write_text(f"email,consent\n{LEA},marketing\n{KARIM},marketing\n", encoding="utf-8")
    with served_by(server) as url:
        env = environment(CAMPAIGN_SMTP_URL=url, CAMPAIGN_BOUNCE_ADDRESS="bounces@shop.example")
        campaign(tmp_path, "contacts", "import", "people.csv", "--yes", env=env)
        campaign(tmp_path, "apply", "shop.yaml", "--yes", env=env)
        with daemon(tmp_path, env=env):
            server.wait_for(2)
            report = sample("postfix-user-unknown", to=server.senders[LEA]).decode()
            done = campaign(tmp_path, "bounces", "-", "--json", env=env, stdin=report)
            campaign(tmp_path, "event", LEA, "purchase", env=env)
            campaign(tmp_path, "event", KARIM, "purchase", env=env)
            server.wait_for(3)
        log = campaign(tmp_path, "log", "--contact", LEA, "--json", env=env).stdout

    assert server.senders[LEA].startswith("bounces+")
    assert server.senders[LEA] != server.senders[KARIM]
    assert json.loads(done.stdout)["stopped"] == {"email": 1, "marketing": 0}
    assert sorted(server.recipients()) == [KARIM, KARIM, LEA]
    lines = [json.loads(line) for line in log.splitlines()]
    assert [(line["touch"], line["state"]) for line in lines] == [("offer", "sent"), ("thanks", "suppressed")]
    assert lines[0]["reason"].endswith("came back: 5.1.1")
    assert lines[1]["reason"] == "bounce"
