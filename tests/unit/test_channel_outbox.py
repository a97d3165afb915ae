"""The outbox: files a person can open, sorted by time, and no name that leads out of the folder."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from support.mails import a_mail

from campaigns.rendering import Content
from scheduler.channels.base import Message, Recipient
from scheduler.channels.outbox import OutboxChannel
from scheduler.errors import NoAccount, NotSent, Refused, Withheld

WENT = datetime(2027, 1, 21, 8, 30, tzinfo=UTC)

MAIL = a_mail(
    content=Content("Léa, -30 %", "Bonjour Léa\n", "<p>Bonjour <b>Léa</b></p>\n"),
    recipient=Recipient(7, "Léa Martin", "lea@example.org", "+33612345678"),
)

POST = dataclasses.replace(
    MAIL,
    touch="ring-teaser",
    stage="sensibilisation",
    channel="instagram",
    content=Content(
        "", "Laquelle lui plairait ?\n#bague", media=(("media/ring.jpg", "Bague en or"), ("media/b.jpg", ""))
    ),
    recipient=None,
    account="biksouv",
)


async def marked() -> None:
    """Stand for a mark that says yes."""


def put(folder: Path, *messages: Message, mark: Callable[[], object] = marked) -> list[str]:
    """Send messages to an outbox and return what lies in it, hidden files included."""

    async def scenario() -> None:
        for message in messages:
            await OutboxChannel(folder, message.channel).send(message, mark)  # type: ignore[arg-type]

    asyncio.run(scenario())
    return names(folder)


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_mail_is_an_eml_with_its_html_beside_it(tmp_path: Path) -> None:
    found = put(tmp_path, MAIL)

    assert found == [
        "index.html",
        "valentines-2027/2027-01-21T0830Z-offer-email-lea-martin-c6cb1e1ae775.eml",
        "valentines-2027/2027-01-21T0830Z-offer-email-lea-martin-c6cb1e1ae775.html",
    ]
    mail = message_from_bytes((tmp_path / found[1]).read_bytes(), policy=policy.default)
    assert mail["subject"] == "Léa, -30 %"
    assert (tmp_path / found[2]).read_text(encoding="utf-8") == "<p>Bonjour <b>Léa</b></p>\n"


def test_a_post_is_shown_as_it_would_be_posted(tmp_path: Path) -> None:
    found = put(tmp_path, POST)

    assert found[1] == "valentines-2027/2027-01-21T0830Z-ring-teaser-c6cb1e1ae775.md"
    assert (tmp_path / found[1]).read_text(encoding="utf-8") == (
        "Channel: instagram\n"
        "Account: biksouv\n"
        "Campaign: valentines (2027)\n"
        "Stage: sensibilisation\n"
        "Touch: ring-teaser\n"
        "When: 2027-01-21 08:30 UTC\n"
        "\n"
        "Laquelle lui plairait ?\n"
        "#bague\n"
        "\n"
        "Media:\n"
        "- media/ring.jpg (Bague en or)\n"
        "- media/b.jpg\n"
    )


def test_a_task_says_whom_to_call(tmp_path: Path) -> None:
    call = dataclasses.replace(MAIL, channel="call", touch="call-back", content=Content("", "Appeler Léa"))

    found = put(tmp_path, call)

    assert found[1].endswith("-call-back-lea-martin-c6cb1e1ae775.txt")
    text = (tmp_path / found[1]).read_text(encoding="utf-8")
    assert "To: Léa Martin · +33612345678 · lea@example.org\n" in text
    assert text.endswith("\n\nAppeler Léa\n")


def test_a_hook_is_the_json_that_would_be_posted(tmp_path: Path) -> None:
    found = put(tmp_path, dataclasses.replace(MAIL, channel="webhook"))

    posted = json.loads((tmp_path / found[1]).read_text(encoding="utf-8"))
    assert posted["data"]["recipient"]["name"] == "Léa Martin"


def test_names_sort_by_time_and_bear_the_zone_they_were_given(tmp_path: Path) -> None:
    paris = timezone(timedelta(hours=1))
    late = dataclasses.replace(POST, key="b", created_at=datetime(2027, 1, 21, 9, 31, tzinfo=paris))
    early = dataclasses.replace(POST, key="c", created_at=datetime(2027, 1, 21, 9, 5, tzinfo=paris))

    found = put(tmp_path, late, early)

    assert [name[:31] for name in found[1:]] == ["valentines-2027/2027-01-21T0905", "valentines-2027/2027-01-21T0931"]


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "..", "/root", "a\0b", "..\\..\\x", "Léa\n/../x", "\u202e", "x" * 400, "日本", ""]
)
def test_no_name_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    outbox = tmp_path / "in" / "outbox"
    hostile = dataclasses.replace(
        MAIL, campaign=name, edition=name, touch=name, channel="sms", key=name, recipient=Recipient(7, name)
    )

    found = put(outbox, hostile)

    assert len(found) == 2
    assert names(tmp_path) == [f"in/outbox/{path}" for path in found]
    assert all(len(part) < 255 for part in found[1].split("/"))


def test_a_person_whose_name_has_no_latin_letters_is_told_apart_by_number(tmp_path: Path) -> None:
    found = put(tmp_path, dataclasses.replace(MAIL, recipient=Recipient(7, "Анна", "anna@example.org")))

    assert "-contact-7-" in found[1]


def test_the_same_key_overwrites_itself_and_another_does_not(tmp_path: Path) -> None:
    found = put(tmp_path, POST, POST, dataclasses.replace(POST, key="other"))

    assert len(found) == 3
    assert (tmp_path / "index.html").read_text(encoding="utf-8").count("<tr><td>") == 2


def test_the_index_lists_what_a_crash_kept_out_of_it(tmp_path: Path) -> None:
    put(tmp_path, POST)
    (tmp_path / "index.html").unlink()

    put(tmp_path, POST)

    assert "Laquelle lui plairait ? #bague" in (tmp_path / "index.html").read_text(encoding="utf-8")


def test_the_index_links_and_escapes(tmp_path: Path) -> None:
    put(tmp_path, dataclasses.replace(MAIL, content=Content("<script>alert(1)</script>", "T", "<p>T")))

    text = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "<script>" not in text
    assert 'href="valentines-2027/2027-01-21T0830Z-offer-email-lea-martin-c6cb1e1ae775.html"' in text


def test_a_withheld_message_leaves_no_file(tmp_path: Path) -> None:
    async def withheld() -> None:
        raise Withheld("suppressed", "unsubscribed")

    with pytest.raises(Withheld):
        put(tmp_path, MAIL, mark=withheld)

    assert names(tmp_path) == []


def test_at_the_mark_nothing_has_its_name_yet(tmp_path: Path) -> None:
    seen: list[list[str]] = []

    async def mark(handle: str = "") -> None:
        seen.append([name for name in names(tmp_path) if not name.endswith(".part")])

    put(tmp_path, MAIL, mark=mark)

    assert seen == [[]]


def test_a_folder_that_cannot_be_written_is_certainly_not_sent(tmp_path: Path) -> None:
    (tmp_path / "outbox").write_text("a file")
    calls: list[int] = []

    async def mark(handle: str = "") -> None:
        calls.append(1)

    with pytest.raises(NotSent, match="cannot write to the outbox"):
        put(tmp_path / "outbox", MAIL, mark=mark)
    assert calls == []


def test_a_mail_is_held_to_the_same_rules_as_a_real_one(tmp_path: Path) -> None:
    with pytest.raises(NoAccount):
        put(tmp_path, dataclasses.replace(MAIL, sender=None))
    with pytest.raises(Refused):
        put(tmp_path, dataclasses.replace(MAIL, unsubscribe=None))


def test_what_is_said_to_people_is_for_its_owner_alone(tmp_path: Path) -> None:
    outbox = tmp_path / "outbox"

    found = put(outbox, MAIL)

    assert {stat.S_IMODE((outbox / name).stat().st_mode) for name in found} == {0o600}
    assert stat.S_IMODE(outbox.stat().st_mode) == 0o700


def test_a_rehearsal_may_do_without_waiting_for_the_disk(tmp_path: Path) -> None:
    asyncio.run(OutboxChannel(tmp_path, "sms", durable=False).send(dataclasses.replace(MAIL, channel="sms"), marked))

    assert len(names(tmp_path)) == 2
