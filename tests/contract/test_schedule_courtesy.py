"""Caps by channel, gaps between messages, and which message goes where a cap leaves room for one."""

from __future__ import annotations

from pathlib import Path

from support.shop import HEAD, Schedule, moment, person, write

from scheduler.delivery import State
from scheduler.operations import steering
from scheduler.operations.steering import Target
from scheduler.store.database import Store

START = moment("2027-01-20T12:00:00+01:00")
END = moment("2027-02-12T12:00:00+01:00")


def campaign(*touches: str, caps: str = "none", more: str = "") -> str:
    lines = "".join(f"      - {{{touch}}}\n" for touch in touches)
    return (
        f"courtesy: {{caps: {caps}{more}}}\nstages:\n  - stage: sale\n    kind: conversion\n    when: 1 february\n"
        f"    touches:\n{lines}"
    )


def mail(touch: str, when: str, more: str = "") -> str:
    return f"id: {touch}, channel: email, subject: {touch}, text: {touch}, when: {when}{more}"


def sms(touch: str, when: str, more: str = "") -> str:
    return f"id: {touch}, channel: sms, text: {touch}, when: {when}{more}"


def shop(store: Store, folder: Path, text: str, *people: object) -> Schedule:
    schedule = Schedule.on(store, START)
    schedule.know(*(people or (person("lea@example.org", phone="+33612345678"),)))  # type: ignore[arg-type]
    schedule.apply(write(folder, text))
    return schedule


def ends(schedule: Schedule) -> dict[str, tuple[str, str]]:
    """Return how each touch ended for the only person, and the reason where it did not go."""
    return {row.touch: (row.state, row.reason if row.state != State.SENT else "") for row in schedule.rows()}


def went(schedule: Schedule, touch: str) -> str:
    (row,) = schedule.rows(touch=touch)
    assert row.sent_at is not None, row.reason
    return row.sent_at.isoformat()


# --- caps by channel --------------------------------------------------------------------------------------------------


def test_a_cap_of_one_channel_neither_counts_nor_binds_the_others(store: Store, tmp_path: Path) -> None:
    touches = (
        mail("letter", "1 february at 09:00"),
        sms("first", "1 february at 10:00"),
        sms("second", "2 february at 10:00"),
        mail("other", "2 february at 11:00"),
    )
    schedule = shop(store, tmp_path, campaign(*touches, caps="[1 sms per week]"))

    schedule.live_until(END)

    assert ends(schedule) == {
        "letter": ("sent", ""),
        "first": ("sent", ""),
        "second": ("suppressed", "cap: 1 sms per week"),
        "other": ("sent", ""),
    }


def test_a_cap_counts_across_campaigns(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path, campaign(sms("first", "1 february at 10:00"), caps="[1 sms per week]"))
    other = HEAD.replace("campaign: shop", "campaign: other")
    text = campaign(sms("second", "3 february at 10:00"), caps="[1 sms per week]")
    schedule.apply(write(tmp_path, text, name="other.yaml", head=other))

    schedule.live_until(END)

    assert ends(schedule)["second"] == ("suppressed", "cap: 1 sms per week")


def test_a_blocked_touch_waits_for_the_cap_where_the_file_says_it_goes_later(store: Store, tmp_path: Path) -> None:
    touches = (
        mail("first", "1 february at 10:00"),
        mail(
            "later", "1 february at 22:30", ", on_blocked: following, max_late: 3 days, courtesy: {quiet_hours: none}"
        ),
        mail("dropped", "1 february at 12:00", ", max_late: 3 days"),
    )
    schedule = shop(store, tmp_path, campaign(*touches, caps="[1 per day]"))

    schedule.live_until(moment("2027-02-01T23:00:00+01:00"))
    waits = schedule.rows(touch="later")[0]
    schedule.live_until(END)

    assert (waits.state, waits.reason) == ("planned", "waits: 1 per day")
    assert went(schedule, "later") == "2027-02-02T09:00:00+00:00"
    assert ends(schedule)["dropped"] == ("suppressed", "cap: 1 per day")


def test_a_deferred_touch_that_would_be_too_late_is_dropped_with_the_cap_as_the_reason(
    store: Store, tmp_path: Path
) -> None:
    touches = (
        mail("first", "1 february at 10:00"),
        mail("later", "1 february at 12:00", ", on_blocked: following, max_late: 2 hours"),
    )
    schedule = shop(store, tmp_path, campaign(*touches, caps="[1 per day]"))

    schedule.live_until(END)

    assert ends(schedule)["later"] == ("suppressed", "cap: 1 per day")


# --- gaps -------------------------------------------------------------------------------------------------------------


def test_a_gap_is_waited_for(store: Store, tmp_path: Path) -> None:
    touches = (mail("first", "1 february at 10:00"), sms("second", "1 february at 11:00"))
    schedule = shop(store, tmp_path, campaign(*touches, more=", min_gap: 4 hours"))

    schedule.live_until(moment("2027-02-01T12:00:00+01:00"))
    waits = schedule.rows(touch="second")[0]
    schedule.live_until(END)

    assert (waits.state, waits.reason) == ("planned", "waits: 4 hours since the last message (shop/first)")
    assert went(schedule, "second") == "2027-02-01T13:00:00+00:00"


def test_the_gap_of_a_touch_is_its_own_and_skip_drops_it(store: Store, tmp_path: Path) -> None:
    touches = (
        mail("first", "1 february at 10:00"),
        mail("free", "1 february at 11:00"),
        mail("careful", "1 february at 14:00", ", min_gap: 1 day, on_blocked: skip"),
    )
    schedule = shop(store, tmp_path, campaign(*touches))

    schedule.live_until(END)

    assert ends(schedule) == {
        "first": ("sent", ""),
        "free": ("sent", ""),
        "careful": ("suppressed", "gap: 1 day since the last message (shop/free)"),
    }


def test_transactional_messages_know_neither_caps_nor_gaps(store: Store, tmp_path: Path) -> None:
    touches = (
        mail("first", "1 february at 10:00"),
        mail("receipt", "1 february at 10:30", ", purpose: transactional"),
    )
    schedule = shop(store, tmp_path, campaign(*touches, caps="[1 per day]", more=", min_gap: 4 hours"))

    schedule.live_until(END)

    assert went(schedule, "receipt") == "2027-02-01T09:30:00+00:00"


# --- priorities -------------------------------------------------------------------------------------------------------

TIP_AND_OFFER = (
    mail("tip", "1 february at 10:00", ", priority: 10"),
    mail("offer", "1 february at 15:00", ", priority: 90"),
)


def test_the_higher_priority_goes_where_the_cap_leaves_room_for_one(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path, campaign(*TIP_AND_OFFER, caps="[1 per day]"))

    schedule.live_until(moment("2027-02-01T14:00:00+01:00"))
    waits = schedule.rows(touch="tip")[0]
    schedule.live_until(END)

    assert (waits.state, waits.reason) == ("planned", "waits: shop/offer goes first (priority 90)")
    assert ends(schedule) == {"tip": ("suppressed", "cap: 1 per day"), "offer": ("sent", "")}


def test_without_priorities_the_first_one_goes(store: Store, tmp_path: Path) -> None:
    plain = [touch.split(", priority")[0] for touch in TIP_AND_OFFER]
    schedule = shop(store, tmp_path, campaign(*plain, caps="[1 per day]"))

    schedule.live_until(END)

    assert ends(schedule) == {"tip": ("sent", ""), "offer": ("suppressed", "cap: 1 per day")}


def test_nothing_gives_way_where_there_is_room_for_both(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path, campaign(*TIP_AND_OFFER, caps="[2 per day]"))

    schedule.live_until(END)

    assert went(schedule, "tip") == "2027-02-01T09:00:00+00:00"
    assert went(schedule, "offer") == "2027-02-01T14:00:00+00:00"


def test_nothing_gives_way_to_what_is_not_for_the_person(store: Store, tmp_path: Path) -> None:
    touches = (TIP_AND_OFFER[0], f"{TIP_AND_OFFER[1]}, audience: city = 'Lyon'")
    people = (person("lea@example.org", city="Paris"), person("zoe@example.org", city="Lyon"))
    schedule = shop(store, tmp_path, campaign(*touches, caps="[1 per day]"), *people)

    schedule.live_until(END)

    assert [(message.touch, message.recipient.email) for message in schedule.sent() if message.recipient] == [
        ("tip", "lea@example.org"),
        ("offer", "zoe@example.org"),
    ]


def test_what_gave_way_goes_after_all_when_the_higher_one_does_not(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path, campaign(*TIP_AND_OFFER, caps="[1 per day]"))
    schedule.live_until(moment("2027-02-01T11:00:00+01:00"))

    schedule.apply(write(tmp_path, campaign(TIP_AND_OFFER[0], caps="[1 per day]")))
    schedule.live_until(END)

    assert went(schedule, "tip") == "2027-02-01T10:00:00+00:00"


def test_what_may_not_wait_that_long_is_dropped_for_the_higher_one(store: Store, tmp_path: Path) -> None:
    touches = (f"{TIP_AND_OFFER[0]}, max_late: 2 hours", TIP_AND_OFFER[1])
    schedule = shop(store, tmp_path, campaign(*touches, caps="[1 per day]"))

    schedule.live_until(END)

    assert ends(schedule) == {
        "tip": ("suppressed", "priority: shop/offer goes first (priority 90)"),
        "offer": ("sent", ""),
    }


def test_a_message_of_another_campaign_that_waits_already_counts_as_well(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path, campaign(TIP_AND_OFFER[0], caps="[1 per day]"))
    other = HEAD.replace("campaign: shop", "campaign: other")
    text = campaign(
        "id: thanks, channel: email, subject: T, text: t, on: purchase, when: 6 hours later, priority: 80",
        caps="[1 per day]",
    )
    schedule.apply(write(tmp_path, text, name="other.yaml", head=other))
    schedule.live_until(moment("2027-02-01T09:00:00+01:00"))
    schedule.happens("lea@example.org", "purchase", key="p-1")

    schedule.live_until(END)

    assert ends(schedule) == {"tip": ("suppressed", "cap: 1 per day"), "thanks": ("sent", "")}


def test_a_paused_message_of_a_higher_priority_holds_nothing_up(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path, campaign(*TIP_AND_OFFER, caps="[1 per day]"))
    steering.pause(store, [Target("shop", "2027", "offer")], until=None, now=START, who="test")

    schedule.live_until(moment("2027-02-01T11:00:00+01:00"))

    assert went(schedule, "tip") == "2027-02-01T09:00:00+00:00"


# --- hours ------------------------------------------------------------------------------------------------------------


def test_a_cap_is_asked_at_the_hour_at_which_the_message_may_go(store: Store, tmp_path: Path) -> None:
    touches = (
        mail("first", "31 january at 19:00", ", courtesy: {quiet_hours: none}"),
        mail("second", "1 february at 10:00"),  # 22:00 in Auckland, where it is 08:00 when it is 20:00 in Paris
    )
    kiri = person("kiri@example.org", timezone="Pacific/Auckland")
    schedule = shop(store, tmp_path, campaign(*touches, caps="[1 per day]"), kiri)

    schedule.live_until(END)

    assert went(schedule, "second") == "2027-02-01T19:00:00+00:00"
