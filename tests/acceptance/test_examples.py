"""The bundled examples: six journeys that load, plan on any day, render for everybody and match their golden files.

The golden files are written anew with `CAMPAIGN_UPDATE_GOLDEN=1 pytest tests/acceptance/test_examples.py`.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from support.terminal import golden

from campaigns import planner, rendering
from campaigns.definition import Stage, Touch
from campaigns.finding import Level
from campaigns.timeline import Timeline
from scheduler import contacts_csv, events_file, rehearsal
from scheduler.project import LoadedCampaign, Project

EXAMPLES = Path(__file__).parents[2] / "examples"
NAMES = ("groomer-rebooking", "loyalty-loop", "restaurant-launch", "shop-lifecycle", "skincare-shop", "valentines")
DAYS = ("2026-11-20", "2027-07-01", "2028-02-29", "2029-07-01")
GOLDEN = ("plan.txt", "rehearsal.txt")
GOLDEN_NOW = "2026-11-20T09:00"

every_example = pytest.mark.parametrize("name", NAMES)
every_day = pytest.mark.parametrize("day", DAYS)


def load(name: str) -> LoadedCampaign:
    folder = EXAMPLES / name
    return Project.find(folder).load(folder / f"{name}.yaml")


def plan(loaded: LoadedCampaign, day: str) -> Timeline:
    now = datetime.fromisoformat(f"{day}T09:00").replace(tzinfo=ZoneInfo(loaded.campaign.zone))
    return planner.plan(loaded.campaign, now=now, templates=loaded.templates)


def day_of(timeline: Timeline, touch: str) -> date:
    (occurrence,) = timeline.touch(touch).occurrences
    return occurrence.due_at.astimezone(ZoneInfo(timeline.timezone)).date()


def people(loaded: LoadedCampaign) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Everybody a message may go to: the personas and the people of contacts.csv."""
    for name, persona in loaded.campaign.personas.items():
        yield f"persona {name}", rendering.persona_contact(persona)
    for row in contacts_csv.read(loaded.folder / "contacts.csv", country=loaded.campaign.country).people:
        yield row.who, row.as_facts()


def played_events(loaded: LoadedCampaign, first_day: date = date(2026, 11, 20)) -> tuple[events_file.EventLine, ...]:
    with (loaded.folder / "events.ndjson").open(encoding="utf-8") as lines:
        return events_file.read(lines, source="events.ndjson", zone=loaded.campaign.zone, start=first_day)


def events_for(loaded: LoadedCampaign, touch: Touch) -> Iterator[Mapping[str, object] | None]:
    """The events that start the touch: one that says nothing but its moment, and those of the example."""
    if touch.on is None:
        yield None
        return
    yield {}
    yield from (event.facts for event in played_events(loaded) if event.name == touch.on)
    for persona in loaded.campaign.personas.values():
        yield from (event for event in persona.events if event["name"] == touch.on)


def rendered(
    loaded: LoadedCampaign, timeline: Timeline, stage: Stage, touch: Touch, contact: Mapping[str, object] | None
) -> Iterator[rendering.Content]:
    campaign = loaded.campaign
    renderer = rendering.Renderer(campaign, loaded.templates)
    offer = None if touch.offer is None else planner.offer_window(campaign, touch.offer, timeline, {})
    for event in events_for(loaded, touch):
        yield renderer.render(
            touch,
            rendering.facts(
                campaign,
                stage,
                touch,
                contact=contact,
                event=event,
                offer=offer,
                now=timeline.now,
                zone=timeline.timezone,
                unsubscribe=campaign.senders.unsubscribe,
            ),
        )


def command(folder: Path, *words: str) -> str:
    """Run the command line in `folder` as a user would, on a machine that knows nothing about campaigns."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("CAMPAIGN_", "COLUMNS"))}
    done = subprocess.run(
        [sys.executable, "-m", "scheduler", *words],
        cwd=folder,
        env={**environment, "PYTHONUTF8": "1", "TZ": "Asia/Tokyo"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, f"{' '.join(words)} exited {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def copy_of(name: str, folder: Path) -> Path:
    """Return a copy of the example without its golden files, far from this project."""
    return Path(shutil.copytree(EXAMPLES / name, folder / name, ignore=shutil.ignore_patterns(*GOLDEN)))


def test_the_examples_are_the_six_journeys() -> None:
    folders = sorted(path.name for path in EXAMPLES.iterdir() if path.is_dir())

    assert folders == list(NAMES)


@pytest.mark.parametrize(
    ("name", "language"),
    [
        ("groomer-rebooking", "fr"),
        ("loyalty-loop", "ru"),
        ("restaurant-launch", "fr"),
        ("shop-lifecycle", "ro"),
        ("skincare-shop", "fr"),
        ("valentines", "fr"),
    ],
)
def test_an_example_speaks_its_own_language(name: str, language: str) -> None:
    campaign = load(name).campaign

    assert campaign.id == name
    assert campaign.language == language


@every_example
def test_an_example_uses_only_what_is_built(name: str) -> None:
    assert planner.unbuilt(load(name).campaign) == ()


@every_example
@every_day
def test_an_example_plans_without_an_error_on_any_day(name: str, day: str) -> None:
    loaded = load(name)

    timeline = plan(loaded, day)

    assert [finding for finding in timeline.findings if finding.level is Level.ERROR] == []
    assert [touch.id for touch in timeline.touches if touch.trigger is None and not touch.occurrences] == []


@every_example
@every_day
def test_no_calendar_touch_lies_in_the_past_or_over_a_year_ahead(name: str, day: str) -> None:
    timeline = plan(load(name), day)

    for touch in timeline.touches:
        for occurrence in touch.occurrences:
            assert occurrence.state == "planned", touch.id
            assert timeline.now <= occurrence.due_at <= timeline.now + timedelta(days=366), touch.id


@every_example
def test_no_file_of_an_example_names_a_year(name: str) -> None:
    written = [
        path
        for path in (EXAMPLES / name).rglob("*")
        if path.suffix in {".yaml", ".md", ".csv", ".ndjson", ".txt"} and path.name not in GOLDEN
    ]

    years = {path.name: found for path in written if (found := re.findall(r"\b20\d\d\b", path.read_text("utf-8")))}

    assert len(written) >= 8
    assert years == {}


@every_example
def test_every_touch_renders_for_everybody(name: str) -> None:
    loaded = load(name)
    timeline = plan(loaded, "2026-11-20")

    for stage, touch in loaded.campaign.touches():
        readers: list[tuple[str, Mapping[str, object] | None]] = [("everybody", None)]
        if touch.is_personal or touch.on is not None:
            readers = list(people(loaded))
        for who, contact in readers:
            for content in rendered(loaded, timeline, stage, touch, contact):
                assert content.text.strip(), f"{touch.id} for {who}"
                assert (touch.subject is None) == (not content.subject), f"{touch.id} for {who}"
                assert "{" not in content.subject + content.text, f"{touch.id} for {who}"


@every_example
def test_every_template_of_an_example_is_used_and_sound(name: str) -> None:
    loaded = load(name)
    on_disk = {
        path.relative_to(loaded.folder).as_posix() for path in loaded.folder.rglob("*.md") if path.name != "README.md"
    }

    findings = rendering.Renderer(loaded.campaign, loaded.templates).check()

    assert [finding for finding in findings if finding.level is not Level.NOTE] == []
    assert on_disk == {touch.template for _, touch in loaded.campaign.touches() if touch.template is not None}


@every_example
def test_every_picture_of_an_example_is_there_small_and_described(name: str) -> None:
    loaded = load(name)
    named = [media for _, touch in loaded.campaign.touches() for media in touch.media]
    files = {media.file for media in named if not media.file.startswith("https:")}

    assert all(media.alt for media in named)
    assert {path.relative_to(loaded.folder).as_posix() for path in loaded.folder.rglob("*.jpg")} == files
    assert all((loaded.folder / file).stat().st_size < 2_500 for file in files)


@every_example
def test_the_people_of_an_example_are_invented_and_some_gave_no_consent(name: str) -> None:
    loaded = load(name)

    read = contacts_csv.read(loaded.folder / "contacts.csv", country=loaded.campaign.country)

    assert read.refused == ()
    assert 8 <= len(read.people) <= 20
    assert all(row.email is not None and row.email.endswith("@example.org") for row in read.people)
    assert any(not row.consent for row in read.people)
    assert sum(bool(row.consent) for row in read.people) > len(read.people) // 2
    assert all(row.first_name and row.last_name and row.city for row in read.people)


@every_example
def test_every_phone_number_of_an_example_belongs_to_nobody(name: str) -> None:
    """06 39 98 is kept for fiction in France (ARCEP), 07700 900 in the United Kingdom (Ofcom)."""
    numbers = {
        number for path in (EXAMPLES / name).rglob("*.*") if path.suffix in {".yaml", ".csv"}
        for number in re.findall(r"\+\d{8,15}", path.read_text("utf-8"))
    }  # fmt: skip

    assert len(numbers) >= 4
    assert all(re.match(r"\+33639980|\+447700900", number) for number in numbers), numbers


@every_example
def test_every_event_of_an_example_is_known_and_its_person_too(name: str) -> None:
    loaded = load(name)
    who = {row.email for row in contacts_csv.read(loaded.folder / "contacts.csv").people}

    events = played_events(loaded)

    assert len(events) >= 5
    assert {event.who for event in events} <= who
    assert {event.name for event in events} <= loaded.campaign.event_names()
    assert [event.at for event in events] == sorted(event.at for event in events if event.at is not None)


def test_the_ring_shop_posts_in_the_thirds_of_the_next_january() -> None:
    timeline = plan(load("valentines"), "2026-11-20")

    assert date(2027, 1, 1) <= day_of(timeline, "ring-teaser") <= date(2027, 1, 10)
    assert date(2027, 1, 11) <= day_of(timeline, "testimonials") <= date(2027, 1, 20)
    assert date(2027, 1, 21) <= day_of(timeline, "offer-email") <= date(2027, 1, 31)
    assert timeline.timezone == "Europe/Paris"
    assert timeline.edition == "2027"


def test_the_same_ring_shop_file_serves_a_later_year() -> None:
    timeline = plan(load("valentines"), "2029-07-01")

    assert date(2030, 1, 1) <= day_of(timeline, "ring-teaser") <= date(2030, 1, 10)
    assert date(2030, 1, 11) <= day_of(timeline, "testimonials") <= date(2030, 1, 20)
    assert date(2030, 1, 21) <= day_of(timeline, "offer-email") <= date(2030, 1, 31)
    assert timeline.edition == "2030"


def test_the_ring_shop_is_ready_one_day_before_the_occasion() -> None:
    feasibility = plan(load("valentines"), "2026-11-20").feasibility

    assert feasibility is not None
    assert feasibility.first_on == date(2027, 1, 4)  # Friday the 1st is a holiday, then comes a week-end
    assert feasibility.ready_on == date(2027, 2, 13)
    assert feasibility.occasion_on == date(2027, 2, 14)
    assert feasibility.spare_days == 1


def test_the_ring_offer_ends_with_the_last_day_on_which_a_ring_can_still_be_sized_and_delivered() -> None:
    offer = plan(load("valentines"), "2026-11-20").offer("AMOUR30")

    assert offer is not None
    assert offer.ends_at is not None
    assert offer.ends_at.astimezone(ZoneInfo("Europe/Paris")).date() == date(2027, 2, 4)


def test_the_restaurant_starts_now_and_counts_from_stage_to_stage() -> None:
    timeline = plan(load("restaurant-launch"), "2026-11-20")

    assert day_of(timeline, "ouverture") == date(2026, 11, 20)
    assert date(2026, 11, 23) <= day_of(timeline, "a-la-carte") <= date(2026, 11, 25)
    first, flash = day_of(timeline, "a-la-carte"), day_of(timeline, "flash-post")
    assert timedelta(days=3) <= flash - first <= timedelta(days=5)


def test_the_flash_sale_closes_forty_eight_hours_after_its_post() -> None:
    timeline = plan(load("restaurant-launch"), "2026-11-20")
    offer = timeline.offer("FLASH48")
    (post,) = timeline.touch("flash-post").occurrences

    assert offer is not None
    assert offer.ends_at is not None
    assert offer.ends_at - post.due_at == timedelta(hours=48)


def test_the_map_of_the_skincare_shop_names_pains_of_all_four_kinds() -> None:
    stages = load("skincare-shop").campaign.stages

    kinds = {pain.kind for stage in stages for pain in stage.pains}
    assert kinds == {
        "financial",
        "productivity",
        "process",
        "support",
    }
    assert all(stage.kpi and stage.feels and stage.does and stage.thinks for stage in stages)


@every_example
def test_the_plan_of_an_example_reads_as_its_golden_file(name: str, tmp_path: Path) -> None:
    folder = copy_of(name, tmp_path)

    text = command(folder, "plan", f"{name}.yaml", "--contacts", "contacts.csv", "--now", GOLDEN_NOW)

    assert text == golden(EXAMPLES / name / "plan.txt", text)
    assert not (folder / "var").exists()


@every_example
def test_the_rehearsal_of_an_example_reads_as_its_golden_file(name: str, tmp_path: Path) -> None:
    folder = copy_of(name, tmp_path)
    people_and_events = ("--contacts", "contacts.csv", "--events", "events.ndjson")

    text = command(folder, "run", "--dry-run", f"{name}.yaml", *people_and_events, "--now", GOLDEN_NOW)

    assert text == golden(EXAMPLES / name / "rehearsal.txt", text)
    assert not (folder / "var").exists()


@every_example
def test_every_touch_of_an_example_is_sent_to_somebody_in_its_rehearsal(name: str) -> None:
    loaded = load(name)
    start = rehearsal.start_of([loaded], datetime.fromisoformat("2026-11-20T09:00+01:00"))
    rows = contacts_csv.read(loaded.folder / "contacts.csv", country=loaded.campaign.country).people

    shown = rehearsal.rehearse([loaded], contacts=rows, events=played_events(loaded, start.date()), start=start, seed=0)

    went = {message.touch for message in shown.messages if message.state == "sent"}
    assert went == {touch.id for _, touch in loaded.campaign.touches()}


@every_example
def test_the_personas_of_an_example_walk_every_path_of_it(name: str) -> None:
    loaded = load(name)
    start = rehearsal.start_of([loaded], datetime.fromisoformat("2029-07-01T09:00+02:00"))

    shown = rehearsal.rehearse([loaded], contacts=None, events=None, start=start)

    assert shown.personas
    assert shown.silent == ()
