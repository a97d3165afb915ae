"""What `campaign correct` shows of what was sent, and the correction it writes, plans and applies.

The golden screens are written anew with `CAMPAIGN_UPDATE_GOLDEN=1 pytest tests/acceptance/test_cli_correct.py`.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.terminal import Shop, at_terminal, screen

FILE = """\
# The tea room's spring
campaign: spring
language: en
country: GB
timezone: Europe/London
senders:
  email: The Tea Room <hello@tea-room.example>
  postal_address: 1 High Street, Bath
  unsubscribe: mailto:stop@tea-room.example
rate: {email: 30 per hour}
stages:
  - stage: invitation        # everybody
    kind: awareness
    when: 1 february at 10:00
    touches:
      # the coupon
      - id: offer
        channel: email
        subject: Ten off       # the price is in the text
        text: |
          Use the code SPRNG until Sunday.

      - {id: news, channel: mastodon, text: "The code is SPRNG"}
"""
PEOPLE = "email;first_name;consent\n" + "".join(
    f"{name}@example.org;{name.title()};marketing\n"
    for name in ("ana", "ben", "cleo", "dan", "eve", "fay", "gus", "hal", "ida", "jon")
)
BEFORE = "2027-01-20T09:00+00:00"
MORNING = "2027-02-01T10:00+00:00"
LATER = "2027-02-01T10:05+00:00"
SORRY = ("--subject", "Our mistake", "--text", "The code is SPRING.\nSorry!\n")


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A tea room that sent the wrong code to six of ten people, mended its file and applied it."""
    monkeypatch.setattr("getpass.getuser", lambda: "ana")
    shop = Shop(tmp_path, monkeypatch)
    shop.write("campaign.toml", "")
    shop.write("spring.yaml", FILE)
    shop.write("people.csv", PEOPLE)
    shop.done("contacts", "import", "people.csv", "--yes", now=BEFORE)
    shop.done("apply", "--yes", now=BEFORE)
    shop.send(MORNING)
    shop.send("2027-02-01T10:02+00:00")
    shop.send("2027-02-01T10:04+00:00")
    return shop


def mended(shop: Shop) -> Shop:
    shop.edit("spring.yaml", "Use the code SPRNG", "Use the code SPRING")
    shop.done("apply", "--confirm", "spring", now=LATER)
    return shop


def test_it_shows_what_was_sent_and_what_to_type_next(shop: Shop) -> None:
    text = mended(shop).done("correct", "spring/offer", now=LATER)

    assert text == screen("correct", text)


def test_the_plan_of_other_words_than_were_sent_names_the_command(shop: Shop) -> None:
    shop.edit("spring.yaml", "The code is SPRNG", "The code is SPRING")  # the post: it has no list of readers
    before = shop.done("plan", "spring.yaml", now=LATER)
    shop.edit("spring.yaml", "Use the code SPRNG", "Use the code SPRING")
    after = shop.done("plan", "spring.yaml", now=LATER)

    assert ("campaign correct" in before, "campaign correct spring/offer" in after) == (False, True)


def test_what_still_goes_is_to_be_mended_first(shop: Shop) -> None:
    text = shop.done("correct", "spring/offer", now=LATER)

    assert text == screen("correct-unmended", text)
    refused = shop.run("correct", "spring/offer", *SORRY, now=LATER)
    assert (refused.exit_code, "what was sent of offer is what still goes" in refused.stderr) == (1, True)


def test_a_post_shows_where_it_stands_and_what_can_be_done_there(shop: Shop) -> None:
    text = re.sub(r"-[0-9a-f]{12}\.md", "-0123456789ab.md", shop.done("correct", "spring/news", now=LATER))

    assert text == screen("correct-post", text)
    refused = shop.run("correct", "spring/news", "--text", "It is SPRING", now=LATER)
    assert refused.exit_code == 1
    assert "news is a post on mastodon: nobody knows who read it, so nobody can be told" in refused.stderr


def test_without_a_yes_the_plan_is_shown_and_nothing_is_written(shop: Shop) -> None:
    before = (mended(shop).folder / "spring.yaml").read_bytes()

    result = shop.run("correct", "spring/offer", *SORRY, now=LATER)

    assert result.exit_code == 3
    assert result.stdout == screen("correct-plan", result.stdout)
    assert "nothing was done; say so with --yes" in result.stderr
    assert (shop.folder / "spring.yaml").read_bytes() == before
    assert shop.json("status", now=LATER)["campaigns"][0]["revision"] == 2


def test_with_a_yes_it_is_written_below_its_touch_applied_and_sent_to_exactly_those(shop: Shop) -> None:
    (mended(shop).folder / "spring.yaml").chmod(0o640)
    before = (shop.folder / "spring.yaml").read_text(encoding="utf-8").splitlines()

    text = shop.done("correct", "spring/offer", *SORRY, "--at-once", "--yes", now=LATER)

    assert text == screen("correct-yes", text)
    after = (shop.folder / "spring.yaml").read_text(encoding="utf-8").splitlines()
    assert after[:21] == before[:21]
    assert after[21:29] == [
        "      - id: offer-correction",
        "        channel: email",
        '        corrects: {touch: offer, version: "02acfc9b"}',
        '        subject: "Our mistake"',
        "        text: |",
        "          The code is SPRING.",
        "          Sorry!",
        "        courtesy: {caps: none, min_gap: none}",
    ]
    assert after[29:] == before[21:]
    assert (shop.folder / "spring.yaml").stat().st_mode & 0o777 == 0o640
    sent = [line for hour in ("12:00", "13:00", "14:00") for line in shop.send(f"2027-02-01T{hour}+00:00")]
    assert sorted(line["recipient"] for line in sent if line["touch"] == "offer-correction") == ["c1", "c2", "c3", "c4"]


def test_a_second_one_finds_nobody_left_before_and_after_the_first_went(shop: Shop) -> None:
    mended(shop).done("correct", "spring/offer", *SORRY, "--at-once", "--yes", now=LATER)

    early = shop.run("correct", "spring/offer", *SORRY, "--yes", now=LATER)
    for hour in ("12:00", "13:00", "14:00"):
        shop.send(f"2027-02-01T{hour}+00:00")
    late = shop.run("correct", "spring/offer", *SORRY, "--yes", now="2027-02-01T15:00+00:00")
    text = shop.done("correct", "spring/offer", now="2027-02-01T15:00+00:00")

    assert (early.exit_code, late.exit_code) == (1, 1)
    assert "nobody is left to tell: 4 people, 0 can be told" in early.stderr
    assert "nobody is left to tell: 4 people, 0 can be told" in late.stderr
    assert text == screen("correct-nobody-left", text)


def test_who_cannot_be_told_is_counted_by_the_reason(shop: Shop) -> None:
    mended(shop).done("contacts", "unsubscribe", "ana@example.org", now=LATER)
    shop.done("contacts", "forget", "ben@example.org", "--yes", now=LATER)

    [version] = shop.json("correct", "spring/offer", now=LATER)["versions"]

    assert (version["people"], version["left"]) == (4, 2)
    assert version["cannot"] == {"unsubscribed": 1, "erased": 1}


def test_the_document_of_a_correction_says_what_was_added_and_applied(shop: Shop) -> None:
    document = mended(shop).json("correct", "spring/offer", *SORRY, "--yes", now=LATER)

    assert document["corrects"] == {"touch": "offer", "version": "02acfc9b"}
    assert (document["touch"], document["file"], document["line"]) == ("offer-correction", "spring.yaml", 22)
    assert document["added"].startswith("      - id: offer-correction\n        channel: email\n")
    assert (document["people"], document["left"], document["applied"]["revision"]) == (4, 4, 3)


def test_a_correction_that_is_wrong_itself_is_corrected(shop: Shop) -> None:
    mended(shop).done("correct", "spring/offer", *SORRY, "--at-once", "--yes", now=LATER)
    shop.send("2027-02-01T12:00+00:00")
    shop.edit("spring.yaml", "The code is SPRING.", "The code is SPRING, until Sunday.")
    shop.done("apply", "--confirm", "spring", now="2027-02-01T12:01+00:00")

    text = shop.done("correct", "spring/offer-correction", *SORRY, "--yes", now="2027-02-01T12:02+00:00")

    assert "+       - id: offer-correction-correction" in text
    assert "2 people, who can be told" in text.lower()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--version", "12345678"], 1, "no version '12345678' of offer was sent - these were: 02acfc9b"),
        (["--since", "soon"], 64, "--since: expected a date and a time, got 'soon' - write it as 2027-01-21 09:30"),
        (["--before", "2027-01-31 10:00"], 1, "nobody is left to tell: nobody was sent such words"),
        (["--id", "A B"], 1, "expected an id of small letters, digits and dashes, got 'A B' - write it as a-b"),
        (["--template", "x.md"], 64, "--text and --template are two ways to say it: choose one"),
    ],
)
def test_what_cannot_be_read_is_refused_and_nothing_is_written(
    shop: Shop, words: list[str], code: int, said: str
) -> None:
    before = (mended(shop).folder / "spring.yaml").read_bytes()

    result = shop.run("correct", "spring/offer", *SORRY, *words, "--yes", now=LATER)

    assert result.exit_code == code
    assert said in result.stderr
    assert (shop.folder / "spring.yaml").read_bytes() == before


def test_a_person_at_a_terminal_is_asked(shop: Shop) -> None:
    mended(shop)

    seen = at_terminal(shop.folder, "correct", "spring/offer", *SORRY, "--now", LATER, typed="y\n")

    assert seen.code == 0
    assert "Put spring on the schedule? [y/N]: y" in seen.text
    assert "Written spring.yaml:22: offer-correction" in seen.text


def test_its_help_shows_the_way(shop: Shop) -> None:
    text = shop.done("correct", "--help", now=None)

    assert text == screen("correct-help", text)


def test_a_rehearsal_says_that_nobody_was_sent_wrong_words_in_it(shop: Shop) -> None:
    mended(shop).done("correct", "spring/offer", *SORRY, "--yes", now=LATER)

    text = shop.done("run", "--dry-run", "spring.yaml", "--contacts", "people.csv", now=LATER)

    assert "Nobody was sent wrong words here, so nothing corrects them: offer-correction" in text
    assert "Rehearsed: 11 messages would go, 0 withheld." in text


def test_a_correction_is_previewed_and_explained(shop: Shop) -> None:
    mended(shop).done("correct", "spring/offer", *SORRY, "--yes", now=LATER)

    preview = shop.done("preview", "spring/offer-correction", "--contact", "ana@example.org", now=LATER)
    explained = shop.done("explain", "ana@example.org", "spring/offer-correction", now=LATER)
    stranger = shop.done("explain", "jon@example.org", "spring/offer-correction", now=LATER)

    assert "Subject  Our mistake" in preview
    assert "✓ correction   of offer, which was sent Mon 1 Feb 2027 10:00" in explained
    assert "✗ correction   of nothing: was not sent the wrong words" in stranger
