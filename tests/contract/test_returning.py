"""What follows from mails that come back, on a real store: proven by their stamps, each effect once."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from support.returned_mails import sample
from support.shop import DAY, HOUR, Schedule, moment, person, write

from scheduler.channels.base import Mark, Message, Receipt
from scheduler.channels.email.returned import Raw, read
from scheduler.channels.recording import RecordingChannel
from scheduler.errors import DeadMailbox, Unknown
from scheduler.operations import ledger_check, returning
from scheduler.operations.effects import Effect, Report
from scheduler.store import events, people, plans, reach, reader, returned
from scheduler.store.database import Store
from scheduler.tokens import Keyring, Purpose, SignedLinks, Token

KEYS = Keyring(b"a secret of thirty-two bytes ....")
LINKS = SignedLinks(KEYS, "https://news.shop.example", "bounces@shop.example")
START = moment("2027-03-01T10:00:00+01:00")
LEA = "lea@example.org"
SHOP = """
courtesy: {quiet_hours: none, caps: none}
stages:
  - stage: home
    kind: loyalty
    enter_on: purchase
    touches:
      - {id: thanks, channel: email, purpose: transactional, on: purchase, again: each order, when: 0 minutes later, subject: Thanks, text: "x"}
      - {id: more, channel: email, on: cart_abandoned, again: each cart, when: 0 minutes later, subject: More, text: "x"}
      - {id: text, channel: sms, purpose: transactional, on: delivered, when: 0 minutes later, text: "x"}
"""


class Lost(RecordingChannel):
    """Loses the line behind each mail: nobody knows whether it went."""

    async def send(self, message: Message, mark: Mark) -> Receipt:
        await super().send(message, mark)
        raise Unknown("the connection was lost after the final dot")


class Dead(RecordingChannel):
    """Hands mails to a server that knows its mailboxes."""

    async def send(self, message: Message, mark: Mark) -> Receipt:
        await super().send(message, mark)
        raise DeadMailbox("550 5.1.1 no such user")


@pytest.fixture
def shop(store: Store, tmp_path: Path) -> Schedule:
    made = Schedule.on(store, START, links=LINKS)
    made.know(person(LEA, ref="17"))
    made.apply(write(tmp_path, SHOP))
    return made


def bought(shop: Schedule, order: int, *, at: datetime | None = None) -> str:
    """Let Léa buy something; return the return path of the mail that thanks her."""
    if at is not None:
        shop.live_until(at)
    shop.happens(LEA, "purchase", order=order)
    shop.tick()
    path = shop.sent()[-1].return_path
    assert path is not None
    return path


def comes_back(shop: Schedule, *mails: bytes, keep: bool = True) -> Report:
    numbered = [(number, read(Raw(number, mail))) for number, mail in enumerate(mails, 1)]
    return returning.take_in(shop.store, shop.catalog, KEYS, numbered, now=shop.clock.now(), keep=keep)  # type: ignore[arg-type]


def outcomes(report: Report) -> list[str]:
    return [one.outcome.value for one in report.effects]


def stops(shop: Schedule) -> list[tuple[str, str]]:
    with shop.store.read() as conn:
        return [(row.scope, row.reason) for row in people.suppressions(conn, 1)]


def happened(shop: Schedule, *names: str) -> list[events.EventRecord]:
    with shop.store.read() as conn:
        return events.since(conn, 1, names, START)


def events_of(shop: Schedule) -> list[str]:
    with shop.store.read() as conn:
        return [event.name for event in events.of_contact(conn, 1)]


def campaign_state(shop: Schedule) -> str | None:
    with shop.store.read() as conn:
        return plans.campaign_state(conn, "shop")


def test_a_dead_mailbox_gets_no_more_mail_and_the_next_one_says_why(shop: Schedule) -> None:
    path = bought(shop, 1)

    report = comes_back(shop, sample("postfix-user-unknown", to=path))
    shop.happens(LEA, "purchase", order=2)
    shop.tick()

    assert outcomes(report) == ["dead_address"]
    assert report.effects[0].stopped == "email"
    assert stops(shop) == [("email", "bounce")]
    assert [(row.state, row.reason) for row in shop.rows()] == [
        ("sent", "purchase +0 min; came back: 5.1.1"),
        ("suppressed", "bounce"),
    ]
    (event,) = happened(shop, "bounce")
    assert event.facts == {
        "by": "mail",
        "campaign": "shop",
        "touch": "thanks",
        "message": 1,
        "class": "dead_address",
        "status": "5.1.1",
        "said": "550 5.1.1 <lea@example.org>: Recipient address rejected: User unknown",
    }


def test_a_mailbox_that_the_server_knows_to_be_dead_at_once_gets_no_more_mail(store: Store, tmp_path: Path) -> None:
    shop = Schedule.on(store, START, links=LINKS, channels={"email": Dead("email")})
    shop.know(person(LEA, ref="17"))
    shop.apply(write(tmp_path, SHOP))
    for order in (1, 2):
        shop.happens(LEA, "purchase", order=order)
        shop.tick()

    assert [(row.state, row.reason) for row in shop.rows()] == [
        ("failed", "550 5.1.1 no such user"),
        ("suppressed", "bounce"),
    ]
    assert stops(shop) == [("email", "bounce")]
    (event,) = happened(shop, "bounce")
    assert event.facts == {
        "by": "mail",
        "campaign": "shop",
        "touch": "thanks",
        "message": 1,
        "class": "dead_address",
        "status": "",
        "said": "550 5.1.1 no such user",
    }
    shop.know(person("lea@elsewhere.example", ref="17"))
    assert stops(shop) == []


def test_the_same_report_again_has_no_second_effect(shop: Schedule) -> None:
    mail = sample("qmail", to=bought(shop, 1))

    first = comes_back(shop, mail, mail)
    again = comes_back(shop, mail)

    assert (outcomes(first), outcomes(again)) == (["dead_address", "known"], ["known"])
    assert again.effects[0].stopped is None
    assert len(happened(shop, "bounce")) == 1


def test_a_dry_run_says_the_same_and_stores_nothing(shop: Schedule) -> None:
    mail = sample("qmail", to=bought(shop, 1))

    tried = comes_back(shop, mail, mail, sample("advertisement"), keep=False)

    assert outcomes(tried) == ["dead_address", "known", "not_ours"]
    assert (stops(shop), happened(shop, "bounce")) == ([], [])
    with shop.store.read() as conn:
        assert returned.foreign(conn) == 0
    assert outcomes(comes_back(shop, mail)) == ["dead_address"]


def test_a_dry_run_of_many_mails_counts_a_report_once(shop: Schedule) -> None:
    mail = sample("qmail", to=bought(shop, 1))

    tried = comes_back(shop, *[mail] * 60, keep=False)

    assert outcomes(tried) == ["dead_address"] + ["known"] * 59


@pytest.mark.parametrize(
    "name", ["postfix-user-unknown", "qmail", "arf-abuse", "gmail-unauthenticated", "exim-report", "arf-opt-out"]
)
def test_a_forged_report_changes_nothing_but_a_count(shop: Schedule, name: str) -> None:
    bought(shop, 1)
    forged = SignedLinks(Keyring(b"somebody else's secret, and long"), None, "bounces@shop.example")
    path = forged.return_path(1, LEA)
    assert path is not None

    report = comes_back(shop, sample(name, to=path), sample(name))

    assert outcomes(report) == ["not_ours", "not_ours"]
    assert report.effects == [Effect(1, report.effects[0].outcome), Effect(2, report.effects[1].outcome)]
    assert (stops(shop), happened(shop, "bounce", "complaint", "unsubscribe")) == ([], [])
    assert (campaign_state(shop), [row.reason for row in shop.rows()]) == ("running", ["purchase +0 min"])
    with shop.store.read() as conn:
        assert returned.foreign(conn) == 2


def test_the_message_id_of_our_own_mail_is_proof_enough_and_another_is_none(shop: Schedule) -> None:
    bought(shop, 1)
    key = shop.sent()[0].key

    report = comes_back(shop, sample("message-id-alone"), sample("message-id-alone", message_id=key))

    assert outcomes(report) == ["not_ours", "dead_address"]
    assert stops(shop) == [("email", "bounce")]


def test_the_unsubscribe_link_in_a_complaint_is_proof_enough(shop: Schedule) -> None:
    shop.happens(LEA, "cart_abandoned", cart=1)
    shop.tick()
    link = KEYS.sign(Purpose.UNSUBSCRIBE, Token(1, shop.rows()[0].id))

    report = comes_back(shop, sample("arf-link-alone", link="B" * 55), sample("arf-link-alone", link=link))

    assert outcomes(report) == ["not_ours", "complaint"]
    assert stops(shop) == [("marketing", "complaint")]


def test_a_link_proves_nothing_about_who_has_the_number_of_its_message_by_now(shop: Schedule) -> None:
    """An older copy of the database was put back: the number was given to another mail than the one that went."""
    shop.happens(LEA, "cart_abandoned", cart=1)
    shop.tick()
    link = KEYS.sign(Purpose.UNSUBSCRIBE, Token(2, shop.rows()[0].id))

    report = comes_back(shop, sample("arf-link-alone", link=link))

    assert (outcomes(report), stops(shop)) == (["not_ours"], [])


@pytest.mark.parametrize("name", ["vacation", "outlook-away", "receipt", "postfix-delayed", "exim-warning", "postfix-delivered", "letter", "arf-not-spam", "arf-auth-failure"])  # fmt: skip
def test_what_is_no_failure_changes_nothing(shop: Schedule, name: str) -> None:
    comes_back(shop, sample(name, to=bought(shop, 1)))

    assert (stops(shop), happened(shop, "bounce", "complaint")) == ([], [])
    assert (campaign_state(shop), [row.reason for row in shop.rows()]) == ("running", ["purchase +0 min"])


def test_a_dead_mailbox_can_still_be_reached_otherwise_once_the_channel_is_asked(store: Store) -> None:
    with store.begin() as conn:
        people.upsert_contacts(conn, [person(LEA, phone="+33612345678")], source="test", now=START)
        people.suppress(conn, 1, scope=people.MAIL, reason="bounce", at=START)

        assert people.suppressed(conn, 1, marketing=False, channel="email") == "bounce"
        assert people.suppressed(conn, 1, marketing=False) == "bounce"
        assert people.suppressed(conn, 1, marketing=True, channel="sms") is None


def test_a_plan_does_not_count_dead_mailboxes_for_mail(shop: Schedule) -> None:
    shop.know(person(LEA, phone="+33612345678"), person("karim@example.org"))
    comes_back(shop, sample("qmail", to=bought(shop, 1)))

    with shop.store.read() as conn:
        (campaign,) = shop.catalog.in_force(conn)  # type: ignore[attr-defined]
        assert reach.recipients(conn, campaign.campaign, now=START) == {"thanks": 1, "more": 1, "text": 1}


@pytest.mark.parametrize(("email", "stopped"), [("karim@example.org", []), (None, [("email", "bounce")])])
def test_a_merged_person_keeps_the_dead_mailbox_only_where_it_is_theirs(
    store: Store, email: str | None, stopped: list[tuple[str, str]]
) -> None:
    with store.begin() as conn:
        kept = replace(person("karim@example.org", phone="+33612345678"), email=email)
        people.upsert_contacts(conn, [kept, person(LEA)], source="test", now=START)
        people.suppress(conn, 2, scope=people.MAIL, reason="bounce", at=START)

        people.merge(conn, 1, 2, now=START)

        assert [(row.scope, row.reason) for row in people.suppressions(conn, 1)] == stopped


def test_erasure_keeps_the_dead_mailbox_and_not_the_persons_other_addresses(shop: Schedule) -> None:
    shop.know(person(LEA, phone="+33612345678"))
    comes_back(shop, sample("qmail", to=bought(shop, 1)))
    with shop.store.begin() as conn:
        people.erase(conn, 1, people.traces(conn, 1), asked=False, now=START)

    shop.know(person(LEA), person("lea@elsewhere.example", phone="+33612345678"))

    with shop.store.read() as conn:
        found = {who: people.suppressed(conn, people.find(conn, who) or 0, marketing=False) for who in (LEA, "lea@elsewhere.example")}  # fmt: skip
    assert found == {LEA: "bounce", "lea@elsewhere.example": None}


def test_a_new_mailbox_is_written_to_and_the_old_one_never_again(shop: Schedule) -> None:
    comes_back(shop, sample("qmail", to=bought(shop, 1)))

    shop.know(person("lea@elsewhere.example", ref="17"))
    moved = stops(shop)
    shop.know(person(LEA, ref="17"))

    assert moved == []
    assert stops(shop) == [("email", "bounce")]


def test_a_report_about_a_mailbox_they_left_stops_nothing(shop: Schedule) -> None:
    mail = sample("qmail", to=bought(shop, 1))
    shop.know(person("lea@elsewhere.example", ref="17"))

    report = comes_back(shop, mail)

    assert outcomes(report) == ["former_address"]
    assert (stops(shop), happened(shop, "bounce")) == ([], [])


def test_a_report_about_a_merged_persons_other_mailbox_leaves_theirs_alone(shop: Schedule) -> None:
    mail = sample("qmail", to=bought(shop, 1))
    shop.know(person("karim@example.org"))
    with shop.store.begin() as conn:
        people.merge(conn, 2, 1, now=START)

    report = comes_back(shop, mail)

    assert outcomes(report) == ["former_address"]
    with shop.store.read() as conn:
        assert people.suppressions(conn, 2) == []


def test_a_forwarded_mailbox_is_dead_when_where_it_leads_is(shop: Schedule) -> None:
    assert outcomes(comes_back(shop, sample("forwarded-address", to=bought(shop, 1)))) == ["dead_address"]


def test_a_mailbox_of_several_readers_lives_while_one_takes_the_mail(shop: Schedule) -> None:
    assert outcomes(comes_back(shop, sample("several-recipients", to=bought(shop, 1)))) == ["soft"]
    assert stops(shop) == []


def test_five_full_mailboxes_in_a_row_over_two_weeks_stop_mail(shop: Schedule) -> None:
    told = []
    for number in range(5):
        path = bought(shop, number, at=START + timedelta(days=number * 3 + (2 if number == 4 else 0)))
        told.append(outcomes(comes_back(shop, sample("exim-report", to=path))))
        told.append(stops(shop))

    assert told == [["soft"], [], ["soft"], [], ["soft"], [], ["soft"], [], ["soft"], [("email", "bounce: 5 mails in a row came back")]]  # fmt: skip


def test_five_in_a_row_within_less_than_two_weeks_are_a_bad_moment(shop: Schedule) -> None:
    for number in range(5):
        path = bought(shop, number, at=START + timedelta(days=number * 3))
        comes_back(shop, sample("exim-report", to=path))

    assert len(happened(shop, "bounce")) == 5
    assert stops(shop) == []


def test_a_mail_between_that_arrived_begins_the_count_anew(shop: Schedule) -> None:
    for number in range(7):
        path = bought(shop, number, at=START + timedelta(days=number * 4))
        if number != 3:
            comes_back(shop, sample("exim-report", to=path))

    assert len(happened(shop, "bounce")) == 6
    assert stops(shop) == []


def test_mails_to_somebody_who_gets_too_many_say_nothing_of_the_mailbox(shop: Schedule) -> None:
    for number in range(6):
        path = bought(shop, number, at=START + timedelta(days=number * 4))
        comes_back(shop, sample("gmail-too-fast", to=path))

    assert stops(shop) == []


def test_a_refusal_of_the_sender_pauses_the_campaign_and_touches_nobody(shop: Schedule) -> None:
    mail = sample("gmail-unauthenticated", to=bought(shop, 1))

    report = comes_back(shop, mail)

    assert outcomes(report) == ["policy"]
    assert [one.campaign for one in report.paused] == ["shop"]
    assert campaign_state(shop) == "paused"
    assert (stops(shop), happened(shop, "bounce")) == ([], [])
    with shop.store.read() as conn:
        line = plans.audits(conn, campaign="shop", since=None, limit=10)[-1]
    assert (line.who, line.action, line.subject) == ("bounces", "pause", "shop")
    assert line.detail == (
        "a mail came back that refuses the sender, not the person: 550-5.7.26 This mail has been blocked because the"
        " sender is unauthenticated. 550 5.7.26 SPF and DKIM did not pass: mend it, then campaign resume shop"
    )


def test_a_sender_whom_nobody_finds_in_the_dns_pauses_the_campaign_and_kills_no_mailbox(shop: Schedule) -> None:
    report = comes_back(shop, sample("sendmail-sender-unknown", to=bought(shop, 1)))

    assert outcomes(report) == ["policy"]
    assert [one.campaign for one in report.paused] == ["shop"]
    assert (stops(shop), happened(shop, "bounce")) == ([], [])


def test_a_dead_reader_whose_address_holds_a_word_of_ours_is_dead(store: Store, tmp_path: Path) -> None:
    shop = Schedule.on(store, START, links=LINKS)
    shop.know(person("jane@arc.net.au"))
    shop.apply(write(tmp_path, SHOP))
    shop.happens("jane@arc.net.au", "purchase", order=1)
    shop.tick()

    mail = sample("postfix-user-unknown", to=shop.sent()[0].return_path or "", recipient="jane@arc.net.au")
    report = comes_back(shop, mail)

    assert (outcomes(report), report.paused) == (["dead_address"], [])
    assert stops(shop) == [("email", "bounce")]
    assert campaign_state(shop) == "running"


def test_one_refusal_holds_a_campaign_up_once(shop: Schedule) -> None:
    mail = sample("outlook-block-list", to=bought(shop, 1))
    comes_back(shop, mail)
    with shop.store.begin() as conn:
        plans.pause_campaign(conn, "shop", paused=False)

    again = comes_back(shop, mail)

    assert (outcomes(again), again.paused) == (["known"], [])
    assert campaign_state(shop) == "running"


def test_a_refusal_of_a_mail_that_may_have_gone_holds_its_campaign_up_once(store: Store, tmp_path: Path) -> None:
    lost = Lost("email")
    shop = Schedule.on(store, START, links=LINKS, channels={"email": lost})
    shop.know(person(LEA, ref="17"))
    shop.apply(write(tmp_path, SHOP))
    shop.happens(LEA, "cart_abandoned", cart=1)
    shop.tick()
    mail = sample("gmail-unauthenticated", to=lost.messages[0].return_path or "")
    first = comes_back(shop, mail)
    with shop.store.begin() as conn:
        plans.pause_campaign(conn, "shop", paused=False)

    again = comes_back(shop, mail)

    assert [row.state for row in shop.rows()] == ["unknown"]
    assert (outcomes(first), outcomes(again), again.paused) == (["policy"], ["known"], [])
    assert campaign_state(shop) == "running"
    assert events_of(shop) == ["cart_abandoned"]


def test_a_complaint_stops_marketing_and_nothing_else(shop: Schedule) -> None:
    path = bought(shop, 1)

    report = comes_back(shop, sample("arf-abuse", to=path))
    bought(shop, 2)
    shop.happens(LEA, "cart_abandoned", cart=1)
    shop.tick()

    assert outcomes(report) == ["complaint"]
    assert stops(shop) == [("marketing", "complaint")]
    assert [event.facts["touch"] for event in happened(shop, "complaint")] == ["thanks"]
    assert sorted((row.touch, row.state, row.reason) for row in shop.rows()) == [
        ("more", "suppressed", "complaint"),
        ("thanks", "sent", "purchase +0 min"),
        ("thanks", "sent", "purchase +0 min; called spam"),
    ]


def test_a_complaint_after_an_opt_out_is_why_they_are_not_written_to(shop: Schedule) -> None:
    path = bought(shop, 1)
    comes_back(shop, sample("arf-opt-out", to=path))

    report = comes_back(shop, sample("arf-abuse", to=path))

    assert outcomes(report) == ["complaint"]
    assert report.effects[0].stopped is None
    assert stops(shop) == [("marketing", "complaint")]
    assert len(happened(shop, "unsubscribe", "complaint")) == 2


def test_an_opt_out_after_a_complaint_leaves_the_complaint(shop: Schedule) -> None:
    path = bought(shop, 1)

    comes_back(shop, sample("arf-abuse", to=path), sample("arf-opt-out", to=path))

    assert stops(shop) == [("marketing", "complaint")]


def test_an_opt_out_at_the_provider_is_an_unsubscribe(shop: Schedule) -> None:
    report = comes_back(shop, sample("arf-opt-out", to=bought(shop, 1)))

    assert outcomes(report) == ["opt_out"]
    assert stops(shop) == [("marketing", "unsubscribed")]
    assert len(happened(shop, "unsubscribe")) == 1


def test_who_writes_by_the_address_for_opt_outs_gets_no_more_marketing(shop: Schedule) -> None:
    shop.happens(LEA, "cart_abandoned", cart=1)
    shop.tick()
    message = shop.sent()[-1]
    address, token = str(message.unsubscribe_mail).split("?subject=unsubscribe%20")

    report = comes_back(shop, *[sample("unsubscribe-by-mail", link=token)] * 2)

    assert address == "mailto:stop@shop.example"
    assert outcomes(report) == ["opt_out", "known"]
    assert stops(shop) == [("marketing", "unsubscribed")]
    assert len(happened(shop, "unsubscribe")) == 1
    (row,) = shop.rows()
    assert row.reason.endswith("; unsubscribed by mail")


def test_who_came_back_and_writes_again_by_the_same_newsletter_is_heard_again(shop: Schedule) -> None:
    shop.happens(LEA, "cart_abandoned", cart=1)
    shop.tick()
    token = KEYS.sign(Purpose.UNSUBSCRIBE, Token(1, shop.rows()[0].id))
    first = sample("unsubscribe-by-mail", link=token).replace(
        b"Mon, 04 Jan 2027 10:00:00", b"Mon, 01 Mar 2027 09:00:00"
    )
    second = first.replace(b"01 Mar 2027", b"20 Mar 2027")
    told = [outcomes(comes_back(shop, first))]
    with shop.store.begin() as conn:
        people.lift(conn, 1, scope="marketing", reason="unsubscribed")
    shop.live_until(START + 20 * DAY)

    told += [outcomes(comes_back(shop, first)), outcomes(comes_back(shop, first, second, second))]
    told += [outcomes(comes_back(shop, first, second))]

    assert told == [["opt_out"], ["known"], ["known", "opt_out", "known"], ["known", "known"]]
    assert stops(shop) == [("marketing", "unsubscribed")]
    assert len(happened(shop, "unsubscribe")) == 2


@pytest.mark.parametrize("purpose", [Purpose.CONFIRM, Purpose.PREFERENCES])
def test_a_mail_with_another_token_in_its_subject_stops_nobody(shop: Schedule, purpose: Purpose) -> None:
    bought(shop, 1)
    (message,) = shop.sent()
    other, forged = Token(1, message.delivery_id), Keyring(b"somebody else's secret, and long")
    tokens = (KEYS.sign(purpose, other), forged.sign(Purpose.UNSUBSCRIBE, other), "A" * 55)

    report = comes_back(shop, *(sample("unsubscribe-by-mail", link=token) for token in tokens))

    assert outcomes(report) == ["not_ours"] * 3
    assert stops(shop) == []


OPENING = """
stages:
  - stage: launch
    kind: awareness
    when: as soon as possible
    touches:
      - {id: open, channel: email, subject: Open, text: "x"}
"""


def burst(store: Store, folder: Path, complaints: int) -> tuple[Schedule, Report]:
    """Write to twenty people, of whom some call it spam."""
    shop = Schedule.on(store, START, links=LINKS)
    shop.know(*(person(f"p{number}@example.org") for number in range(20)))
    shop.apply(write(folder, OPENING))
    shop.live_until(START + HOUR)
    paths = [message.return_path or "" for message in shop.sent()]
    assert len(paths) == 20
    return shop, comes_back(shop, *(sample("arf-abuse", to=path) for path in paths[:complaints]))


def test_a_burst_of_complaints_pauses_the_campaign(store: Store, tmp_path: Path) -> None:
    shop, report = burst(store, tmp_path, 3)

    assert [(one.campaign, one.why) for one in report.paused] == [
        ("shop", "3 of 20 people called its mails of the last 7 days spam: 0.3 % or more")
    ]
    assert campaign_state(shop) == "paused"


def test_two_complaints_of_a_small_mailing_say_nothing(store: Store, tmp_path: Path) -> None:
    shop, report = burst(store, tmp_path, 2)

    assert (report.paused, report.complained, campaign_state(shop)) == ([], {}, "running")


def test_complaints_of_last_month_count_no_more(store: Store, tmp_path: Path) -> None:
    shop, _ = burst(store, tmp_path, 2)
    shop.live_until(START + 8 * DAY)

    report = comes_back(shop, *(sample("arf-abuse", to=message.return_path or "") for message in shop.sent()[2:4]))

    assert (outcomes(report), report.paused) == (["complaint", "complaint"], [])


def test_late_complaints_about_an_old_mailing_say_nothing_of_what_went_since(store: Store, tmp_path: Path) -> None:
    shop, _ = burst(store, tmp_path, 0)
    shop.live_until(START + 8 * DAY)
    paths = [message.return_path or "" for message in shop.sent()]

    report = comes_back(shop, *(sample("arf-abuse", to=path) for path in paths[:3]))

    assert (outcomes(report), report.paused, report.complained) == (["complaint"] * 3, [], {})
    assert campaign_state(shop) == "running"


def test_the_laws_of_delivery_hold_after_all_of_it(shop: Schedule) -> None:
    comes_back(shop, sample("qmail", to=bought(shop, 1)))
    shop.live_until(START + DAY)
    shop.happens(LEA, "purchase", order=2)
    shop.tick()

    laws = ledger_check.check(shop.store, shop.catalog, now=shop.clock.now())  # type: ignore[arg-type]
    assert [law.violations for law in laws.checked if law.violations] == []
    with shop.store.read() as conn:
        assert reader.status_counts(conn) == {"shop": {"sent": 1, "suppressed": 1}}
