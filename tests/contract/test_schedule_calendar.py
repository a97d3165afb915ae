"""Calendar touches on a real store: who gets them, when, once, and what stops them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from support.shop import DAY, HEAD, HOUR, Schedule, addresses, moment, person, write

from scheduler import fanout
from scheduler.channels.base import Mark, Message, Receipt
from scheduler.delivery import State
from scheduler.errors import BusyError, NotSent, Refused, Unknown
from scheduler.operations import people, steering
from scheduler.store import ledger
from scheduler.store.database import Store

OFFER = """
stages:
  - stage: conversion
    kind: conversion
    when: 21 january
    touches:
      - {id: offer-email, channel: email, subject: "Hello {{ contact.first_name }}", text: "Come in"}
"""
POSTS = """
stages:
  - stage: launch
    kind: awareness
    when: as soon as possible
    touches:
      - {id: announce, channel: facebook, text: "We are open"}
  - stage: reminder
    kind: consideration
    when: 3 to 5 days later
    touches:
      - {id: remind, channel: facebook, text: "Still open"}
"""


def test_a_touch_reaches_everybody_of_its_audience_once_at_its_moment(store: Store, tmp_path: Path) -> None:
    schedule = Schedule.on(store, moment("2027-01-04T12:00:00+01:00"))
    schedule.know(person("lea@example.org", first_name="Léa"), person("tom@example.org", first_name="Tom"))
    schedule.apply(write(tmp_path, OFFER))

    schedule.live_until(moment("2027-01-21T09:59:59+01:00"))
    before = addresses(schedule.sent())
    schedule.live_until(moment("2027-02-21T10:00:00+01:00"))

    assert before == []
    assert sorted(addresses(schedule.sent())) == ["lea@example.org", "tom@example.org"]
    assert {message.created_at for message in schedule.sent()} == {moment("2027-01-21T10:00:00+01:00")}
    assert schedule.sent()[0].content.subject in ("Hello Léa", "Hello Tom")


def test_ticking_again_and_applying_again_sends_nothing_twice(store: Store, tmp_path: Path) -> None:
    schedule = Schedule.on(store, moment("2027-01-21T10:00:00+01:00"))
    schedule.know(person("lea@example.org"))
    loaded = write(tmp_path, OFFER)
    schedule.apply(loaded)

    schedule.tick()
    schedule.apply(loaded)
    schedule.tick()
    schedule.live_until(schedule.clock.now() + 3 * DAY)

    assert addresses(schedule.sent()) == ["lea@example.org"]


def test_somebody_who_joins_while_the_window_is_open_still_gets_it(store: Store, tmp_path: Path) -> None:
    schedule = Schedule.on(store, moment("2027-01-21T10:00:00+01:00"))
    schedule.know(person("lea@example.org"))
    schedule.apply(write(tmp_path, OFFER))
    schedule.tick()

    schedule.clock.advance(2 * HOUR)
    schedule.know(person("tom@example.org"))
    schedule.tick()
    schedule.clock.advance(3 * DAY)
    schedule.know(person("eva@example.org"))
    schedule.tick()

    assert addresses(schedule.sent()) == ["lea@example.org", "tom@example.org"]


def test_a_look_for_who_has_joined_that_took_long_is_not_made_again_at_once(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a million people it takes seconds, and news of one of them may come every second."""
    schedule = Schedule.on(store, moment("2027-01-21T10:00:00+01:00"))
    schedule.know(person("lea@example.org"))
    schedule.apply(write(tmp_path, OFFER))
    schedule.tick()
    looked = []

    def slow(*args: Any) -> int:
        looked.append(schedule.clock.now())
        schedule.clock.advance(timedelta(seconds=2))
        return fan_out(*args)

    fan_out = fanout.fan_out
    monkeypatch.setattr(fanout, "fan_out", slow)
    for name in ("tom", "eva", "zoe"):  # at 10:00:00, :12 and :22
        schedule.know(person(f"{name}@example.org"))
        schedule.tick()
        schedule.clock.advance(timedelta(seconds=10))

    assert [at.strftime("%S") for at in looked] == ["00", "22"]
    assert addresses(schedule.sent()) == [f"{name}@example.org" for name in ("lea", "tom", "eva", "zoe")]


def test_a_look_for_who_has_joined_that_was_rolled_back_is_made_again(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first look of a daemon: it was slow, and its transaction failed."""
    before = Schedule.on(store, moment("2027-01-21T10:00:00+01:00"))
    before.know(person("lea@example.org"))
    before.apply(write(tmp_path, OFFER))
    before.tick()
    schedule = Schedule.on(store, before.clock.now())
    schedule.know(person("tom@example.org"))

    def slow(*args: Any) -> int:
        schedule.clock.advance(timedelta(seconds=2))
        return fan_out(*args)

    def failing(*args: Any) -> int:
        monkeypatch.setattr(ledger, "release_leases", release_leases)
        raise BusyError("the database is busy")

    fan_out, release_leases = fanout.fan_out, ledger.release_leases
    monkeypatch.setattr(fanout, "fan_out", slow)
    monkeypatch.setattr(ledger, "release_leases", failing)
    with pytest.raises(BusyError):
        schedule.tick()
    schedule.tick()

    assert addresses(schedule.sent()) == ["tom@example.org"]


@pytest.mark.parametrize(
    ("consent", "state", "reason"),
    [((), State.SUPPRESSED, "no consent"), (("marketing:sms",), State.SUPPRESSED, "no consent")],
)
def test_marketing_without_consent_is_suppressed_and_says_so(
    store: Store, tmp_path: Path, consent: tuple[str, ...], state: State, reason: str
) -> None:
    schedule = Schedule.on(store, moment("2027-01-21T10:00:00+01:00"))
    schedule.know(person("lea@example.org", consent=consent))
    schedule.apply(write(tmp_path, OFFER))

    schedule.tick()

    assert schedule.sent() == []
    assert [(row.state, row.reason) for row in schedule.rows()] == [(state.value, reason)]


def test_an_opt_out_before_the_moment_stops_it_whatever_was_planned(store: Store, tmp_path: Path) -> None:
    schedule = Schedule.on(store, moment("2027-01-20T10:00:00+01:00"))
    schedule.know(person("lea@example.org"))
    schedule.apply(write(tmp_path, OFFER))
    schedule.tick()

    people.unsubscribe(store, "lea@example.org", now=schedule.clock.now(), by="test")
    schedule.live_until(moment("2027-01-25T10:00:00+01:00"))

    assert [(row.state, row.reason) for row in schedule.rows()] == [("suppressed", "unsubscribed")]


def test_only_people_of_the_audience_get_it_and_leavers_do_not(store: Store, tmp_path: Path) -> None:
    schedule = Schedule.on(store, moment("2027-01-21T10:00:00+01:00"))
    schedule.know(
        person("lea@example.org", city="Paris", age=29),
        person("tom@example.org", city="Paris", age=41),
        person("eva@example.org", city="Lyon", age=22),
        person("ida@example.org", city="Paris"),
    )
    schedule.apply(write(tmp_path, "audience: city = 'Paris' and age < 35\n" + OFFER))

    schedule.tick()

    assert addresses(schedule.sent()) == ["lea@example.org"]
    assert [row.recipient for row in schedule.rows()] == ["c1"]


def test_a_late_daemon_skips_marketing_after_a_day_and_says_so(store: Store, tmp_path: Path) -> None:
    schedule = Schedule.on(store, moment("2027-01-04T10:00:00+01:00"))
    schedule.know(person("lea@example.org"))
    schedule.apply(write(tmp_path, OFFER))

    schedule.clock.advance_to(moment("2027-01-23T10:00:00+01:00"))
    schedule.tick()

    assert schedule.sent() == []
    assert [(row.state, row.reason) for row in schedule.rows()] == [("expired", "later than allowed")]


@pytest.mark.parametrize(
    ("keys", "state", "sent"),
    [
        ("max_late: 3 days", "sent", 1),
        ("max_late: 1 hour, on_late: ask", "held", 0),
        ("on_late: send", "sent", 1),
    ],
)
def test_lateness_follows_the_rules_the_author_wrote(
    store: Store, tmp_path: Path, keys: str, state: str, sent: int
) -> None:
    schedule = Schedule.on(store, moment("2027-01-04T10:00:00+01:00"))
    schedule.know(person("lea@example.org"))
    schedule.apply(write(tmp_path, OFFER.replace('text: "Come in"', f'text: "Come in", {keys}')))

    schedule.clock.advance_to(moment("2027-01-23T10:00:00+01:00"))
    schedule.tick()

    assert [row.state for row in schedule.rows()] == [state]
    assert len(schedule.sent()) == sent


def test_a_message_held_because_it_is_late_goes_when_a_person_approves_it(store: Store, tmp_path: Path) -> None:
    schedule = Schedule.on(store, moment("2027-01-04T10:00:00+01:00"))
    schedule.know(person("lea@example.org"))
    schedule.apply(write(tmp_path, OFFER.replace('text: "Come in"', 'text: "Come in", on_late: ask')))
    schedule.clock.advance_to(moment("2027-01-23T10:00:00+01:00"))
    schedule.tick()

    chosen = steering.targets(store, schedule.catalog, ["offer-email"])
    moved = steering.approve(store, schedule.catalog, chosen, now=schedule.clock.now(), who="me")
    schedule.tick()

    assert moved == 1
    assert addresses(schedule.sent()) == ["lea@example.org"]


def test_a_touch_that_needs_approval_waits_for_it_and_an_edit_asks_again(store: Store, tmp_path: Path) -> None:
    text = OFFER.replace('text: "Come in"', 'text: "Come in", approval: required')
    schedule = Schedule.on(store, moment("2027-01-21T10:00:00+01:00"))
    schedule.know(person("lea@example.org"))
    schedule.apply(write(tmp_path, text))
    schedule.tick()
    held = [(row.state, row.reason) for row in schedule.rows()]

    chosen = steering.targets(store, schedule.catalog, ["shop/offer-email"])
    steering.approve(store, schedule.catalog, chosen, now=schedule.clock.now(), who="me")
    schedule.apply(write(tmp_path, text.replace("Come in", "Come in today")))
    schedule.tick()
    after_edit = [row.state for row in schedule.rows()]
    steering.approve(store, schedule.catalog, chosen, now=schedule.clock.now(), who="me")
    schedule.tick()

    assert held == [("held", "waits for approval")]
    assert after_edit == ["held"]
    assert [message.content.text.splitlines()[0] for message in schedule.sent()] == ["Come in today"]


def test_pausing_stops_and_resuming_lets_go(store: Store, tmp_path: Path) -> None:
    schedule = Schedule.on(store, moment("2027-01-21T10:00:00+01:00"))
    schedule.know(person("lea@example.org"))
    schedule.apply(write(tmp_path, OFFER))
    chosen = steering.targets(store, schedule.catalog, ["shop"])

    steering.pause(store, chosen, until=None, now=schedule.clock.now(), who="me")
    schedule.tick()
    while_paused = len(schedule.sent())
    schedule.clock.advance(HOUR)
    steering.resume(store, chosen, now=schedule.clock.now(), who="me")
    schedule.tick()

    assert while_paused == 0
    assert addresses(schedule.sent()) == ["lea@example.org"]


def test_a_pause_until_a_moment_ends_by_itself(store: Store, tmp_path: Path) -> None:
    schedule = Schedule.on(store, moment("2027-01-21T09:00:00+01:00"))
    schedule.know(person("lea@example.org"))
    schedule.apply(write(tmp_path, OFFER))
    chosen = steering.targets(store, schedule.catalog, ["offer-email"])

    end = moment("2027-01-21T15:00:00+01:00")
    steering.pause(store, chosen, until=end, now=schedule.clock.now(), who="me")
    schedule.clock.advance_to(moment("2027-01-21T14:00:00+01:00"))
    schedule.tick()
    before = len(schedule.sent())
    schedule.clock.advance_to(end)
    schedule.tick()

    assert before == 0
    assert addresses(schedule.sent()) == ["lea@example.org"]


def test_cancelling_ends_what_was_planned_for_good(store: Store, tmp_path: Path) -> None:
    schedule = Schedule.on(store, moment("2027-01-20T10:00:00+01:00"))
    schedule.know(person("lea@example.org"))
    loaded = write(tmp_path, OFFER)
    schedule.apply(loaded)
    chosen = steering.targets(store, schedule.catalog, ["shop"])

    steering.cancel(store, schedule.catalog, chosen, now=schedule.clock.now(), who="me")
    schedule.live_until(moment("2027-02-01T10:00:00+01:00"))

    assert schedule.sent() == []


def test_at_most_one_marketing_message_a_day_reaches_a_person(store: Store, tmp_path: Path) -> None:
    text = OFFER + '      - {id: second, channel: email, at: 15:00, subject: "And", text: "another one"}\n'
    schedule = Schedule.on(store, moment("2027-01-04T10:00:00+01:00"))
    schedule.know(person("lea@example.org"))
    schedule.apply(write(tmp_path, text))

    schedule.live_until(moment("2027-02-01T10:00:00+01:00"))

    assert [(row.touch, row.state, row.reason) for row in schedule.rows()][1] == (
        "second",
        "suppressed",
        "cap: 1 per day",
    )
    assert len(schedule.sent()) == 1


def test_people_get_it_at_ten_in_their_own_zone(store: Store, tmp_path: Path) -> None:
    head = "campaign: shop\ncountry: FR\ntimezone: contact\nfallback_timezone: Europe/Paris\nsenders:\n  email: S <s@shop.example>\n  postal_address: Paris\n  unsubscribe: mailto:stop@shop.example\n"
    schedule = Schedule.on(store, moment("2027-01-04T10:00:00+01:00"))
    schedule.know(
        person("lea@example.org"),
        person("joe@example.org", timezone="America/New_York"),
        person("yui@example.org", timezone="Asia/Tokyo"),
    )
    schedule.apply(write(tmp_path, OFFER, head=head))

    schedule.live_until(moment("2027-02-01T10:00:00+01:00"))

    assert [
        (a, m.created_at.isoformat()) for a, m in zip(addresses(schedule.sent()), schedule.sent(), strict=True)
    ] == [
        ("yui@example.org", "2027-01-21T01:00:00+00:00"),
        ("lea@example.org", "2027-01-21T09:00:00+00:00"),
        ("joe@example.org", "2027-01-21T15:00:00+00:00"),
    ]


def test_a_stage_counts_from_the_day_the_previous_one_really_went(store: Store, tmp_path: Path) -> None:
    schedule = Schedule.on(store, moment("2027-01-04T10:00:00+01:00"))
    schedule.apply(write(tmp_path, POSTS))
    planned = {row.touch: row.due_at for row in _calendar(schedule)}

    schedule.clock.advance_to(moment("2027-01-05T09:00:00+01:00"))
    schedule.tick()
    schedule.tick()
    moved = {row.touch: row.due_at for row in _calendar(schedule)}

    assert planned["remind"] == moment("2027-01-07T10:00:00+01:00")
    assert moved["remind"] == moment("2027-01-08T10:00:00+01:00")


def test_a_flash_sale_that_goes_a_day_late_keeps_its_48_hours(store: Store, tmp_path: Path) -> None:
    text = """
offers:
  FLASH: {terms: free delivery, from: flash, until: within the next 48 hours}
stages:
  - stage: launch
    kind: conversion
    when: as soon as possible
    touches:
      - {id: flash, channel: facebook, offer: FLASH, text: "Until {{ offer.until | date }} {{ offer.until | time }}"}
"""
    schedule = Schedule.on(store, moment("2027-01-04T10:00:00+01:00"))
    schedule.apply(write(tmp_path, text))

    schedule.clock.advance_to(moment("2027-01-05T09:30:00+01:00"))
    schedule.tick()

    assert [message.content.text for message in schedule.sent("facebook")] == ["Until 7 January 09:30"]


def test_a_post_waits_for_the_morning(store: Store, tmp_path: Path) -> None:
    schedule = Schedule.on(store, moment("2027-01-04T23:00:00+01:00"))
    schedule.apply(write(tmp_path, POSTS))

    schedule.live_until(moment("2027-01-05T12:00:00+01:00"))

    assert [message.created_at.isoformat() for message in schedule.sent("facebook")] == ["2027-01-05T07:00:00+00:00"]


class Failing:
    """A channel that raises what it is told, after the attempt mark when `late`."""

    name = "email"

    def __init__(self, *errors: Exception, late: bool = True) -> None:
        self.errors = list(errors)
        self.late = late
        self.keys: list[str] = []

    async def send(self, message: Message, mark: Mark) -> Receipt:
        if self.late:
            await mark()
        self.keys.append(message.key)
        if self.errors:
            raise self.errors.pop(0)
        if not self.late:
            await mark()
        return Receipt()

    async def close(self) -> None:
        """Nothing is open."""


def test_a_certain_failure_is_tried_again_with_the_same_key(store: Store, tmp_path: Path) -> None:
    channel = Failing(NotSent("450 try later"), NotSent("450 try later"))
    schedule = Schedule.on(store, moment("2027-01-21T10:00:00+01:00"), channels={"email": channel})
    schedule.know(person("lea@example.org"))
    schedule.apply(write(tmp_path, OFFER))

    schedule.live_until(moment("2027-01-22T10:00:00+01:00"))

    assert [(row.state, row.attempts) for row in schedule.rows()] == [("sent", 3)]
    assert len(channel.keys) == 3
    assert len(set(channel.keys)) == 1


def test_an_unknown_outcome_is_never_sent_again_by_itself(store: Store, tmp_path: Path) -> None:
    channel = Failing(Unknown("the connection broke after the dot"))
    schedule = Schedule.on(store, moment("2027-01-21T10:00:00+01:00"), channels={"email": channel})
    schedule.know(person("lea@example.org"))
    schedule.apply(write(tmp_path, OFFER))

    schedule.live_until(moment("2027-02-21T10:00:00+01:00"))

    assert [(row.state, row.reason) for row in schedule.rows()] == [("unknown", "the connection broke after the dot")]
    assert len(channel.keys) == 1


@pytest.mark.parametrize(
    ("error", "late", "state"),
    [
        (Refused("550 no such user"), False, "failed"),
        (Refused("550 no such user"), True, "failed"),
        (RuntimeError("a bug"), True, "unknown"),
    ],
)
def test_each_kind_of_failure_ends_in_its_state(
    store: Store, tmp_path: Path, error: Exception, late: bool, state: str
) -> None:
    schedule = Schedule.on(store, moment("2027-01-21T10:00:00+01:00"), channels={"email": Failing(error, late=late)})
    schedule.know(person("lea@example.org"))
    schedule.apply(write(tmp_path, OFFER))

    schedule.tick()

    assert [row.state for row in schedule.rows()] == [state]


def test_a_channel_without_an_account_holds_the_touch_and_never_marks_it_sent(store: Store, tmp_path: Path) -> None:
    schedule = Schedule.on(store, moment("2027-01-21T10:00:00+01:00"), channels={})
    schedule.know(person("lea@example.org"))
    schedule.apply(write(tmp_path, OFFER))

    schedule.tick()
    held = [(row.state, row.reason) for row in schedule.rows()]
    moved = steering.release_for_accounts(store, ["email"], now=schedule.clock.now())

    assert held == [("held", "no account for email: set it up, or send to files with --outbox")]
    assert moved == 1
    assert [row.state for row in schedule.rows()] == ["planned"]


def test_a_broken_message_fails_alone_and_reaches_nobody_half(store: Store, tmp_path: Path) -> None:
    text = OFFER.replace("Come in", "Come in, {{ contact.nickname }}")
    schedule = Schedule.on(store, moment("2027-01-21T10:00:00+01:00"))
    schedule.know(person("lea@example.org", nickname="Lou"), person("tom@example.org"))
    schedule.apply(write(tmp_path, text, head=HEAD_WITH_PERSONA))

    schedule.tick()

    assert addresses(schedule.sent()) == ["lea@example.org"]
    assert sorted(row.state for row in schedule.rows()) == ["failed", "sent"]
    assert "nickname" in next(row.reason for row in schedule.rows() if row.state == "failed")


HEAD_WITH_PERSONA = """\
campaign: shop
language: en
timezone: Europe/Paris
senders: {email: The Shop <hello@shop.example>, postal_address: Paris, unsubscribe: "mailto:stop@shop.example"}
personas:
  lou: {contact: {first_name: Lou, nickname: Lou, consent: [marketing]}}
"""


def _calendar(schedule: Schedule):  # type: ignore[no-untyped-def]
    from scheduler.store import plans

    with schedule.store.read() as conn:
        return plans.occurrences(conn, "shop", "2027")


def test_a_touch_added_later_counts_from_its_own_first_apply_whatever_is_edited_after(
    store: Store, tmp_path: Path
) -> None:
    added = POSTS.replace(
        "      - {id: announce,", '      - {id: news, channel: facebook, text: "News"}\n      - {id: announce,'
    )
    schedule = Schedule.on(store, moment("2027-01-04T10:00:00+01:00"))
    schedule.apply(write(tmp_path, POSTS))
    schedule.tick()

    schedule.clock.advance_to(moment("2027-01-06T22:00:00+01:00"))
    schedule.apply(write(tmp_path, added))
    schedule.tick()
    schedule.clock.advance_to(moment("2027-01-06T23:00:00+01:00"))
    schedule.apply(write(tmp_path, added.replace("News", "Good news")))
    schedule.live_until(moment("2027-01-07T09:00:00+01:00"))

    assert [(m.touch, m.content.text, m.created_at.isoformat()) for m in schedule.sent("facebook")] == [
        ("announce", "We are open", "2027-01-04T09:00:00+00:00"),
        ("news", "Good news", "2027-01-07T07:00:00+00:00"),
    ]


YEARLY = """
occasion: valentine's day
starts: 1 december
stages:
  - stage: offer
    kind: conversion
    when: mid january
    touches:
      - {id: offer-email, channel: email, subject: Offer, text: "Come in"}
  - stage: home
    kind: loyalty
    enter_on: purchase
    touches:
      - {id: anniversary, channel: email, on: purchase, when: 11 months later, until: purchase, subject: A year, text: "Again"}
"""


def test_an_edit_after_the_occasion_makes_the_next_edition_and_last_years_people_keep_theirs(
    store: Store, tmp_path: Path
) -> None:
    schedule = Schedule.on(store, moment("2026-12-01T10:00:00+01:00"))
    schedule.know(person("lea@example.org"), person("tom@example.org"))
    schedule.apply(write(tmp_path, YEARLY))
    schedule.live_until(moment("2027-02-01T10:00:00+01:00"))
    schedule.happens("lea@example.org", "purchase", key="o-1")
    schedule.happens("tom@example.org", "purchase", key="o-2")

    same = schedule.apply(write(tmp_path, YEARLY.replace("Come in", "Come by")))
    schedule.live_until(moment("2027-03-01T10:00:00+01:00"))
    schedule.apply(write(tmp_path, YEARLY.replace("Again", "Once more")))
    schedule.happens("tom@example.org", "purchase", key="o-3")
    schedule.live_until(moment("2028-01-20T10:00:00+01:00"))

    assert same.revision == 2
    went = [
        (m.touch, m.edition, address, m.content.text.splitlines()[0])
        for m, address in zip(schedule.sent(), addresses(schedule.sent()), strict=True)
    ]
    assert went == [
        ("offer-email", "2027", "lea@example.org", "Come in"),
        ("offer-email", "2027", "tom@example.org", "Come in"),
        ("anniversary", "2027", "lea@example.org", "Again"),
        ("offer-email", "2028", "lea@example.org", "Come in"),
        ("offer-email", "2028", "tom@example.org", "Come in"),
    ]
    cancelled = [row for row in schedule.rows(touch="anniversary") if row.state == "cancelled"]
    assert [(row.edition, row.reason) for row in cancelled] == [("2027", "goal reached: purchase")]


def test_an_edit_moves_everybody_to_the_new_day_in_their_own_zone(store: Store, tmp_path: Path) -> None:
    head = HEAD.replace("timezone: Europe/Paris", "timezone: contact\nfallback_timezone: Europe/Paris")
    schedule = Schedule.on(store, moment("2027-01-20T12:00:00+01:00"))
    schedule.know(person("lea@example.org"), person("yui@example.org", timezone="Asia/Tokyo"))
    schedule.apply(write(tmp_path, OFFER, head=head))
    schedule.clock.advance_to(moment("2027-01-20T22:00:00+01:00"))
    schedule.tick()
    fanned_out = sorted((row.recipient, row.due_at.isoformat()) for row in schedule.rows())

    schedule.apply(write(tmp_path, OFFER.replace("21 january", "22 january"), head=head))
    moved = sorted((row.recipient, row.due_at.isoformat()) for row in schedule.rows())
    schedule.live_until(moment("2027-01-25T12:00:00+01:00"))

    assert fanned_out == [("c1", "2027-01-21T09:00:00+00:00"), ("c2", "2027-01-21T01:00:00+00:00")]
    assert moved == [("c1", "2027-01-22T09:00:00+00:00"), ("c2", "2027-01-22T01:00:00+00:00")]
    assert addresses(schedule.sent()) == ["yui@example.org", "lea@example.org"]


def test_a_spread_touch_reaches_everybody_inside_the_window_at_moments_of_their_own(
    store: Store, tmp_path: Path
) -> None:
    text = OFFER.replace("when: 21 january", "when: early february\n    pick: spread")
    schedule = Schedule.on(store, moment("2027-01-20T12:00:00+01:00"))
    schedule.know(*(person(f"p{number}@example.org") for number in range(30)))
    schedule.apply(write(tmp_path, text))

    schedule.live_until(moment("2027-02-15T12:00:00+01:00"))

    went = [message.created_at.astimezone(ZoneInfo("Europe/Paris")) for message in schedule.sent()]
    assert len(set(addresses(schedule.sent()))) == len(went) == 30
    assert len(set(went)) > 25
    assert all(moment("2027-02-01T00:00:00+01:00") <= at < moment("2027-02-11T00:00:00+01:00") for at in went)
    assert all(8 <= at.hour < 21 for at in went)


def test_a_message_that_waits_goes_by_the_channel_an_edit_gave_it(store: Store, tmp_path: Path) -> None:
    schedule = Schedule.on(store, moment("2027-01-20T10:00:00+01:00"))
    schedule.know(person("lea@example.org", phone="+33639980001"))
    text = OFFER.replace('text: "Come in"', 'text: "Come in", approval: required')
    schedule.apply(write(tmp_path, text))
    schedule.live_until(moment("2027-01-21T12:00:00+01:00"))

    schedule.apply(write(tmp_path, OFFER.replace("channel: email", "channel: sms")))
    chosen = steering.targets(store, schedule.catalog, ["offer-email"])
    steering.approve(store, schedule.catalog, chosen, now=schedule.clock.now(), who="me")
    schedule.tick()

    assert [(m.channel, m.recipient.phone if m.recipient else "") for m in schedule.sent("sms")] == [
        ("sms", "+33639980001")
    ]
    assert schedule.sent("email") == []
