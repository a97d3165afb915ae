"""What a spam filter says of every mail of the examples, by its local rules alone: no network, no learning."""

from __future__ import annotations

import re
import shutil
import subprocess
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from campaigns import planner, rendering
from scheduler.channels.base import Message, Recipient
from scheduler.channels.email import mime
from scheduler.project import Project

EXAMPLES = Path(__file__).parents[2] / "examples"
_SCORE = re.compile(r"^X-Spam-Status: (?:Yes|No), score=(-?[0-9.]+)", re.MULTILINE)
_ID = re.compile(r"^Message-ID: (<\S+>)", re.MULTILINE)
_RULES = re.compile(r"^ *(-?[0-9]+\.[0-9]) ([A-Z_0-9]+)  ", re.MULTILINE)

# What every filter should dislike: without it nobody would know whether the rules are there at all.
SHOUT = b"""\
From: Deals <deals@shop.example>
To: you@example.org
Subject: FREE VIAGRA!!! MAKE MONEY FAST!!! 100% GUARANTEED
Date: Thu, 21 Jan 2027 08:30:00 +0000
Message-ID: <x@shop.example>
MIME-Version: 1.0
Content-Type: text/html

<html><body bgcolor="#ffffff"><font color="#fffffe" size="1">hidden words</font><h1>VIAGRA CIALIS</h1>
<a href="http://192.0.2.7/x">CLICK HERE</a> MILLIONS OF DOLLARS, RISK FREE, Dear friend, act now!</body></html>
"""


def mails(name: str) -> dict[str, bytes]:
    """Return the mails of an example as they travel, by touch and persona."""
    loaded = Project.find(EXAMPLES / name).load(EXAMPLES / name / f"{name}.yaml")
    campaign = loaded.campaign
    now = datetime(2026, 11, 20, 9, tzinfo=ZoneInfo(campaign.zone))
    timeline = planner.plan(campaign, now=now, templates=loaded.templates)
    renderer = rendering.Renderer(campaign, loaded.templates)
    made: dict[str, bytes] = {}
    for stage, touch in campaign.touches():
        if touch.channel[0] != "email" or not (touch.template or touch.text):
            continue
        for persona, described in campaign.personas.items():
            event = next((one for one in described.events if one["name"] == touch.on), {}) if touch.on else None
            unsubscribe = campaign.senders.unsubscribe if touch.purpose == "marketing" else None
            content = renderer.render(
                touch,
                rendering.facts(
                    campaign,
                    stage,
                    touch,
                    contact=rendering.persona_contact(described),
                    event=event,
                    offer=planner.offer_window(campaign, touch.offer, timeline, {}) if touch.offer else None,
                    now=now,
                    zone=timeline.timezone,
                    unsubscribe=unsubscribe,
                ),
            )
            message = Message(
                delivery_id=1,
                key=f"{name}-{touch.id}-{persona}",
                campaign=name,
                edition=timeline.edition,
                touch=touch.id,
                stage=stage.id,
                channel="email",
                purpose=touch.purpose.value,
                occurrence="1",
                created_at=now,
                due_at=now,
                content=content,
                recipient=Recipient(1, str(described.contact.get("first_name", "")), f"{persona}@example.org"),
                sender=campaign.senders.email,
                reply_to=campaign.senders.reply_to,
                unsubscribe=unsubscribe,
            )
            made[f"{name}/{touch.id} for {persona}"] = mime.build(message).data
    return made


def judged(letters: dict[str, bytes], folder: Path) -> dict[str, tuple[float, list[str]]]:
    """Return the score of each letter and the rules that gave it, from one run over all of them."""
    program = shutil.which("spamassassin")
    if program is None:
        pytest.fail("no spamassassin on this machine: install the Debian package `spamassassin`")
    box = folder / "letters.mbox"
    with box.open("wb") as file:
        for data in letters.values():
            body = re.sub(rb"^(>*From )", rb">\1", data.replace(b"\r\n", b"\n"), flags=re.MULTILINE)
            file.write(b"From x@example.org Thu Jan 21 08:30:00 2027\n" + body + b"\n")
    options = ["--local", "--mbox", "--test-mode", "--cf=use_bayes 0", "--cf=use_auto_welcomelist 0"]
    done = subprocess.run(
        [program, *options, f"--prefspath={folder / 'prefs'}", str(box)],
        env={"HOME": str(folder), "PATH": "/usr/bin:/bin", "LC_ALL": "C"},
        capture_output=True,
        timeout=120,
        check=True,
    )
    said = done.stdout.decode("utf-8", "replace")
    reports = re.split(r"^From x@example\.org .*$", said, flags=re.MULTILINE)[1:]
    names = {_ID.findall(data.decode().replace("\r\n", "\n"))[0]: name for name, data in letters.items()}
    assert len(reports) == len(names) == len(letters)
    return {  # they come in an order of their own
        names[_ID.findall(report)[0]]: (
            float(_SCORE.findall(report)[0]),
            [f"{points} {rule}" for points, rule in _RULES.findall(report)],
        )
        for report in reports
    }


def test_every_mail_of_the_examples_scores_at_most_one(tmp_path: Path) -> None:
    letters = {"the shout": SHOUT}
    for folder in sorted(EXAMPLES.iterdir()):
        letters |= mails(folder.name)

    scores = judged(letters, tmp_path)

    assert len(letters) > 60
    assert scores.pop("the shout")[0] > 5.0
    assert {name: (score, why) for name, (score, why) in scores.items() if score > 1.0} == {}
