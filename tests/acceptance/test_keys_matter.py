"""A key of a file that is changed changes what the file does: shown on the real examples, by rehearsal or by plan."""

from __future__ import annotations

import shutil
from collections import Counter
from datetime import datetime
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from campaigns import planner
from campaigns.timeline import Timeline
from scheduler import contacts_csv, events_file, rehearsal
from scheduler.project import LoadedCampaign, Project

EXAMPLES = Path(__file__).parents[2] / "examples"
NOW = datetime(2026, 11, 20, 9)  # noqa: DTZ001 - in the zone of each example


def changed(name: str, folder: Path, before: str, after: str) -> LoadedCampaign:
    """Load a copy of an example in which the one place that says `before` says `after`."""
    copy = Path(shutil.copytree(EXAMPLES / name, folder / name))
    file = copy / f"{name}.yaml"
    text = file.read_text("utf-8")
    assert text.count(before) == 1, f"{before!r} stands {text.count(before)} times in {name}"
    file.write_text(text.replace(before, after), encoding="utf-8")
    return Project.find(copy).load(file)


def lived(loaded: LoadedCampaign) -> Counter[str]:
    """Rehearse over a year with the example's people and events; return what became of each message."""
    zone = ZoneInfo(loaded.campaign.zone)
    start = rehearsal.start_of([loaded], NOW.replace(tzinfo=zone))
    people = contacts_csv.read(loaded.folder / "contacts.csv", country=loaded.campaign.country).people
    with (loaded.folder / "events.ndjson").open(encoding="utf-8") as lines:
        events = events_file.read(lines, source="events.ndjson", zone=loaded.campaign.zone, start=start.date())
    shown = rehearsal.rehearse([loaded], contacts=people, events=events, start=start, seed=0)
    return Counter(
        f"{one.at:%Y-%m-%d} {one.touch} {(one.contact or '').partition('@')[0]} {one.state}" for one in shown.messages
    )


@cache
def as_it_is(name: str) -> Counter[str]:
    return lived(Project.find(EXAMPLES / name).load(EXAMPLES / name / f"{name}.yaml"))


def planned(loaded: LoadedCampaign) -> Timeline:
    now = NOW.replace(tzinfo=ZoneInfo(loaded.campaign.zone))
    return planner.plan(loaded.campaign, now=now, templates=loaded.templates)


@pytest.mark.parametrize(
    ("name", "before", "after", "gone", "new"),
    [
        pytest.param(
            "shop-lifecycle",
            "        until: purchase               # o comandă oprește tot ce urmează\n",
            "",
            [
                "2026-11-30 cosul-dumneavoastra dan cancelled",
                "2026-12-01 surpriza dan sent",
                "2026-12-02 cosul-a-doua-oara ioana cancelled",
                "2026-12-03 surpriza ioana sent",
                "2027-03-22 cosul-a-doua-oara raluca cancelled",
            ],
            [
                "2026-11-30 cosul-dumneavoastra dan sent",
                "2026-12-01 surpriza dan suppressed",
                "2026-12-03 cosul-a-doua-oara dan sent",
                "2026-12-03 cosul-a-doua-oara ioana sent",
                "2026-12-03 surpriza ioana suppressed",
                "2027-03-24 cosul-a-doua-oara raluca sent",
            ],
            id="until",
        ),
        pytest.param(
            "shop-lifecycle",
            "        again: each cart\n",
            "        again: never\n",
            [
                "2027-03-21 cosul-dumneavoastra raluca sent",
                "2027-03-22 cosul-a-doua-oara raluca cancelled",
                "2027-09-06 cosul-dumneavoastra dan sent",
                "2027-09-09 cosul-a-doua-oara dan sent",
            ],
            [],
            id="again",
        ),
        pytest.param(
            "shop-lifecycle",
            "        go_to: considerare\n",
            "",
            ["2026-12-04 reumple dan cancelled"],
            ["2027-01-14 reumple dan sent", "2027-02-13 reumple dan sent"],
            id="go_to",
        ),
        pytest.param(
            "loyalty-loop",
            "смотреть в журнале') }}.\"\n    loop: Совершение сделки\n",
            "смотреть в журнале') }}.\"\n    loop: Первичное осознание потребности\n",
            [],
            ["2027-01-05 vtoroy-shans dana sent"],
            id="loop",
        ),
    ],
)
def test_a_changed_key_changes_the_rehearsal(
    name: str, before: str, after: str, gone: list[str], new: list[str], tmp_path: Path
) -> None:
    was, now = as_it_is(name), lived(changed(name, tmp_path, before, after))

    assert sorted((was - now).elements()) == gone
    assert sorted((now - was).elements()) == new


def test_a_longer_decision_makes_the_ring_shop_late(tmp_path: Path) -> None:
    loaded = changed("valentines", tmp_path, "decision_time: 30 jours", "decision_time: 40 jours")

    feasibility = planned(loaded).feasibility

    assert feasibility is not None
    assert (feasibility.ready_on.isoformat(), feasibility.spare_days) == ("2027-02-23", -9)


def test_how_late_a_mail_may_go_moves_its_last_moment(tmp_path: Path) -> None:
    is_now = planned(Project.find(EXAMPLES / "valentines").load(EXAMPLES / "valentines" / "valentines.yaml"))
    loaded = changed("valentines", tmp_path, "max_late: 2 jours", "max_late: 2 heures")
    touch = next(touch.id for _, touch in loaded.campaign.touches() if touch.max_late is not None)

    ends = [timeline.touch(touch).occurrences[0].expires_at for timeline in (is_now, planned(loaded))]

    assert [str(end) for end in ends] == ["2027-02-02 23:59:59+01:00", "2027-02-01 01:59:59+01:00"]
