"""What somebody of the shop puts on a network by hand: its task is there when the post is due, and nothing is sent."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from by_hand_shop import BEFORE, TEN, post, shop
from support.shop import Schedule, person, write

from scheduler.channels.base import Attempted, Channel, Evidence, Mark, Message, Receipt
from scheduler.channels.task import TaskChannel
from scheduler.errors import ChannelDown
from scheduler.guard.replay import replay
from scheduler.operations import explaining, tasks, watching
from scheduler.operations.tasks import Standing, TaskLine
from scheduler.rehearsal import rehearse
from scheduler.store import ledger, plans
from scheduler.store.database import Store

POST = "\naccounts: {instagram: biksouv}" + post(
    "Spring is here 🌷 #paris https://shop.example/spring", alt="A ring on a hand"
)
LATE = POST.replace("by_hand: true", "by_hand: {within: 90 minutes}")


class Network:
    """A network that somebody has an account of: nothing may go by it."""

    def __init__(self, name: str = "instagram") -> None:
        self.name = name
        self.took: list[Message] = []
        self.asked = 0
        self.settles_after = timedelta(minutes=1)

    async def send(self, message: Message, mark: Mark) -> Receipt:
        await mark()
        self.took.append(message)
        return Receipt("1789")

    async def settle(self, attempted: Attempted) -> Evidence:
        self.asked += 1
        raise ChannelDown("nobody should ask")

    async def close(self) -> None:
        """Do nothing: there is no connection."""


def only(schedule: Schedule, **more: bool) -> TaskLine:
    (line,) = tasks.lines(schedule.store, now=schedule.clock.now(), **more)
    return line


def test_the_task_has_the_words_and_the_network_hears_nothing(store: Store, tmp_path: Path) -> None:
    network = Network()
    schedule = shop(store, tmp_path, POST, network)

    schedule.live_until(TEN - timedelta(minutes=1))
    assert tasks.lines(store, now=schedule.clock.now()) == []
    schedule.live_until(TEN)

    assert network.took == []
    assert [(row.channel, row.state) for row in schedule.rows()] == [("instagram", "sent")]
    assert only(schedule) == TaskLine(
        id=1,
        campaign="shop",
        touch="teaser",
        channel="instagram",
        by_hand=True,
        who="",
        text="Spring is here 🌷 #paris https://shop.example/spring",
        media=(("media/ring.jpg", "A ring on a hand"),),
        due_at=TEN,
        late_at=TEN + timedelta(hours=3),
        ends_at=TEN + timedelta(hours=24),
        state=Standing.OPEN,
        done_at=None,
        note="",
        link="",
    )


def test_no_account_is_needed_and_none_is_missed(store: Store, tmp_path: Path) -> None:
    shop(store, tmp_path, POST)

    assert watching.channels(store) == frozenset()


def test_a_network_that_is_down_holds_up_no_task(store: Store, tmp_path: Path) -> None:
    class Down(Network):
        async def send(self, message: Message, mark: Mark) -> Receipt:
            raise ChannelDown("the token has ended")

    both = POST + '      - {id: live, channel: instagram, at: "09:30", text: "Live"}\n'
    schedule = shop(store, tmp_path, both, Down())

    schedule.live_until(TEN)

    assert {row.touch: row.state for row in schedule.rows()} == {"teaser": "sent", "live": "retry_wait"}


def test_of_several_channels_one_may_be_by_hand(store: Store, tmp_path: Path) -> None:
    text = POST.replace("channel: instagram", "channel: [instagram, mastodon]").replace(
        "        by_hand: true\n", "        by_channel: {instagram: {by_hand: true, text: Words for Instagram}}\n"
    )
    network = Network("mastodon")
    schedule = shop(store, tmp_path, text, network)

    schedule.live_until(TEN)

    assert [message.content.text[:14] for message in network.took] == ["Spring is here"]
    assert (only(schedule).touch, only(schedule).text) == ("teaser.instagram", "Words for Instagram")
    assert watching.channels(store) == {"mastodon"}
    assert sorted((row.channel, row.state, row.by_hand) for row in watching.log(store)) == [
        ("instagram", "sent", True),
        ("mastodon", "sent", False),
    ]


def test_all_of_several_channels_but_one(store: Store, tmp_path: Path) -> None:
    text = POST.replace("channel: instagram", "channel: [instagram, mastodon]").replace(
        "        by_hand: true\n", "        by_hand: true\n        by_channel: {mastodon: {by_hand: false}}\n"
    )
    network = Network("mastodon")
    schedule = shop(store, tmp_path, text, network)

    schedule.live_until(TEN)

    assert len(network.took) == 1
    assert only(schedule).touch == "teaser.instagram"


def test_a_step_is_by_hand_as_its_touch_is_unless_it_says_otherwise(store: Store, tmp_path: Path) -> None:
    text = """
courtesy: {quiet_hours: none, caps: none}
stages:
  - stage: thanks
    kind: retention
    when: as soon as possible
    touches:
      - id: thank
        on: purchase
        channel: whatsapp
        by_hand: true
        purpose: transactional
        steps:
          - {id: hello, when: as soon as possible, text: "Hello {{ contact.first_name }}"}
          - {id: ask, when: 1 hour later, text: "Is all well?"}
          - {id: sms, when: 1 hour later, channel: sms, text: "By SMS"}
          - {id: last, when: 1 hour later, by_hand: false, text: "By itself"}
"""
    sms, whatsapp = Network("sms"), Network("whatsapp")
    schedule = shop(store, tmp_path, text, sms, whatsapp)
    schedule.know(person("lea@example.org", first_name="Léa", phone="+33612345678"))
    schedule.happens("lea@example.org", "purchase", key="order-1")

    schedule.live_until(BEFORE + timedelta(days=1))

    assert [line.text for line in tasks.lines(store, now=BEFORE)] == ["Hello Léa", "Is all well?"]
    assert [line.who for line in tasks.lines(store, now=BEFORE)] == ["Léa +33612345678"] * 2
    assert [message.content.text for message in (*sms.took, *whatsapp.took)] == ["By SMS", "By itself"]


# --- its time ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "after", "state"),
    [
        (POST, timedelta(hours=3, seconds=-1), Standing.OPEN),
        (POST, timedelta(hours=3), Standing.OVERDUE),
        (POST, timedelta(hours=24), Standing.OVERDUE),
        (POST, timedelta(hours=24, seconds=1), Standing.TOO_LATE),
        (POST.replace("by_hand: true", "by_hand: true\n        on_late: ask"), timedelta(hours=25), Standing.OVERDUE),
        (POST.replace("by_hand: true", "by_hand: true\n        on_late: send"), timedelta(days=9), Standing.OVERDUE),
        (LATE, timedelta(minutes=89), Standing.OPEN),
        (LATE, timedelta(minutes=90), Standing.OVERDUE),
        (POST.replace("channel: instagram", "channel: manual"), timedelta(hours=23), Standing.OPEN),
        (POST.replace("channel: instagram", "channel: manual"), timedelta(hours=24), Standing.OVERDUE),
        (LATE.replace("channel: instagram", "channel: manual"), timedelta(minutes=90), Standing.OVERDUE),
    ],
)
def test_a_task_is_overdue_after_its_time_and_too_late_after_its_message_would_be(
    tmp_path: Path, text: str, after: timedelta, state: Standing
) -> None:
    schedule = shop(Store.memory(), tmp_path, text.replace("biksouv}", "biksouv}"))
    schedule.live_until(TEN)

    (line,) = tasks.lines(schedule.store, now=TEN + after)

    assert line.state is state


def test_a_task_that_came_late_has_its_whole_time_all_the_same(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path, POST)
    schedule.clock.advance_to(TEN + timedelta(hours=2))  # the daemon was away

    schedule.tick()

    assert only(schedule).late_at == TEN + timedelta(hours=5)


def test_a_post_that_is_too_late_when_the_daemon_is_back_makes_no_task(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path, POST)
    schedule.clock.advance_to(TEN + timedelta(hours=25))

    schedule.tick()

    assert [row.state for row in schedule.rows()] == ["expired"]
    assert tasks.lines(store, now=schedule.clock.now(), everything=True) == []


# --- ticked off, and opened again ----------------------------------------------------------------------------------------


def test_a_link_is_kept_apart_from_the_note(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path, POST)
    schedule.live_until(TEN)

    done = tasks.finish(store, 1, now=TEN, note="as a reel", link="https://insta.example/p/1", who="anna")

    line = only(schedule, everything=True)
    assert done
    assert (line.state, line.link, line.note) == (Standing.DONE, "https://insta.example/p/1", "as a reel")
    assert tasks.lines(store, now=TEN) == []
    assert not tasks.finish(store, 1, now=TEN, who="ben")


def test_a_task_is_opened_again_and_the_audit_says_by_whom(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path, POST)
    schedule.live_until(TEN)
    assert not tasks.reopen(store, 1, now=TEN, who="anna")
    tasks.finish(store, 1, now=TEN, who="anna")

    assert tasks.reopen(store, 1, now=TEN, who="ben")

    assert only(schedule).state is Standing.OPEN
    with store.read() as conn:
        assert [(one.who, one.action) for one in plans.audits(conn)][-2:] == [
            ("anna", "task done"),
            ("ben", "task reopened"),
        ]


# --- edits ------------------------------------------------------------------------------------------------------------


def test_a_task_shows_what_was_to_be_posted_when_it_came_about(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path, POST + '      - {id: live, channel: mastodon, text: "Live"}\n')
    schedule.live_until(TEN)
    schedule.clock.advance(timedelta(minutes=5))

    schedule.apply(
        write(
            tmp_path,
            POST.replace("media/ring.jpg", "media/other.jpg").replace("by_hand: true", "by_hand: {within: 1 hour}"),
        )
    )

    assert only(schedule).media == (("media/ring.jpg", "A ring on a hand"),)
    assert only(schedule).late_at == TEN + timedelta(hours=3)


def test_a_post_held_for_want_of_an_account_becomes_a_task_once_it_is_by_hand(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path, POST.replace("        by_hand: true\n", ""))
    schedule.live_until(TEN)
    assert [row.state for row in schedule.rows()] == ["held"]

    schedule.apply(write(tmp_path, POST))
    schedule.tick()

    assert [row.state for row in schedule.rows()] == ["sent"]
    assert only(schedule).text.startswith("Spring is here")


# --- crashes ----------------------------------------------------------------------------------------------------------


class Stops(BaseException):
    """The process ends here."""


class Stopping(TaskChannel):
    """Ends the process between the attempt mark and the outcome, once."""

    def __init__(self) -> None:
        super().__init__("manual")
        self.stops = True

    async def send(self, message: Message, mark: Mark) -> Receipt:
        receipt = await super().send(message, mark)
        if self.stops:
            self.stops = False
            raise Stops
        return receipt


def test_a_crash_before_the_outcome_makes_one_task_and_asks_no_network(store: Store, tmp_path: Path) -> None:
    network = Network()
    channels: dict[str, Channel] = {"manual": Stopping(), "instagram": network}
    schedule = Schedule.on(store, BEFORE, channels=channels)
    schedule.apply(write(tmp_path, POST))
    schedule.clock.advance_to(TEN)
    with pytest.raises(Stops):
        schedule.tick()
    assert [row.state for row in schedule.rows()] == ["attempting"]

    with store.begin() as conn:
        ledger.recover(conn, worker_alive=(), now=TEN + timedelta(minutes=1))
    schedule.clock.advance(timedelta(minutes=10))
    asyncio.run(schedule.settler.look())
    schedule.tick()

    assert [row.state for row in schedule.rows()] == ["sent"]
    assert only(schedule).id == 1
    assert (network.took, network.asked) == ([], 0)


def test_an_outcome_in_the_journal_is_left_out_for_it_has_no_task(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path, POST)
    schedule.live_until(BEFORE + timedelta(days=1))
    record = {
        "delivery": schedule.rows()[0].id if schedule.rows() else 1,
        "number": 1,
        "state": "sent",
        "reason": "",
        "at": TEN.isoformat(),
        "detail": "",
        "provider_id": "k",
        "next_at": None,
        "task": True,
    }
    channels: dict[str, Channel] = {"manual": Stopping()}
    again = Schedule.on(store, TEN, channels=channels)
    with pytest.raises(Stops):
        again.tick()
    (row,) = again.rows()

    with store.begin() as conn:
        taken = replay(conn, again.catalog, [{**record, "delivery": row.id}])

    assert taken == 0
    assert [one.state for one in again.rows()] == ["attempting"]


# --- what is said of it ------------------------------------------------------------------------------------------------


def test_the_rehearsal_says_that_it_is_by_hand(tmp_path: Path) -> None:
    loaded = write(tmp_path, POST)

    (message,) = rehearse([loaded], contacts=[], events=None, start=BEFORE).messages

    assert (message.way, message.state, message.content and message.content.text[:6]) == (
        "instagram, by hand",
        "sent",
        "Spring",
    )


def test_the_status_counts_what_is_open_and_overdue(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path, POST)
    schedule.live_until(TEN)

    early, late = (watching.status(store, now=TEN + timedelta(hours=hours)) for hours in (1, 4))

    assert [(one.undone, one.overdue) for one in (early, late)] == [(1, 0), (1, 1)]
    assert watching.status(store, now=TEN, campaign="other").undone == 0


def test_what_hangs_on_a_post_is_a_task_of_its_own_that_says_below_what(store: Store, tmp_path: Path) -> None:
    text = POST.replace("by_hand: true", "by_hand: true\n        first_comment: More at https://shop.example/more")
    schedule = shop(store, tmp_path, text, Network())
    schedule.live_until(TEN + timedelta(hours=1))
    tasks.finish(store, 1, now=TEN, link="https://insta.example/p/1", who="anna")

    first, second = (tasks.brief(store, number, now=TEN) for number in (1, 2))

    assert first is not None
    assert second is not None
    assert [(line.id, line.text) for line in first.follows] == [(2, "More at https://shop.example/more")]
    assert (second.task.touch, second.below, second.below_link) == (
        "teaser.comment",
        "teaser",
        "https://insta.example/p/1",
    )
    assert (second.links, second.task.media, second.account) == (("https://shop.example/more",), (), "biksouv")


def test_an_explanation_says_who_does_it(store: Store, tmp_path: Path) -> None:
    text = """
courtesy: {quiet_hours: none}
stages:
  - stage: launch
    kind: awareness
    when: 1 february at 10:00
    touches:
      - {id: hello, channel: whatsapp, by_hand: true, text: "Hello"}
"""
    schedule = shop(store, tmp_path, text)
    schedule.know(person("lea@example.org", phone="+33612345678"))

    found = explaining.explain(store, schedule.catalog, "lea@example.org", "hello", now=BEFORE)

    assert "somebody of the shop gets a task and puts it there; no account is needed" in repr(found)


def test_a_mail_by_hand_has_its_subject_and_where_it_goes(store: Store, tmp_path: Path) -> None:
    text = """
stages:
  - stage: launch
    kind: awareness
    when: 1 february at 10:00
    touches:
      - {id: letter, channel: email, by_hand: true, subject: "Hello {{ contact.first_name }}", text: "Come in"}
"""
    schedule = shop(store, tmp_path, text)
    schedule.know(person("lea@example.org", first_name="Léa"), person("karim@example.org", consent=()))
    schedule.live_until(TEN)

    found = tasks.brief(store, 1, now=TEN)

    assert found is not None
    assert (found.subject, found.email, found.task.text.splitlines()[0]) == ("Hello Léa", "lea@example.org", "Come in")
    assert tasks.details(found) == ("on: email", "subject: Hello Léa", "to: lea@example.org")
    assert len(tasks.lines(store, now=TEN)) == 1
