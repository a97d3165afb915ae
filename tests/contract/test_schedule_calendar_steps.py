"""Sequences on the calendar: each person whom the first message reaches goes through the steps after it."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from support.shop import DAY, HEAD, HOUR, Schedule, moment, person, write

from scheduler.channels.base import Mark, Message, Receipt
from scheduler.channels.recording import RecordingChannel
from scheduler.errors import NotSent, Unknown
from scheduler.guard import replay
from scheduler.operations import applying, explaining, ledger_check, privacy, settling, steering
from scheduler.store import ledger, meta, plans
from scheduler.store.database import Store

START = moment("2027-02-22T10:00:00+01:00")
LAUNCH = moment("2027-03-01T10:00:00+01:00")
LEA, KARIM = "lea@example.org", "karim@example.org"
STEPS = (
    "{id: reminder, when: 3 days later, subject: Still here, text: Have a look}",
    '{id: ring-up, channel: call, when: 2 days later, text: "Call {{ contact.first_name }}"}',
)
REVIEWED = (
    "{id: thanks, when: 1 day later, subject: Thanks, text: Thank you}",
    "{id: nudge, when: 1 day later, subject: Nudge, text: Tell us}",
)


def launch(*steps: str, more: str = "", when: str = "1 march", head: str = "") -> str:
    listed = "\n".join(f"          - {step}" for step in steps or STEPS)
    return f"""
{head}
stages:
  - stage: launch
    kind: conversion
    when: {when}
    touches:
      - id: launch
        channel: email
        subject: It is here
        text: It is here
        {more}
        steps:
{listed}
"""


def shop(store: Store, folder: Path, text: str = "", **channels: RecordingChannel) -> Schedule:
    schedule = Schedule.on(store, START, channels=channels or None)  # type: ignore[arg-type]
    schedule.know(
        person(LEA, first_name="Lea", phone="+33612345678"), person(KARIM, first_name="Karim", phone="+33612345679")
    )
    schedule.apply(write(folder, text or launch()))
    schedule.tick()
    return schedule


def went(schedule: Schedule, contact: int = 1) -> list[tuple[str, str]]:
    rows = schedule.rows(contact=contact)
    return [(row.touch, f"{row.sent_at:%m-%d %H:%M}") for row in rows if row.sent_at is not None]


def states(schedule: Schedule, contact: int = 1) -> dict[str, tuple[str, str]]:
    return {row.touch: (row.state, row.reason) for row in schedule.rows(contact=contact)}


def runs(schedule: Schedule, contact: int = 1) -> list[tuple[str, str, str]]:
    with schedule.store.read() as conn:
        return [(run.key, run.state, run.reason) for run in plans.runs_for(conn, contact)]


def edit(schedule: Schedule, folder: Path, text: str) -> list[tuple[str, str, str]]:
    """Look at what an edit would do, do it, and return what was said of each touch."""
    loaded = write(folder, text)
    seen = applying.preview(schedule.store, loaded, now=schedule.clock.now())
    schedule.apply(loaded)
    schedule.tick()
    return [(change.action.value, change.touch, change.consequence) for change in seen.changes]


def steer(schedule: Schedule, what: str, name: str) -> None:
    """Pause, resume or cancel a touch or a campaign, now."""
    chosen = steering.targets(schedule.store, schedule.catalog, [name])  # type: ignore[arg-type]
    now = schedule.clock.now()
    if what == "pause":
        steering.pause(schedule.store, chosen, until=None, now=now, who="ana")
    elif what == "resume":
        steering.resume(schedule.store, chosen, now=now, who="ana")
    else:
        steering.cancel(schedule.store, schedule.catalog, chosen, now=now, who="ana")  # type: ignore[arg-type]
    schedule.tick()


def broken_laws(schedule: Schedule) -> list[str]:
    found = ledger_check.check(schedule.store, schedule.catalog, now=schedule.clock.now())  # type: ignore[arg-type]
    return [str(violation) for law in found.checked for violation in law.violations]


def test_each_person_goes_through_the_steps_from_when_the_first_message_reached_them(
    store: Store, tmp_path: Path
) -> None:
    schedule = shop(store, tmp_path)

    schedule.live_until(LAUNCH + DAY)
    begun = runs(schedule)
    schedule.live_until(LAUNCH + 20 * DAY)

    # 10:00 in Paris is 09:00 in UTC.
    expected = [("launch", "03-01 09:00"), ("reminder", "03-04 09:00"), ("ring-up", "03-06 09:00")]
    assert (went(schedule, 1), went(schedule, 2)) == (expected, expected)
    assert begun == [("once", "open", "")]
    assert runs(schedule) == [("once", "ended", "done")]
    assert {row.occurrence for row in schedule.rows()} == {"once"}
    assert states(schedule)["reminder"] == ("sent", "launch +3 d; not 21:00–08:00")
    assert broken_laws(schedule) == []


def test_a_step_is_planned_only_once_the_first_message_has_gone(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path)

    schedule.live_until(LAUNCH - HOUR)
    before = (schedule.rows(), runs(schedule))
    schedule.live_until(LAUNCH + HOUR)

    assert before == ([], [])
    assert [(row.touch, row.state) for row in schedule.rows(contact=1)] == [("launch", "sent"), ("reminder", "planned")]


def test_a_purchase_between_two_steps_ends_the_run_of_that_person_alone(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path, launch(more="until: purchase"))

    schedule.live_until(LAUNCH + 2 * DAY)
    result = schedule.happens(LEA, "purchase")
    schedule.live_until(LAUNCH + 20 * DAY)

    assert result.cancelled == ("shop/launch",)
    assert runs(schedule) == [("once", "ended", "goal reached: purchase")]
    assert states(schedule)["reminder"] == ("cancelled", "goal reached: purchase")
    assert "ring-up" not in states(schedule)
    assert [touch for touch, _ in went(schedule, 2)] == ["launch", "reminder", "ring-up"]
    assert broken_laws(schedule) == []


def test_who_has_bought_before_the_launch_gets_nothing_of_it(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path, launch(more="until: purchase"))

    schedule.live_until(START + DAY)
    schedule.happens(LEA, "purchase")
    schedule.live_until(LAUNCH + 20 * DAY)

    assert states(schedule) == {"launch": ("suppressed", "goal reached: purchase")}
    assert runs(schedule) == []


def test_who_never_got_the_first_message_gets_none_of_the_steps(store: Store, tmp_path: Path) -> None:
    schedule = Schedule.on(store, START)
    schedule.know(person(LEA, consent=(), phone="+33612345678"))
    schedule.apply(write(tmp_path, launch()))

    schedule.live_until(LAUNCH + 20 * DAY)

    assert states(schedule) == {"launch": ("suppressed", "no consent")}
    assert runs(schedule) == []


def test_a_purchase_of_before_the_launch_that_is_told_of_later_ends_the_run(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path, launch(more="until: purchase"))

    schedule.live_until(LAUNCH + DAY)
    schedule.happens(LEA, "purchase", at=LAUNCH - HOUR)
    schedule.happens(KARIM, "purchase", at=START - HOUR)  # before the first apply: history, and no goal
    schedule.live_until(LAUNCH + 20 * DAY)

    assert [touch for touch, _ in went(schedule, 1)] == ["launch"]
    assert [touch for touch, _ in went(schedule, 2)] == ["launch", "reminder", "ring-up"]


class TellsWhileSending:
    """A channel that hears of a purchase while the first message is on its way, after the last checks."""

    def __init__(self) -> None:
        self.name = "email"
        self.schedule: list[Schedule] = []
        self.sent: list[str] = []

    async def send(self, message: Message, mark: Mark) -> Receipt:
        await mark()
        (here,) = self.schedule
        if message.touch == "launch":
            here.happens(LEA, "purchase", at=here.clock.now() - timedelta(milliseconds=1))
        self.sent.append(message.touch)
        return Receipt()

    async def close(self) -> None:
        """Nothing is open."""


def test_a_purchase_while_the_first_message_is_on_its_way_stops_the_steps(store: Store, tmp_path: Path) -> None:
    channel = TellsWhileSending()
    schedule = Schedule.on(store, START, channels={"email": channel})
    channel.schedule.append(schedule)
    schedule.know(person(LEA))
    schedule.apply(write(tmp_path, launch(more="until: purchase")))

    schedule.live_until(LAUNCH + 20 * DAY)

    assert channel.sent == ["launch"]
    assert runs(schedule) == [("once", "ended", "goal reached: purchase")]


def test_the_steps_ask_the_audience_of_the_campaign_as_the_touch_itself_does(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path, launch(head="audience: not purchased('ring')"))

    schedule.live_until(LAUNCH + DAY)
    schedule.happens(LEA, "purchase", product="ring")
    schedule.live_until(LAUNCH + 20 * DAY)

    assert states(schedule)["reminder"] == ("suppressed", "audience")
    assert states(schedule)["ring-up"] == ("suppressed", "audience")
    assert [touch for touch, _ in went(schedule, 2)] == ["launch", "reminder", "ring-up"]


def test_a_wait_after_the_first_message_parts_the_ways(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path, launch(*REVIEWED, more="wait_for: {event: review, within: 4 days, else: nudge}"))

    schedule.live_until(LAUNCH + 2 * DAY)
    result = schedule.happens(LEA, "review")
    schedule.live_until(LAUNCH + 20 * DAY)

    assert (result.started, result.cancelled) == (("shop/thanks",), ("shop/nudge",))
    assert went(schedule, 1) == [("launch", "03-01 09:00"), ("thanks", "03-04 09:00")]
    assert went(schedule, 2) == [("launch", "03-01 09:00"), ("nudge", "03-06 09:00")]


def test_each_date_of_a_repeated_touch_has_a_run_of_its_own(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path, launch(STEPS[0], more='repeat: "weekly, 2 times"'))

    schedule.live_until(LAUNCH + 20 * DAY)

    assert went(schedule) == [
        ("launch", "03-01 09:00"),
        ("reminder", "03-04 09:00"),
        ("launch", "03-08 09:00"),
        ("reminder", "03-11 09:00"),
    ]
    assert runs(schedule) == [("2027-03-01", "ended", "done"), ("2027-03-08", "ended", "done")]
    assert [row.occurrence for row in schedule.rows(contact=1, touch="reminder")] == ["2027-03-01", "2027-03-08"]
    assert broken_laws(schedule) == []


def test_the_steps_follow_a_date_that_is_moved(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path)

    said = edit(schedule, tmp_path, launch(when="2 march"))
    schedule.live_until(LAUNCH + 20 * DAY)

    assert said == [("change", "launch", "moves a date")]
    assert went(schedule) == [("launch", "03-02 09:00"), ("reminder", "03-05 09:00"), ("ring-up", "03-07 09:00")]


def test_the_steps_count_from_when_a_late_message_really_went(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path)

    schedule.clock.advance_to(LAUNCH + 5 * HOUR)
    schedule.tick()
    schedule.live_until(LAUNCH + 20 * DAY)

    assert went(schedule) == [("launch", "03-01 14:00"), ("reminder", "03-04 14:00"), ("ring-up", "03-06 14:00")]


def test_people_get_the_steps_in_their_own_zones(store: Store, tmp_path: Path) -> None:
    head = HEAD.replace("timezone: Europe/Paris", "timezone: contact\nfallback_timezone: Europe/Paris")
    schedule = Schedule.on(store, START)
    schedule.know(person(LEA), person(KARIM, timezone="America/New_York"))
    schedule.apply(write(tmp_path, launch(), head=head))

    schedule.live_until(LAUNCH + 20 * DAY)

    assert went(schedule, 1)[:2] == [("launch", "03-01 09:00"), ("reminder", "03-04 09:00")]
    assert went(schedule, 2)[:2] == [("launch", "03-01 15:00"), ("reminder", "03-04 15:00")]


def test_a_touch_without_words_begins_with_its_first_step(store: Store, tmp_path: Path) -> None:
    text = launch("{id: first, subject: First, text: First}", "{id: second, when: 2 days later, subject: 2, text: Two}")
    silent = text.replace("        subject: It is here\n        text: It is here\n", "        until: purchase\n")
    schedule = shop(store, tmp_path, silent)

    schedule.live_until(LAUNCH + DAY)
    schedule.happens(LEA, "purchase")
    schedule.live_until(LAUNCH + 20 * DAY)

    assert went(schedule, 1) == [("first", "03-01 09:00")]
    assert went(schedule, 2) == [("first", "03-01 09:00"), ("second", "03-03 09:00")]
    assert runs(schedule) == [("once", "ended", "goal reached: purchase")]


def test_only_its_own_goal_and_those_before_it_stop_a_touch_without_words(store: Store, tmp_path: Path) -> None:
    text = """
stages:
  - stage: launch
    kind: conversion
    when: 1 march
    touches:
      - {id: launch, channel: email, steps: [{id: first, until: review, subject: First, text: First}]}
      - {id: last-call, channel: email, when: 5 march, until: purchase, subject: Last, text: Last}
"""
    schedule = shop(store, tmp_path, text)

    schedule.live_until(START + DAY)
    schedule.happens(LEA, "purchase")
    schedule.happens(KARIM, "review")
    schedule.live_until(LAUNCH + 20 * DAY)

    assert went(schedule, 1) == [("first", "03-01 09:00")]
    assert went(schedule, 2) == [("last-call", "03-05 09:00")]
    assert states(schedule, 2)["first"] == ("suppressed", "goal reached: review")


def test_the_goal_of_a_first_step_holds_before_it_goes(store: Store, tmp_path: Path) -> None:
    text = launch("{id: first, until: review, subject: First, text: First}")
    schedule = shop(store, tmp_path, text.replace("        subject: It is here\n        text: It is here\n", ""))

    schedule.live_until(START + DAY)
    schedule.happens(LEA, "review")
    schedule.live_until(LAUNCH + DAY)

    assert states(schedule) == {"first": ("suppressed", "goal reached: review")}


def test_another_moment_of_a_step_moves_those_who_wait_for_it(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path)
    schedule.live_until(LAUNCH + DAY)

    said = edit(schedule, tmp_path, launch(STEPS[0].replace("3 days", "5 days"), STEPS[1]))
    schedule.live_until(LAUNCH + 20 * DAY)

    assert said == [("change", "reminder", "changes how long after its event it goes, moves 2 people in flight")]
    assert went(schedule) == [("launch", "03-01 09:00"), ("reminder", "03-06 09:00"), ("ring-up", "03-08 09:00")]


def test_who_waits_for_a_step_that_is_taken_out_goes_on_with_the_next(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path)
    schedule.live_until(LAUNCH + DAY)

    said = edit(schedule, tmp_path, launch(STEPS[1]))
    schedule.live_until(LAUNCH + 20 * DAY)

    assert ("cancel", "reminder", "cancels 2 scheduled messages") in said
    assert went(schedule) == [("launch", "03-01 09:00"), ("ring-up", "03-03 09:00")]


def test_without_its_steps_a_touch_does_not_go_a_second_time(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path, launch(more="until: purchase"))
    schedule.live_until(LAUNCH + DAY)

    edit(schedule, tmp_path, launch(more="until: purchase").split("        steps:")[0])
    schedule.live_until(LAUNCH + 20 * DAY)

    assert went(schedule) == [("launch", "03-01 09:00")]
    assert states(schedule)["reminder"] == ("cancelled", "removed from the campaign")


def test_steps_added_before_the_date_are_for_everybody(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path, launch().split("        steps:")[0])

    edit(schedule, tmp_path, launch())
    schedule.live_until(LAUNCH + 20 * DAY)

    assert [touch for touch, _ in went(schedule)] == ["launch", "reminder", "ring-up"]


def test_steps_added_after_the_date_are_for_nobody_and_the_plan_says_so(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path, launch().split("        steps:")[0])
    schedule.live_until(LAUNCH + DAY)

    loaded = write(tmp_path, launch())
    seen = applying.preview(schedule.store, loaded, now=schedule.clock.now())
    schedule.apply(loaded)
    schedule.live_until(LAUNCH + 20 * DAY)

    assert [(change.touch, change.consequence) for change in seen.changes] == [
        ("reminder", "its time is over; it will not be sent"),
        ("ring-up", "its time is over; it will not be sent"),
    ]
    assert [(one.code, one.message) for one in seen.timeline.findings] == [
        ("expired", "reminder follows launch, which had no date left when this step was added; nobody gets it"),
        ("expired", "ring-up follows launch, which had no date left when this step was added; nobody gets it"),
    ]
    assert went(schedule) == [("launch", "03-01 09:00")]


def test_people_who_are_pinned_finish_the_steps_they_began(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path, launch(more="in_flight: pin"))
    schedule.live_until(LAUNCH + DAY)

    slower = tuple(step.replace("days", "weeks") for step in STEPS)
    edit(schedule, tmp_path, launch(*slower, more="in_flight: pin"))
    schedule.live_until(LAUNCH + 60 * DAY)

    assert went(schedule) == [("launch", "03-01 09:00"), ("reminder", "03-04 09:00"), ("ring-up", "03-06 09:00")]


class Busy(RecordingChannel):
    """A channel that takes nothing at first."""

    is_busy = True

    async def send(self, message: Message, mark: Mark) -> Receipt:
        if self.is_busy:
            raise NotSent("try later", retry_at=message.created_at + 2 * HOUR)
        return await super().send(message, mark)


def test_a_message_that_is_pinned_begins_a_run_of_what_it_is_pinned_to(store: Store, tmp_path: Path) -> None:
    busy = Busy("email")
    schedule = shop(store, tmp_path, launch(more="in_flight: pin"), email=busy, call=RecordingChannel("call"))
    schedule.live_until(LAUNCH + HOUR)
    waiting = states(schedule)

    slower = tuple(step.replace("days", "weeks") for step in STEPS)
    edit(schedule, tmp_path, launch(*slower, more="in_flight: pin").replace("It is here", "It has come"))
    busy.is_busy = False
    schedule.live_until(LAUNCH + 60 * DAY)

    assert waiting == {"launch": ("retry_wait", "try later")}
    assert went(schedule) == [("launch", "03-01 11:00"), ("reminder", "03-04 11:00"), ("ring-up", "03-06 11:00")]
    assert busy.messages[0].content.subject == "It is here"


def test_a_touch_that_answers_an_event_now_ends_the_runs_of_its_dates(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path)
    schedule.live_until(LAUNCH + DAY)

    edit(schedule, tmp_path, launch(more="on: signup"))
    schedule.live_until(LAUNCH + 20 * DAY)

    assert went(schedule) == [("launch", "03-01 09:00")]
    assert runs(schedule) == [("once", "ended", "the touch is started by signup now")]


def test_a_renamed_touch_and_a_renamed_step_keep_their_history(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path)
    schedule.live_until(LAUNCH + DAY)

    renamed = launch(STEPS[0].replace("id: reminder", "id: second, moved: reminder"), STEPS[1], more="moved: launch")
    said = edit(schedule, tmp_path, renamed.replace("id: launch\n", "id: opening\n"))
    schedule.live_until(LAUNCH + 20 * DAY)

    assert said == [
        ("change", "opening", "was launch; its history goes with it"),
        ("change", "second", "was reminder; its history goes with it"),
    ]
    assert went(schedule) == [("launch", "03-01 09:00"), ("reminder", "03-04 09:00"), ("ring-up", "03-06 09:00")]


def test_a_step_that_a_person_takes_out_is_passed_over(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path)
    schedule.live_until(LAUNCH + DAY)

    steer(schedule, "cancel", "shop/reminder")
    schedule.live_until(LAUNCH + 20 * DAY)

    assert states(schedule)["reminder"] == ("cancelled", "cancelled by a person")
    assert went(schedule) == [("launch", "03-01 09:00"), ("ring-up", "03-04 09:00")]


class CancelsWhileSending(RecordingChannel):
    """A channel during whose first message a person cancels the campaign."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.schedule: list[Schedule] = []

    async def send(self, message: Message, mark: Mark) -> Receipt:
        receipt = await super().send(message, mark)
        (here,) = self.schedule
        chosen = steering.targets(here.store, here.catalog, ["shop"])  # type: ignore[arg-type]
        steering.cancel(here.store, here.catalog, chosen, now=here.clock.now(), who="ana")  # type: ignore[arg-type]
        return receipt


def test_a_message_that_was_on_its_way_when_the_campaign_was_cancelled_begins_no_run(
    store: Store, tmp_path: Path
) -> None:
    channel = CancelsWhileSending("email")
    schedule = Schedule.on(store, START, channels={"email": channel})
    channel.schedule = [schedule]
    schedule.know(person(LEA))
    schedule.apply(write(tmp_path, launch()))

    schedule.live_until(LAUNCH + 20 * DAY)

    assert [touch for touch, _ in went(schedule)] == ["launch"]
    assert runs(schedule) == []


def test_a_cancelled_campaign_ends_the_runs_there_are(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path)
    schedule.live_until(LAUNCH + DAY)

    steer(schedule, "cancel", "shop")
    schedule.live_until(LAUNCH + 20 * DAY)

    assert runs(schedule) == [("once", "ended", "the campaign was cancelled")]
    assert [touch for touch, _ in went(schedule)] == ["launch"]


def test_a_paused_step_goes_when_it_is_resumed_and_the_next_counts_from_there(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path)
    schedule.live_until(LAUNCH + DAY)

    steer(schedule, "pause", "shop/reminder")
    schedule.live_until(LAUNCH + 3 * DAY + 4 * HOUR)
    steer(schedule, "resume", "shop/reminder")
    schedule.live_until(LAUNCH + 20 * DAY)

    assert went(schedule) == [("launch", "03-01 09:00"), ("reminder", "03-04 13:00"), ("ring-up", "03-06 13:00")]


class Silent(RecordingChannel):
    """A channel whose far end says nothing about the first message."""

    async def send(self, message: Message, mark: Mark) -> Receipt:
        if message.touch == "launch":
            await mark()
            raise Unknown("no answer")
        return await super().send(message, mark)


@pytest.mark.parametrize(("did_go", "touches"), [(True, ["launch", "reminder", "ring-up"]), (False, [])])
def test_a_message_nobody_knew_the_fate_of_begins_its_run_once_it_is_said_that_it_went(
    store: Store, tmp_path: Path, did_go: bool, touches: list[str]
) -> None:
    schedule = shop(store, tmp_path, email=Silent("email"), call=RecordingChannel("call"))
    schedule.live_until(LAUNCH + DAY)
    (row,) = schedule.rows(contact=1)
    before = runs(schedule)

    now = schedule.clock.now()
    settling.settle_unknown(store, schedule.catalog, row.id, went=did_go, reason="the log", now=now, who="ana")  # type: ignore[arg-type]
    schedule.live_until(LAUNCH + 20 * DAY)

    assert before == []
    assert [touch for touch, _ in went(schedule)] == touches


def test_an_outcome_out_of_the_journal_begins_the_run_too(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path, email=Silent("email"), call=RecordingChannel("call"))
    schedule.live_until(LAUNCH + HOUR)
    (row,) = schedule.rows(contact=1)
    said = {"delivery": row.id, "number": 1, "state": "sent", "reason": "", "at": LAUNCH.isoformat()}

    with store.begin() as conn:
        replay.replay(conn, schedule.catalog, [{**said, "detail": "", "provider_id": "", "next_at": None}])  # type: ignore[arg-type]
    schedule.live_until(LAUNCH + 20 * DAY)

    assert [touch for touch, _ in went(schedule)] == ["launch", "reminder", "ring-up"]


def test_two_contacts_that_become_one_go_through_the_steps_once(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path, launch(more="until: purchase"))
    schedule.live_until(LAUNCH + DAY)

    privacy.merge(store, LEA, KARIM, now=schedule.clock.now(), by="ana")
    schedule.live_until(LAUNCH + 20 * DAY)

    assert [message.touch for message in schedule.sent()] == ["launch", "launch", "reminder"]
    assert [message.touch for message in schedule.sent("call")] == ["ring-up"]
    assert broken_laws(schedule) == []


def test_a_clock_that_was_ahead_keeps_nobody_waiting_for_a_step(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path, launch(more="max_late: 60 days"))
    schedule.clock.advance_to(LAUNCH + 30 * DAY)
    schedule.tick()
    ahead = {row.due_at for row in schedule.rows(touch="reminder")}

    with store.begin() as conn:
        ledger.turn_back(conn, LAUNCH)

    assert ahead == {LAUNCH + 33 * DAY}
    assert {row.due_at for row in schedule.rows(touch="reminder")} == {LAUNCH + 3 * DAY}


def test_after_a_restore_a_step_is_held_that_could_have_gone_had_the_first_message_not_been_held(
    store: Store, tmp_path: Path
) -> None:
    schedule = shop(store, tmp_path, launch(more="max_late: 10 days"))
    with store.begin() as conn:
        meta.widen_gap(conn, LAUNCH + 4 * DAY)
    schedule.live_until(LAUNCH + 5 * DAY)
    held = states(schedule)

    chosen = steering.targets(store, schedule.catalog, ["shop/launch"])  # type: ignore[arg-type]
    steering.approve(
        store,
        schedule.catalog,
        chosen,
        now=schedule.clock.now(),
        who="ana",
        not_sent=True,  # type: ignore[arg-type]
    )
    schedule.live_until(LAUNCH + 20 * DAY)

    why = "may have been sent already (restored database)"
    assert held == {"launch": ("held", why)}
    assert states(schedule)["launch"][0] == "sent"
    assert states(schedule)["reminder"] == ("held", why)


def explained(schedule: Schedule, touch: str) -> tuple[str, str, dict[str, str]]:
    found = explaining.explain(schedule.store, schedule.catalog, LEA, touch, now=schedule.clock.now())  # type: ignore[arg-type]
    return found.verdict.state.value, found.verdict.reason, {line.rule: line.value for line in found.lines}


def test_explaining_a_step_says_what_it_follows(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path)

    before = explained(schedule, "shop/reminder")
    schedule.live_until(LAUNCH + DAY)
    state, _, lines = explained(schedule, "shop/reminder")
    later = explained(schedule, "shop/ring-up")

    assert before[:2] == ("planned", "follows launch, which has not reached them")
    assert state == "sent"
    assert lines["run"] == "once: started by received launch Mon 1 Mar 2027 10:00, open"
    assert lines["moment"].startswith("Thu 4 Mar 2027 10:00 Europe/Paris")
    assert lines["moment"].endswith("launch +3 d; not 21:00–08:00")
    assert later[:2] == ("planned", "its run has not come to it yet")


def test_the_dates_of_steps_are_known_beforehand(store: Store, tmp_path: Path) -> None:
    schedule = Schedule.on(store, START)
    steps = (
        STEPS[0].replace("}", ", wait_for: {event: review, within: 4 days, else: nudge}}"),
        *REVIEWED,
        STEPS[1],
    )

    planned = applying.preview(store, write(tmp_path, launch(*steps)), now=schedule.clock.now()).timeline

    dates: dict[str, list[datetime]] = {touch.id: [one.due_at for one in touch.expected] for touch in planned.touches}
    assert dates == {
        "launch": [],
        "reminder": [moment("2027-03-04T10:00:00+01:00")],
        "thanks": [],
        "nudge": [moment("2027-03-09T10:00:00+01:00")],
        "ring-up": [moment("2027-03-11T10:00:00+01:00")],
    }
