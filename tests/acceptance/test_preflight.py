"""Posts and SMS before they go: what lint says of them with its line, and what the plan says they take."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from scheduler.cli.main import cli

HEAD = """\
campaign: shop
language: en
timezone: Europe/London
senders: {sms: Shop}
"""
PERSONAS = """\
personas:
  lea: {contact: {first_name: Léa, phone: "+447700900123", consent: [marketing]}}
  maximilian: {contact: {first_name: Maximilian, phone: "+447700900124", consent: [marketing]}}
"""
STAGE = """\
stages:
  - stage: a
    kind: awareness
    when: early march
    touches:
"""
PICTURE = "media: [{file: ring.jpg, alt: Three rings}]"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to stand in, where nothing is installed beside us."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in ("CAMPAIGN_NOW", "CAMPAIGN_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def campaign(*words: str) -> Result:
    return CliRunner().invoke(cli, [*words, "--now", "2026-11-20"])


def write(folder: Path, *touches: str, head: str = "", files: dict[str, str] | None = None) -> None:
    lines = "".join(f"      - {{{touch}}}\n" for touch in touches)
    (folder / "shop.yaml").write_text(HEAD + head + PERSONAS + STAGE + lines, encoding="utf-8")
    for name, text in (files or {}).items():
        (folder / name).write_text(text, encoding="utf-8")


def picture(folder: Path, name: str = "ring.jpg", size: tuple[int, int] = (800, 800)) -> None:
    Image.new("RGB", size, "teal").save(folder / name)


def lint(folder: Path, *touches: str, head: str = "", files: dict[str, str] | None = None) -> list[dict[str, Any]]:
    """Return what lint says of a campaign with these touches, without its notes and what it misses in every SMS."""
    write(folder, *touches, head=head, files=files)
    found: list[dict[str, Any]] = json.loads(campaign("lint", "--json").stdout)["findings"]
    return [one for one in found if one["level"] != "note" and one["code"] != "sms-stop"]


def test_a_hashtag_too_many_is_told_at_its_line_of_the_template(folder: Path) -> None:
    picture(folder)
    text = "Our rings\n\n#one #two #three\n#four #five\n#six #seven\n"

    [found] = lint(folder, f"id: post, channel: instagram, template: post.md, {PICTURE}", files={"post.md": text})

    assert (found["code"], found["level"]) == ("instagram.hashtags.max", "error")
    assert (found["file"], found["line"]) == ("post.md", 5)
    assert found["message"] == "post: 7 hashtags; Instagram takes at most 5"
    assert found["hint"].startswith("leave out 2 - `instagram.hashtags.max`, read 2026-11-22 at https://")


@pytest.mark.parametrize(
    ("touch", "code", "message"),
    [
        (
            "id: post, channel: instagram, text: Hi",
            "instagram.media.min",
            "post: no pictures and videos; Instagram takes at least 1",
        ),
        (
            "id: post, channel: bluesky, text: \"{{ 'é' * 301 }}\"",
            "bluesky.text.graphemes",
            "post: 301 characters (graphemes); Bluesky takes at most 300",
        ),
        (
            "id: post, channel: x, text: \"{{ 'a' * 258 }} https://shop.example/{{ 'long/' * 50 }}\"",
            "x.text.weighted",
            "post: 282 characters as X counts them; X takes at most 280",
        ),
        (
            "id: post, channel: threads, text: \"{{ 'a' * 497 }}👍\"",
            "threads.text.length",
            "post: 501 characters as Threads counts them; Threads takes at most 500",
        ),
        (
            'id: post, channel: sms, text: "{{ contact.first_name }} {{ contact.first_name * 20 }} ça"',
            "sms.segments",
            "post for maximilian: 4 parts; an SMS should have at most 3",
        ),
    ],
)
def test_a_text_is_measured_as_its_network_counts_it_after_rendering(
    folder: Path, touch: str, code: str, message: str
) -> None:
    [found] = lint(folder, touch)

    assert (found["code"], found["message"]) == (code, message)
    assert found["line"] == 13


def test_what_makes_an_sms_long_is_named(folder: Path) -> None:
    [found] = lint(folder, "id: text, channel: sms, text: \"{{ 'a' * 210 }} ça\"")

    assert found["hint"].startswith(
        "shorten it, or do without 'ç': with them a part has 67 characters, else 153 - `sms.segments`"
    )


def test_a_post_that_fits_is_left_alone(folder: Path) -> None:
    picture(folder)
    link = "https://shop.example/a/very/long/address/of/a/page/with/all/our/rings"

    assert (
        lint(
            folder,
            f"id: one, channel: instagram, text: 'Rings #a #b #c #d #e', {PICTURE}",
            f"id: two, channel: x, text: \"{{{{ 'a' * 256 }}}} {link}\"",
            f"id: three, channel: mastodon, text: \"{{{{ 'a' * 476 }}}} {link}\"",
            "id: four, channel: sms, text: \"{{ 'a' * 160 }}\"",
            f"id: five, channel: telegram, text: \"{{{{ 'a' * 1024 }}}}\", {PICTURE}",
        )
        == []
    )


def test_pictures_are_opened(folder: Path) -> None:
    picture(folder, "wide.jpg", (1000, 300))
    picture(folder, "small.png", (300, 300))
    (folder / "text.jpg").write_text("no picture", encoding="utf-8")
    media = "media: [{file: wide.jpg, alt: a}, {file: small.png, alt: b}, {file: text.jpg, alt: c}]"

    found = lint(folder, f"id: post, channel: instagram, text: Hi, {media}")

    assert [(one["code"], one["message"]) for one in found] == [
        ("instagram.image.aspect", "post: wide.jpg: 3.33:1; Instagram takes 4:5 to 1.91:1"),
        ("instagram.image.format", "post: small.png: PNG; Instagram takes JPEG only"),
        ("media-broken", "post: text.jpg is no picture or video"),
        ("instagram.image.width", "post: small.png: 300 pixels wide; Instagram wants at least 320"),
    ]


def test_a_photo_that_is_turned_by_its_notes_is_measured_upright(folder: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (1000, 600)).save(folder / "ring.jpg", exif=exif)

    [found] = lint(folder, f"id: post, channel: instagram, text: Hi, {PICTURE}")

    assert found["message"] == "post: ring.jpg: 0.6:1; Instagram takes 4:5 to 1.91:1"


def test_a_video_is_measured_where_ffprobe_is_there_and_noted_where_not(folder: Path) -> None:
    (folder / "clip.mp4").write_bytes(b"\x00\x00\x00\x20ftypisom" + b"\x00" * 200)
    write(folder, "id: post, channel: x, text: Hi, media: [{file: clip.mp4, alt: The workshop}]")

    def said() -> list[tuple[str, str]]:
        found = json.loads(campaign("lint", "--json").stdout)["findings"]
        return [(one["level"], one["message"]) for one in found if one["code"].startswith(("x.", "media-"))]

    without = said()
    answer = '{"format": {"duration": "1250.5"}, "streams": [{"codec_type": "video", "width": 720, "height": 1280}]}'
    (folder / "ffprobe").write_text(f"#!/bin/sh\necho '{answer}'\n", encoding="utf-8")
    (folder / "ffprobe").chmod(0o755)

    assert without == [("note", "post: the length and shape of clip.mp4 are not measured: ffprobe is not installed")]
    assert said() == [("error", "post: clip.mp4: 1250.5 s; X takes 0.5 s to 1200 s")]


def test_a_limit_is_set_in_the_file_and_an_unknown_one_is_refused_with_the_near_one(folder: Path) -> None:
    touch = "id: post, channel: mastodon, text: \"{{ 'a' * 900 }}\""

    assert lint(folder, touch, head="limits: {mastodon.text.length: 1000}\n") == []
    [unknown] = lint(folder, touch, head="limits: {mastodon.text.lenght: 1000}\n")
    [unreadable] = lint(folder, touch, head="limits: {mastodon.text.length: many}\n")

    assert unknown["message"] == "`mastodon.text.lenght`: there is no limit 'mastodon.text.lenght'"
    assert (unknown["hint"], unknown["line"]) == ("did you mean 'mastodon.text.length'?", 5)
    assert unreadable["message"] == "`mastodon.text.length`: expected a limit, got 'many'"


def test_a_message_that_nobody_can_be_shown_is_a_note(folder: Path) -> None:
    write(folder, 'id: text, channel: sms, on: purchase, text: "You bought {{ event.product }}"')

    found = json.loads(campaign("lint", "--json").stdout)["findings"]

    [note] = [one for one in found if one["code"] == "not-measured"]
    assert note["message"] == "text is not measured: unknown name 'event.product'"
    assert note["hint"] == "give a persona the event it needs: `events: [{name: ..., at: day 3, ...}]`"


def test_an_sms_that_nobody_or_not_everybody_can_be_written_is_told(folder: Path) -> None:
    write(folder, "id: text, channel: sms, text: \"{{ 3 | money('eur') }} off\"")
    [nobody] = [one for one in json.loads(campaign("lint", "--json").stdout)["findings"] if one["level"] == "error"]
    people = "first_name,phone,size,consent\nLéa,+447700900126,52,marketing\nZoé,+447700900125,,marketing\n"
    write(folder, 'id: text, channel: sms, text: "Size {{ contact.size }}"', files={"people.csv": people})
    found = json.loads(campaign("lint", "--json", "--contacts", "people.csv").stdout)["findings"]

    assert nobody["message"] == "text cannot be written for lea and maximilian: unknown currency 'eur'"
    [some] = [one for one in found if one["code"] == "not-written"]
    assert some["level"] == "warning"
    assert (
        some["message"] == "text cannot be written for lea, maximilian and +447700900125: unknown name 'contact.size'"
    )


def test_the_longest_people_of_a_file_are_measured(folder: Path) -> None:
    story = "once upon a time " * 40
    short = "".join(f"Léa,+4477009001{number},short,marketing\n" for number in range(26, 30))
    people = f"first_name,phone,story,consent\n{short}Zoé,+447700900125,{story},marketing\n"
    write(folder, "id: text, channel: sms, text: \"{{ contact.story | default('') }}x\"", files={"people.csv": people})

    found = json.loads(campaign("lint", "--json", "--contacts", "people.csv").stdout)["findings"]

    [long] = [one for one in found if one["code"] == "sms.segments"]
    assert long["message"] == "text for +447700900125: 5 parts; an SMS should have at most 3"


COSTLY = (
    'id: text, channel: sms, text: "Hello {{ contact.first_name }}, être ou ne pas être là ?"',
    'id: again, channel: sms, on: purchase, text: "{{ contact.first_name * 17 }}"',
    "id: link, channel: x, text: Rings at https://shop.example/rings",
    'id: words, channel: x, text: Rings are round, repeat: "every 7 days, 3 times"',
    f"id: first, channel: instagram, text: Hi, {PICTURE}",
    f"id: second, channel: instagram, text: Hello, {PICTURE}",
    f"id: third, channel: instagram, text: Hey, {PICTURE}",
)


def costly(folder: Path, head: str = "") -> None:
    picture(folder)
    people = "first_name,phone,consent\nZoé,+447700900125,marketing\nLéa,+447700900126,marketing\n"
    write(folder, *COSTLY, head=head, files={"people.csv": people})


def test_the_plan_says_what_it_takes(folder: Path) -> None:
    costly(folder)

    result = campaign("plan", "--contacts", "people.csv")

    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    begin = next(index for index, line in enumerate(lines) if line.startswith("    SMS"))
    assert lines[begin : begin + 5] == [
        "    SMS        text: 1 part (UCS-2 for 'ê'), ≤2 for 2 people",
        "    SMS        again: 2 parts, ≤4 for 2 people, once each",
        "    SMS        ≤6 parts in all, once each",
        "    X          4 posts, 1 with a link: $0.245 ($0.015 each, $0.20 with a link)",
        "    Instagram  3 posts, at most 3 in 24 hours, of 50",
    ]


def test_the_plan_says_it_to_programs(folder: Path) -> None:
    costly(folder, head="limits: {x.price.post: 0.01}\n")

    costs = json.loads(campaign("plan", "--json", "--contacts", "people.csv").stdout)["costs"]

    assert costs["sms"][0] == {
        "touch": "text",
        "segments": 1,
        "encoding": "ucs-2",
        "people": 2,
        "moments": 1,
        "total": 2,
    }
    assert (costs["sms"][1]["moments"], costs["sms"][1]["total"]) == (None, 4)
    assert (costs["x"]["posts"], costs["x"]["with_link"], costs["x"]["amount"]) == (4, 1, "0.230")
    assert [(one["channel"], one["posts"], one["most_in_24_hours"], one["quota"]) for one in costs["quotas"]] == [
        ("instagram", 3, 3, 50)
    ]


def test_posts_that_do_not_fit_into_a_day_are_told_with_a_spread_that_does(folder: Path) -> None:
    costly(folder, head="limits: {instagram.posts.day: 1}\n")

    found = json.loads(campaign("plan", "--json", "--contacts", "people.csv").stdout)

    [told] = [one for one in found["findings"] if one["code"] == "instagram.posts.day"]
    assert (told["level"], told["line"]) == ("warning", 19)
    assert told["message"] == "Instagram: 3 posts in 24 hours; an account may have at most 1"
    assert told["hint"].startswith("spread them: second 02 Mar 10:00, third 03 Mar 10:00 - `instagram.posts.day`")
    assert found["costs"]["quotas"][0]["spread"] == [
        {"touch": "first", "due_at": "2027-03-01T10:00:00+00:00"},
        {"touch": "second", "due_at": "2027-03-02T10:00:00+00:00"},
        {"touch": "third", "due_at": "2027-03-03T10:00:00+00:00"},
    ]


def test_a_plan_of_mails_alone_says_nothing_of_what_it_takes(folder: Path) -> None:
    write(folder, "id: mail, channel: email, subject: Hi, text: Hi")

    assert "\n    SMS" not in campaign("plan").stdout
    assert json.loads(campaign("plan", "--json").stdout)["costs"] == {"sms": [], "x": None, "quotas": []}


def test_what_a_network_would_refuse_stops_apply(folder: Path) -> None:
    write(folder, "id: post, channel: instagram, text: Hi")

    assert campaign("plan").exit_code == 1
    assert campaign("lint").exit_code == 1
    applied = campaign("apply", "--yes")
    assert applied.exit_code == 1
    assert "instagram.media.min" in applied.stdout + applied.stderr


def test_a_marketing_sms_that_bears_the_shops_own_way_out_says_how_to_stop_it(folder: Path) -> None:
    def stops(text: str) -> bool:
        write(folder, f'id: text, channel: sms, text: "{text}"')
        file = folder / "shop.yaml"
        own = "senders: {sms: Shop, unsubscribe: https://shop.example/leave}"
        file.write_text(file.read_text(encoding="utf-8").replace("senders: {sms: Shop}", own), encoding="utf-8")
        found = json.loads(campaign("lint", "--json").stdout)["findings"]
        return "sms-stop" not in {one["code"] for one in found}

    assert (stops("New rings"), stops("New rings {{ links.unsubscribe }}")) == (False, True)
