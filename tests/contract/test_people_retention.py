"""Nobody is kept longer than needed: the daily round forgets silent people and sign-ups that were never confirmed."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import select
from support.serving import assemble, serve_until
from support.shop import DAY, Schedule, addresses, moment, person, write

from campaigns.timing.phrases import parse_span
from scheduler.channels.recording import RecordingChannel
from scheduler.clock import VirtualClock
from scheduler.contacts_csv import ContactRow
from scheduler.operations import opting, people, retention
from scheduler.runtime.daily import daily, following
from scheduler.store import meta, plans, reader
from scheduler.store import people as stored
from scheduler.store.database import Store
from scheduler.store.tables import FORGOTTEN
from scheduler.store.writer import ThreadWriter
from scheduler.tokens import Token

START = moment("2027-01-20T12:00:00+01:00")
MONTH = retention.Rules(unconfirmed=parse_span("30 days"))
YEARS = retention.Rules(inactive=parse_span("3 years"))
NEWS = """
signup: {wording: "I would like news by e-mail.", version: "2027-01"}
stages:
  - stage: welcome
    kind: awareness
    when: as soon as possible
    touches:
      - {id: ask, channel: email, purpose: transactional, on: signup, when: 0 minutes later, template: emails/confirm.md}
"""


@pytest.fixture
def shop(store: Store, tmp_path: Path) -> Schedule:
    """A shop with a form, in which Lea is a contact who agreed to nothing."""
    shop = Schedule.on(store, START - DAY)
    shop.know(person("lea@example.org", consent=()))
    shop.clock.advance_to(START)
    shop.apply(write(tmp_path, NEWS))
    return shop


def sign_up(shop: Schedule, who: str) -> None:
    opting.sign_up(shop.store, shop.catalog, "shop", who, {}, source="form", now=shop.clock.now())  # type: ignore[arg-type]
    shop.tick()


def forgotten(shop: Schedule, rules: retention.Rules, now: datetime) -> int:
    """Do a whole round; return how many it forgot."""
    one = retention.Round(shop.store, shop.catalog, rules, now)  # type: ignore[arg-type]
    while one.step():
        pass
    assert one.clean
    return one.forgotten


def known(store: Store) -> list[str | None]:
    with store.read() as conn:
        return [row.email for row in stored.contacts(conn)]


def test_a_sign_up_that_is_never_confirmed_is_forgotten(shop: Schedule) -> None:
    sign_up(shop, "ion@example.org")
    shop.happens("ana@example.org", "signup", key="post-1")  # by another form, through the events
    shop.tick()
    assert addresses(shop.sent()) == ["ion@example.org", "ana@example.org"]

    assert forgotten(shop, MONTH, START + 30 * DAY) == 0
    assert forgotten(shop, MONTH, START + 31 * DAY) == 2
    assert forgotten(shop, MONTH, START + 31 * DAY) == 0

    assert known(shop.store) == ["lea@example.org"]
    with shop.store.read() as conn:
        line = plans.audits(conn)[-1]
    assert (line.who, line.action, line.detail) == (
        "retention",
        "erase",
        "sign-up not confirmed since 2027-01-21",
    )


def test_whoever_was_here_agreed_or_did_anything_else_stays(shop: Schedule) -> None:
    for who in ("lea@example.org", "ion@example.org", "ana@example.org", "eva@example.org"):
        sign_up(shop, who)
    shop.happens("ion@example.org", "purchase", key="p1")
    with shop.store.begin() as conn:
        ana = stored.find(conn, "ana@example.org")
        assert ana is not None
        stored.add_consent(conn, ana, "marketing:email", given=True, at=START, source="double opt-in")
    shop.clock.advance_to(START + 20 * DAY)
    sign_up(shop, "eva@example.org")  # once more

    assert forgotten(shop, MONTH, START + 40 * DAY) == 0
    assert forgotten(shop, MONTH, START + 51 * DAY) == 1

    assert known(shop.store) == ["lea@example.org", "ion@example.org", "ana@example.org"]


def test_a_sign_up_without_a_campaign_that_asks_for_confirmation_stays(store: Store) -> None:
    shop = Schedule.on(store, START)
    people.import_contacts(store, [person("ion@example.org", consent=())], source="signup", now=START)
    shop.happens("ion@example.org", "signup", key="s1")

    assert forgotten(shop, MONTH, START + 60 * DAY) == 0


def test_silent_people_are_forgotten_after_the_span_and_many_in_steps(shop: Schedule) -> None:
    shop.know(*(person(f"p{number}@example.org") for number in range(250)))

    assert forgotten(shop, YEARS, moment("2030-01-19T12:00:00+01:00")) == 0
    assert forgotten(shop, YEARS, moment("2030-01-21T12:00:00+01:00")) == 251

    assert known(shop.store) == []


def stopped(store: Store) -> dict[str | None, str | None]:
    with store.read() as conn:
        return {row.email: stored.suppressed(conn, row.id, marketing=True) for row in stored.contacts(conn)}


@pytest.mark.parametrize("came_back", [True, False], ids=["after they came back", "before they came back"])
def test_the_link_of_an_earlier_mail_still_stops_who_was_forgotten_for_silence(shop: Schedule, came_back: bool) -> None:
    lea = person("lea@example.org", phone="+33612345678")
    (mail,) = written_to(shop, lea)
    later = moment("2030-02-10T12:00:00+01:00")
    assert forgotten(shop, YEARS, later) == 1

    for step in range(2):
        if came_back is (step == 0):
            shop.know(lea, person("ana@example.org"))
        else:
            assert opting.stop_marketing(shop.store, shop.catalog, mail, now=later + DAY)

    assert stopped(shop.store) == {"lea@example.org": "unsubscribed", "ana@example.org": None}
    with shop.store.read() as conn:
        assert opting.answered(conn, mail)[0] == stored.find(conn, "lea@example.org")


def test_who_comes_back_twice_is_still_found_by_the_first_link(shop: Schedule) -> None:
    (first,) = written_to(shop, person("lea@example.org"))
    assert forgotten(shop, YEARS, moment("2030-02-10T12:00:00+01:00")) == 1
    shop.clock.advance_to(moment("2030-02-11T12:00:00+01:00"))
    written_to(shop, person("lea@example.org"))
    assert forgotten(shop, YEARS, moment("2033-02-20T12:00:00+01:00")) == 1
    shop.know(person("lea@example.org"))

    assert opting.stop_marketing(shop.store, shop.catalog, first, now=moment("2033-02-21T12:00:00+01:00"))

    assert stopped(shop.store) == {"lea@example.org": "unsubscribed"}


def test_the_number_of_who_was_forgotten_is_kept_for_three_months_and_only_where_mail_went(shop: Schedule) -> None:
    written_to(shop, person("lea@example.org"))
    shop.know(person("ana@example.org"))
    later = moment("2030-02-10T12:00:00+01:00")
    assert forgotten(shop, YEARS, later) == 2

    kept = [numbers(shop.store)]
    for days in (89, 91):
        forgotten(shop, YEARS, later + days * DAY)
        kept.append(numbers(shop.store))

    assert kept == [["formerly #1"], ["formerly #1"], []]


def written_to(shop: Schedule, *who: ContactRow) -> list[Token]:
    """Know people and send each the mail of a sign-up; return what its links say."""
    shop.know(*who)
    for one in who:
        sign_up(shop, str(one.email))
    with shop.store.read() as conn:
        found = [stored.find(conn, str(one.email)) for one in who]
        return [Token(contact, reader.deliveries(conn, contact=contact)[-1].id) for contact in found if contact]


def numbers(store: Store) -> list[str]:
    with store.read() as conn:
        return list(conn.execute(select(FORGOTTEN.c.scope)).scalars())


def test_while_the_database_is_held_nobody_is_forgotten(shop: Schedule) -> None:
    with shop.store.begin() as conn:
        meta.set_hold(conn, meta.Hold("the clock jumped", START))

    assert forgotten(shop, YEARS, moment("2040-01-21T12:00:00+01:00")) == 0

    assert known(shop.store) == ["lea@example.org"]


def test_the_daemon_does_its_round_at_the_start_and_again_at_three(store: Store) -> None:
    clock = VirtualClock(moment("2027-01-20T02:59:59+00:00"))
    rounds: list[tuple[datetime, int]] = []

    def begin(now: datetime):  # type: ignore[no-untyped-def]
        rounds.append((now, 0))

        def step() -> bool:
            rounds[-1] = (now, rounds[-1][1] + 1)
            return rounds[-1][1] < 3

        return step

    writer = ThreadWriter()
    daemon, _ = assemble(
        store, {"email": RecordingChannel("email")}, writer, rounds=[daily(begin, writer, clock)], clock=clock
    )
    asyncio.run(serve_until(daemon, lambda: len(rounds) == 1 and rounds[0][1] == 3))
    writer.close()

    assert rounds == [(moment("2027-01-20T02:59:59+00:00"), 3)]
    assert following(rounds[0][0]) == moment("2027-01-20T03:00:00+00:00")
    assert following(moment("2027-01-20T03:00:00+00:00")) == moment("2027-01-21T03:00:00+00:00")
