"""Who would be over a cap is told before anything is applied, and is what then happens."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.shop import HEAD, Schedule, moment, person, write

from campaigns import planner
from campaigns.planner import Fatigue
from scheduler.catalog import Catalog
from scheduler.operations import applying, forecasting
from scheduler.project import LoadedCampaign
from scheduler.store.database import Store

START = moment("2027-01-30T08:00:00+01:00")
OTHER = HEAD.replace("campaign: shop", "campaign: other")
NEWS = """
stages:
  - stage: news
    kind: awareness
    when: 1 february at 10:00
    touches:
      - {id: news, channel: email, subject: News, text: news, audience: city = 'Lyon'}
"""
SALE = """
stages:
  - stage: sale
    kind: conversion
    when: 1 february at 12:00
    touches:
      - {id: offer, channel: email, subject: Offer, text: offer%s}
"""


def shop(store: Store, folder: Path) -> Schedule:
    """Three in Lyon, two in Paris, one of them without consent; the other campaign is on the schedule."""
    schedule = Schedule.on(store, START)
    lyon = [person(f"l{number}@example.org", city="Lyon") for number in range(3)]
    schedule.know(*lyon, person("paris@example.org", city="Paris"), person("no@example.org", city="Lyon", consent=()))
    schedule.apply(write(folder, NEWS, name="other.yaml", head=OTHER))
    return schedule


def foreseen(schedule: Schedule, loaded: LoadedCampaign) -> Fatigue:
    found = applying.preview(schedule.store, loaded, now=schedule.clock.now()).fatigue
    assert found is not None
    return found


def test_what_another_campaign_has_planned_takes_the_place(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path)
    loaded = write(tmp_path, SALE % "")

    before = foreseen(schedule, loaded)
    schedule.apply(loaded)
    schedule.live_until(moment("2027-02-05T10:00:00+01:00"))

    assert (before.looked_at, before.total, before.over) == (5, 5, 3)
    assert before.touches == {"offer": {"cap: 1 per day": 3}}
    withheld = [row for row in schedule.rows(touch="offer") if row.reason == "cap: 1 per day"]
    assert len(withheld) == 3


def test_a_higher_priority_crowds_the_other_campaign_out_and_that_is_told(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path)
    loaded = write(tmp_path, SALE % ", priority: 90")

    before = foreseen(schedule, loaded)
    told = [finding.message for finding in planner.fatigue_findings(loaded.campaign, before)]
    schedule.apply(loaded)
    schedule.live_until(moment("2027-02-05T10:00:00+01:00"))

    assert (before.over, dict(before.others)) == (0, {"other/news": 3})
    assert told == ["other/news would not reach 3 of 5 people for what this plan sends them"]
    assert {row.state for row in schedule.rows(touch="news")} == {"suppressed"}


def test_what_was_sent_in_the_last_days_counts(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path)
    schedule.live_until(moment("2027-02-01T11:00:00+01:00"))

    before = foreseen(schedule, write(tmp_path, SALE % ""))

    assert before.touches == {"offer": {"cap: 1 per day": 3}}


def test_a_plan_alone_tires_nobody(store: Store, tmp_path: Path) -> None:
    schedule = Schedule.on(store, START)
    schedule.know(person("lea@example.org"))

    before = foreseen(schedule, write(tmp_path, SALE % ""))

    assert (before.over, before.touches, before.others, before.without_zone) == (0, {}, {}, 1)


def test_of_many_people_an_even_sample_is_looked_at_and_said_to_be_one(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule = shop(store, tmp_path)
    schedule.know(*(person(f"more{number}@example.org", city="Lyon") for number in range(15)))
    monkeypatch.setattr(forecasting, "MOST_PEOPLE", 10)
    loaded = write(tmp_path, SALE % "")

    before = foreseen(schedule, loaded)

    assert (before.looked_at, before.total, before.is_sample) == (10, 20, True)
    message = planner.fatigue_findings(loaded.campaign, before)[0].message
    assert message == (
        "offer would be withheld from about 18 of 20 people (a sample of 10 was looked at): cap: 1 per day"
    )


def test_the_forecast_changes_nothing(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path)
    loaded = write(tmp_path, SALE % "")

    with store.read() as conn:
        timeline = planner.plan(loaded.campaign, now=START)
        forecasting.fatigue(conn, Catalog(), loaded.campaign, timeline, now=START)

    assert schedule.rows() == []
