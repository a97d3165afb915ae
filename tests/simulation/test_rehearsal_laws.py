"""Laws of the rehearsal: it sends exactly the timeline, whatever the zone, and the same seed gives the same bytes."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns import planner
from scheduler import rehearsal
from scheduler.cli.output import to_json
from scheduler.cli.rehearsal_screen import document
from scheduler.contacts_csv import ContactRow
from scheduler.delivery import State
from scheduler.project import LoadedCampaign, Project

ZONES = (
    "Europe/Paris",
    "America/New_York",
    "Asia/Kathmandu",
    "Pacific/Apia",
    "Australia/Lord_Howe",
    "America/St_Johns",
)
PHRASES = ("1 March", "late March", "29 March", "1 week before easter", "mid October", "25 October", "31 December")
LATER = ("3 days later", "1 week later", "2 to 4 days later", "36 hours later")
COURTESIES = (
    "{quiet_hours: none, caps: none}",
    "{caps: none, weekdays: mon-fri}",
    "{caps: none, send_hours: 11:00-12:30}",
)

few = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def load(folder: Path, zone: str, courtesy: str, phrases: tuple[str, str, str], at: str) -> LoadedCampaign:
    first, second, third = phrases
    path = folder / "law.yaml"
    path.write_text(
        f"""\
campaign: law
language: en
country: FR
timezone: {zone}
courtesy: {courtesy}
senders: {{email: The Shop <hello@shop.example>, postal_address: Lilas 12, unsubscribe: "mailto:stop@shop.example"}}
stages:
  - stage: one
    kind: awareness
    when: {first}
    touches:
      - {{id: post, channel: instagram, text: Look}}
      - {{id: mail, channel: email, at: "{at}", subject: "Hello {{{{ contact.first_name }}}}", text: "On {{{{ campaign.id }}}}"}}
  - stage: two
    kind: conversion
    when: {second}
    touches:
      - {{id: second, channel: email, subject: Again, text: Come}}
      - {{id: third, channel: facebook, when: {third}, text: Again}}
      - {{id: weekly, channel: email, repeat: "every Tuesday, 3 times", subject: News, text: News}}
""",
        encoding="utf-8",
    )
    return Project(folder).load(path)


def person(name: str, zone: str = "") -> ContactRow:
    return ContactRow(line=1, email=f"{name}@example.org", first_name=name, timezone=zone, consent=("marketing",))


campaigns = st.tuples(
    st.sampled_from(ZONES),
    st.sampled_from(COURTESIES),
    st.tuples(st.sampled_from(PHRASES), st.sampled_from(LATER), st.sampled_from(LATER)),
    st.sampled_from(("11:00", "02:30", "12:15")),
)
starts = st.integers(0, 4 * 365 * 24).map(lambda hours: datetime(2027, 1, 1, tzinfo=UTC) + timedelta(hours=hours))


@few
@given(campaigns, starts)
def test_a_rehearsal_sends_exactly_the_timeline(
    made: tuple[str, str, tuple[str, str, str], str], start: datetime
) -> None:
    begins = start.astimezone(ZoneInfo(made[0]))
    with TemporaryDirectory() as folder:
        loaded = load(Path(folder), *made)
        planned = planner.plan(loaded.campaign, now=begins, templates=loaded.templates)

        shown = rehearsal.rehearse([loaded], contacts=[person("lea")], events=[], start=begins)

    expected = sorted(
        (occurrence.due_at.timestamp(), touch.id)
        for touch in planned.touches
        for occurrence in touch.occurrences
        if occurrence.state == "planned"
    )
    sent = sorted((one.at.timestamp(), one.touch) for one in shown.messages if one.state is State.SENT)
    assert sent == expected
    assert len(expected) >= 4


@few
@given(campaigns, st.integers(0, 3))
def test_the_same_seed_gives_the_same_bytes(made: tuple[str, str, tuple[str, str, str], str], seed: int) -> None:
    begins = datetime(2027, 2, 1, 9, tzinfo=ZoneInfo(made[0]))
    people = [person("lea"), person("karim"), person("nina")]
    with TemporaryDirectory() as folder:
        loaded = load(Path(folder), *made)

        def lived() -> tuple[list[str], list[str]]:
            shown = rehearsal.rehearse([loaded], contacts=people, events=[], start=begins, seed=seed)
            keys = [one.message.key for one in shown.messages if one.message is not None]
            return [to_json(document(one)) for one in shown.messages], keys

        first, second = lived(), lived()

    assert first == second


def test_another_seed_changes_the_keys_and_nothing_anybody_reads(tmp_path: Path) -> None:
    loaded = load(tmp_path, "Europe/Paris", COURTESIES[0], ("1 March", "3 days later", "1 week later"), "11:00")
    begins = datetime(2027, 2, 1, 9, tzinfo=ZoneInfo("Europe/Paris"))

    one, two = (
        rehearsal.rehearse([loaded], contacts=[person("lea")], events=[], start=begins, seed=seed) for seed in (1, 2)
    )

    assert [document(message) for message in one.messages] == [document(message) for message in two.messages]
    keys = [{message.message.key for message in shown.messages if message.message} for shown in (one, two)]
    assert keys[0].isdisjoint(keys[1])


def test_people_in_their_own_zones_get_it_at_their_own_time(tmp_path: Path) -> None:
    loaded = load(
        tmp_path,
        "contact\nfallback_timezone: Europe/Paris",
        COURTESIES[0],
        ("1 March", "3 days later", "1 week later"),
        "11:00",
    )
    begins = datetime(2027, 2, 1, 9, tzinfo=ZoneInfo("Europe/Paris"))
    people = [person(f"p{number}", zone) for number, zone in enumerate(ZONES)]

    shown = rehearsal.rehearse([loaded], contacts=people, events=[], start=begins)

    own = {
        one.contact: one.at.astimezone(ZoneInfo(ZONES[int(str(one.contact)[1])])).strftime("%Y-%m-%d %H:%M")
        for one in shown.messages
        if one.touch == "mail"
    }
    assert own == {f"p{number}@example.org": "2027-03-01 11:00" for number in range(len(ZONES))}


def test_a_rehearsal_ends_when_nothing_is_due_or_where_it_is_told_to(tmp_path: Path) -> None:
    loaded = load(tmp_path, "Europe/Paris", COURTESIES[0], ("1 March", "3 days later", "1 week later"), "11:00")
    begins = datetime(2027, 2, 1, 9, tzinfo=ZoneInfo("Europe/Paris"))

    whole = rehearsal.rehearse([loaded], contacts=[person("lea")], events=[], start=begins)
    cut = rehearsal.rehearse(
        [loaded], contacts=[person("lea")], events=[], start=begins, until=begins + timedelta(28.5)
    )

    assert whole.ends_at == max(one.at for one in whole.messages)
    assert [one.touch for one in cut.messages] == ["post", "mail"]
    assert cut.ends_at == begins + timedelta(28.5)


def test_what_a_rehearsal_shows_is_json_without_an_exception(tmp_path: Path) -> None:
    loaded = load(tmp_path, "Europe/Paris", COURTESIES[0], ("1 March", "3 days later", "1 week later"), "11:00")
    begins = datetime(2027, 2, 1, 9, tzinfo=ZoneInfo("Europe/Paris"))

    shown = rehearsal.rehearse([loaded], contacts=[person("léa 'x'")], events=[], start=begins)

    assert [json.loads(to_json(document(one)))["state"] for one in shown.messages] == ["sent"] * 7
