"""The daemon as a process: a real clock, a real database file, a real mail server on loopback."""

from __future__ import annotations

import json
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from support.daemon import LIMIT_SECONDS, campaign, daemon, environment, mail_server
from support.shop import HEAD

# Quiet hours are switched off: these tests run at any hour of the day.
MAILING = (
    HEAD
    + """
courtesy: {quiet_hours: none}
stages:
  - stage: launch
    kind: awareness
    when: as soon as possible
    touches:
      - {id: offer-email, channel: email, subject: "Hello {{ contact.first_name }}", text: "Come in, {{ contact.first_name }}"}
      - {id: announce, channel: facebook, text: "We are open"}
"""
)


def people(count: int) -> str:
    rows = [f"p{number}@example.org,Person {number},marketing" for number in range(count)]
    return "\n".join(["email,first_name,consent", *rows]) + "\n"


def project(folder: Path, text: str, count: int) -> None:
    (folder / "shop.yaml").write_text(text, encoding="utf-8")
    (folder / "people.csv").write_text(people(count), encoding="utf-8")
    campaign(folder, "contacts", "import", "people.csv", "--yes")
    campaign(folder, "apply", "shop.yaml", "--yes")


def states(folder: Path) -> dict[str, int]:
    with closing(sqlite3.connect(folder / "var" / "campaign.db")) as conn:
        return dict(conn.execute("SELECT state, count(*) FROM delivery WHERE touch = 'offer-email' GROUP BY state"))


def test_two_hundred_people_get_the_mail_once_each_with_everything_a_marketing_mail_needs(tmp_path: Path) -> None:
    with mail_server() as (url, mailbox):
        project(tmp_path, MAILING, 200)

        with daemon(tmp_path, env=environment(CAMPAIGN_SMTP_URL=url)):
            mailbox.wait_for(200)

    assert sorted(mailbox.recipients()) == sorted(f"p{number}@example.org" for number in range(200))
    assert states(tmp_path) == {"sent": 200}
    message = next(one for one in mailbox.messages() if one["To"].addresses[0].addr_spec == "p7@example.org")
    assert message["Subject"] == "Hello Person 7"
    assert message["From"] == "The Shop <hello@shop.example>"
    assert "mailto:stop@shop.example" in message["List-Unsubscribe"]
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    assert text is not None
    assert html is not None
    assert text.get_content().startswith("Come in, Person 7")
    for part in (text.get_content(), html.get_content()):
        assert "12 rue des Lilas" in part
        assert "mailto:stop@shop.example" in part


def test_stopped_and_started_in_the_middle_everybody_still_gets_it_once(tmp_path: Path) -> None:
    with mail_server() as (url, mailbox):
        project(tmp_path, MAILING, 200)
        env = environment(CAMPAIGN_SMTP_URL=url)

        with daemon(tmp_path, env=env):
            mailbox.wait_for(40)
        after_the_stop = len(mailbox.taken)
        with daemon(tmp_path, env=env):
            mailbox.wait_for(200)

    assert 40 <= after_the_stop < 200
    assert sorted(mailbox.recipients()) == sorted(f"p{number}@example.org" for number in range(200))
    assert states(tmp_path) == {"sent": 200}


def test_a_daemon_that_was_killed_leaves_nothing_lost_and_nothing_twice(tmp_path: Path) -> None:
    with mail_server() as (url, mailbox):
        project(tmp_path, MAILING, 200)
        env = environment(CAMPAIGN_SMTP_URL=url)

        with daemon(tmp_path, env=env) as process:
            mailbox.wait_for(40)
            process.kill()
            process.wait(LIMIT_SECONDS)
        with daemon(tmp_path, env=env):
            deadline = time.monotonic() + LIMIT_SECONDS
            while states(tmp_path).keys() - {"sent", "unknown"}:
                assert time.monotonic() < deadline
                threading.Event().wait(0.2)

    taken = mailbox.recipients()
    found = states(tmp_path)
    assert len(taken) == len(set(taken))
    assert found.get("unknown", 0) <= 4  # one for each open connection
    assert found["sent"] + found.get("unknown", 0) == 200
    assert found["sent"] <= len(taken) <= 200


def test_a_touch_goes_within_a_second_of_its_time_although_it_was_applied_while_the_daemon_slept(
    tmp_path: Path,
) -> None:
    with mail_server() as (url, mailbox):
        (tmp_path / "people.csv").write_text(people(1), encoding="utf-8")
        campaign(tmp_path, "contacts", "import", "people.csv", "--yes")
        with daemon(tmp_path, env=environment(CAMPAIGN_SMTP_URL=url)) as process:
            assert process.stderr is not None
            process.stderr.readline()  # it has greeted: it serves
            due = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=12)
            text = MAILING.replace("as soon as possible", due.strftime("%Y-%m-%dT%H:%M:%SZ"))
            (tmp_path / "shop.yaml").write_text(text, encoding="utf-8")
            campaign(tmp_path, "apply", "shop.yaml", "--yes")
            assert datetime.now(UTC) < due - timedelta(seconds=3), "the machine is too slow to try this"
            mailbox.wait_for(1)

    late = mailbox.taken[0][2] - due.timestamp()
    assert 0 <= late < 1.0


def test_without_apschedulers_jobs_the_daemon_sends_nothing(tmp_path: Path) -> None:
    stub = (
        "import apscheduler.schedulers.asyncio as s\n"
        "s.AsyncIOScheduler.add_job = lambda self, *a, **k: None\n"
        "import sys\n"
        "from scheduler.cli.main import main\n"
        "sys.argv[1:] = ['run', '--json']\n"
        "main()\n"
    )
    with mail_server() as (url, mailbox):
        project(tmp_path, MAILING, 3)
        process = subprocess.Popen(
            [sys.executable, "-c", stub],
            cwd=tmp_path,
            env=environment(CAMPAIGN_SMTP_URL=url),
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stderr is not None
            assert process.stderr.readline().startswith("campaign run: ")
            threading.Event().wait(4)
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=LIMIT_SECONDS)

    assert process.returncode == 0
    assert mailbox.taken == []
    assert states(tmp_path) == {}


def test_a_run_and_a_rehearsal_of_the_same_campaign_say_the_same_to_the_same_people(tmp_path: Path) -> None:
    with mail_server() as (url, mailbox):
        project(tmp_path, MAILING, 12)
        rehearsed = campaign(tmp_path, "run", "--dry-run", "shop.yaml", "--contacts", "people.csv", "--json")
        with daemon(tmp_path, env=environment(CAMPAIGN_SMTP_URL=url)):
            mailbox.wait_for(12)

    def said(text: str) -> str:
        return text.replace("\r\n", "\n").strip()

    expected = {
        (line["touch"], line["contact"], line["subject"], said(line["text"]))
        for line in map(json.loads, rehearsed.stdout.splitlines())
        if line["channel"] == "email"
    }
    real, own = set(), set()
    for message in mailbox.messages():
        body = message.get_body(("plain",))
        assert body is not None
        # A rehearsal makes no token for a message that never leaves; all else is the same to the letter.
        text, *tokens = re.split(r"\?subject=unsubscribe%20([\w-]{55})", said(body.get_content()))
        own.add(tokens[0])
        text += tokens[1]
        real.add(("offer-email", message["To"].addresses[0].addr_spec, message["Subject"], text))
    assert len(expected) == len(own) == 12
    assert real == expected


def test_a_second_daemon_on_one_database_is_refused_with_75(tmp_path: Path) -> None:
    with mail_server() as (url, _):
        project(tmp_path, MAILING, 0)
        env = environment(CAMPAIGN_SMTP_URL=url)
        with daemon(tmp_path, env=env) as process:
            assert process.stderr is not None
            process.stderr.readline()
            second = campaign(tmp_path, "run", "--once", env=env, check=False)

    assert second.returncode == 75
    assert "another daemon" in second.stderr


def test_an_event_from_another_process_starts_its_touch(tmp_path: Path) -> None:
    text = MAILING + (
        "  - stage: home\n    kind: loyalty\n    enter_on: purchase\n    touches:\n"
        "      - {id: thanks, channel: email, purpose: transactional, on: purchase, when: immediately,"
        ' subject: Thanks, text: "For {{ event.product }}"}\n'
    )
    with mail_server() as (url, mailbox):
        project(tmp_path, text, 1)
        with daemon(tmp_path, env=environment(CAMPAIGN_SMTP_URL=url)):
            mailbox.wait_for(1)
            campaign(tmp_path, "event", "p0@example.org", "purchase", "--key", "product=tea")
            mailbox.wait_for(2)

    assert [message["Subject"] for message in mailbox.messages()] == ["Hello Person 0", "Thanks"]


def test_the_outbox_shows_every_channel_and_the_schedule_knows_nothing_of_it(tmp_path: Path) -> None:
    project(tmp_path, MAILING, 2)

    campaign(tmp_path, "run", "--once", "--outbox", "out", "--now", "2031-05-05T11:00")

    assert states(tmp_path) == {}


def test_one_look_with_once_sends_what_is_due_and_ends(tmp_path: Path) -> None:
    with mail_server() as (url, mailbox):
        project(tmp_path, MAILING, 3)

        done = campaign(tmp_path, "run", "--once", "--json", env=environment(CAMPAIGN_SMTP_URL=url))

    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(mailbox.taken) == 3
    assert (
        sorted((line["touch"], line["state"]) for line in lines if line["channel"] == "email")
        == [("offer-email", "sent")] * 3
    )


def test_the_daemon_tells_what_apscheduler_fires_next(tmp_path: Path) -> None:
    with mail_server() as (url, mailbox):
        text = MAILING + (
            "  - stage: later\n    kind: consideration\n    when: 3 days later\n    touches:\n"
            '      - {id: remind, channel: email, subject: Again, text: "Still open"}\n'
        )
        project(tmp_path, text, 1)
        with daemon(tmp_path, env=environment(CAMPAIGN_SMTP_URL=url)):
            mailbox.wait_for(1)
            deadline = time.monotonic() + LIMIT_SECONDS
            while True:
                status = json.loads(campaign(tmp_path, "status", "--json").stdout)
                jobs = [job["job"] for job in (status["daemon"] or {"next_jobs": []})["next_jobs"]]
                if "shop/remind once" in jobs:
                    break
                assert time.monotonic() < deadline, jobs
                threading.Event().wait(0.3)

    assert status["campaigns"][0]["next"]["touch"] == "remind"


def test_the_same_commands_work_on_another_database_and_two_daemons_share_a_server(
    empty_database_url: str, tmp_path: Path
) -> None:
    with mail_server() as (url, mailbox):
        env = environment(CAMPAIGN_SMTP_URL=url, CAMPAIGN_DATABASE_URL=empty_database_url)
        (tmp_path / "shop.yaml").write_text(MAILING, encoding="utf-8")
        (tmp_path / "people.csv").write_text(people(60), encoding="utf-8")
        campaign(tmp_path, "contacts", "import", "people.csv", "--yes", env=env)
        campaign(tmp_path, "apply", "shop.yaml", "--yes", env=env)

        with daemon(tmp_path, env=env) as first, daemon(tmp_path, env=env) as second:
            mailbox.wait_for(60)
            deadline = time.monotonic() + LIMIT_SECONDS
            while empty_database_url.startswith("sqlite") and first.poll() is None and second.poll() is None:
                assert time.monotonic() < deadline  # whichever came later to the file has to leave
                threading.Event().wait(0.1)
        status = json.loads(campaign(tmp_path, "status", "--json", env=env).stdout)

    assert sorted(mailbox.recipients()) == sorted(f"p{number}@example.org" for number in range(60))
    assert (status["campaigns"][0]["sent"], status["unknown"]) == (60, 0)
    codes = sorted((first.returncode, second.returncode))
    assert codes == ([0, 75] if empty_database_url.startswith("sqlite") else [0, 0])
