"""`campaign run --ui` as a process: a sign-up by HTTP, its mail over SMTP, the confirmation, and the way out again."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.daemon import LIMIT_SECONDS, Mailbox, campaign, daemon, environment, mail_server
from support.doors import PUBLIC, TOKEN, Client
from support.shop import HEAD

NEWS = (
    HEAD
    + """
courtesy: {quiet_hours: none, caps: none}
signup: {wording: I would like news by e-mail.}
stages:
  - stage: welcome
    kind: awareness
    when: as soon as possible
    touches:
      - {id: ask, channel: email, purpose: transactional, on: signup, when: immediately, template: emails/confirm.md}
      - {id: news, channel: email, on: cart_abandoned, when: immediately, subject: News, text: "Something new."}
"""
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until_open(client: Client, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + LIMIT_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()
        try:
            if client.get("/healthz").status == 200:
                return
        except OSError:
            time.sleep(0.05)
    raise AssertionError("the doors did not open")


def until_withheld(folder: Path, env: dict[str, str], count: int) -> None:
    """Wait until so many messages were withheld: what is told next must not overtake them."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while campaign(folder, "log", "--json", env=env).stdout.count('"suppressed"') < count:
        assert time.monotonic() < deadline, f"{count} messages are not withheld"


def last(mailbox: Mailbox, count: int) -> tuple[dict[str, str], str]:
    """Wait for a message and return its headers and its text."""
    mailbox.wait_for(count)
    message = mailbox.messages()[-1]
    body = message.get_body(("plain",))
    assert body is not None
    return {name.lower(): str(value) for name, value in message.items()}, str(body.get_content())


def test_from_the_sign_up_by_http_to_the_last_mail_and_out_by_one_click(tmp_path: Path) -> None:
    (tmp_path / "news.yaml").write_text(NEWS, encoding="utf-8")
    client = Client("127.0.0.1", free_port())
    with mail_server() as (smtp, mailbox):
        env = environment(CAMPAIGN_SMTP_URL=smtp, CAMPAIGN_PUBLIC_URL=PUBLIC, CAMPAIGN_API_TOKEN=TOKEN)
        campaign(tmp_path, "apply", "news.yaml", "--yes", env=env)
        with daemon(tmp_path, "--ui", "--bind", f"127.0.0.1:{client.port}", env=env) as process:
            until_open(client, process)

            signed_up = client.tell({"who": "ana@example.org", "name": "signup", "id": "s1", "first_name": "Ana"})
            ask, words = last(mailbox, 1)
            link = re.search(r"https://news\.shop\.example/o/[\w-]+", words)
            assert link is not None
            too_early = client.tell({"who": "ana@example.org", "name": "cart_abandoned", "id": "c1"})
            until_withheld(tmp_path, env, 1)
            opened = client.get(link[0])
            confirmed = client.form(link[0], confirm="yes")
            client.tell({"who": "ana@example.org", "name": "cart_abandoned", "id": "c2"})
            news, _ = last(mailbox, 2)
            way_out = news["list-unsubscribe"].split(",")[0].strip("<>")
            left = client.ask(
                "POST", way_out, b"List-Unsubscribe=One-Click", Content_Type="application/x-www-form-urlencoded"
            )
            client.tell({"who": "ana@example.org", "name": "cart_abandoned", "id": "c3"})
            until_withheld(tmp_path, env, 2)
            client.tell({"who": "ana@example.org", "name": "signup", "id": "s2"})
            last_one, _ = last(mailbox, 3)

        log = campaign(tmp_path, "log", "--json", env=env)

    assert (signed_up.status, too_early.status, opened.status, confirmed.status, left.status) == (200,) * 5
    assert (ask["subject"], ask["to"], "list-unsubscribe" in ask) == (
        "Please confirm your sign-up",
        "Ana <ana@example.org>",
        False,
    )
    assert (news["subject"], news["list-unsubscribe-post"]) == ("News", "List-Unsubscribe=One-Click")
    assert way_out.startswith(f"{PUBLIC}/u/")
    assert last_one["subject"] == "Please confirm your sign-up"
    assert mailbox.recipients() == ["ana@example.org"] * 3
    lines = [json.loads(line) for line in log.stdout.splitlines()]
    assert sorted((line["touch"], line["state"]) for line in lines) == [
        ("ask", "sent"),
        ("ask", "sent"),
        ("news", "sent"),
        ("news", "suppressed"),  # before the confirmation: no consent
        ("news", "suppressed"),  # after the one click
    ]
    assert process.returncode == 0


def test_an_address_that_is_taken_is_told_and_nothing_is_begun(tmp_path: Path) -> None:
    (tmp_path / "news.yaml").write_text(NEWS, encoding="utf-8")
    campaign(tmp_path, "apply", "news.yaml", "--yes", env=environment(CAMPAIGN_PUBLIC_URL=PUBLIC))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        bind = f"127.0.0.1:{taken.getsockname()[1]}"

        done = campaign(tmp_path, "run", "--ui", "--bind", bind, check=False)

    assert done.returncode == 1
    assert f"cannot listen on {bind}: address already in use" in done.stderr
    assert "choose another with --bind" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--ui", "--bind", "0.0.0.0:0"), 1, "set CAMPAIGN_PUBLIC_URL"),
        (("--ui", "--bind", "8080"), 1, "expected HOST:PORT"),
        (("--bind", "127.0.0.1:0"), 64, "add --ui"),
        (("--ui", "--once"), 64, "the doors of --ui need the daemon"),
        (("--ui", "--dry-run", "news.yaml"), 64, "leave out --once, --ui and --database"),
    ],
)
def test_what_cannot_be_opened_is_said_with_the_remedy(
    tmp_path: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    (tmp_path / "news.yaml").write_text(NEWS, encoding="utf-8")
    campaign(tmp_path, "apply", "news.yaml", "--yes", env=environment(CAMPAIGN_PUBLIC_URL=PUBLIC))

    done = campaign(tmp_path, "run", *arguments, check=False)

    assert done.returncode == code, done.stderr
    assert said in done.stderr


def test_without_the_extra_the_doors_are_refused_with_what_to_install(tmp_path: Path) -> None:
    hide = "import sys; sys.modules['fastapi'] = None; from scheduler.cli.main import main; sys.argv[0] = 'campaign'; main()"

    done = subprocess.run(
        [sys.executable, "-c", hide, "run", "--ui"],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )

    assert done.returncode == 1, done.stderr
    assert "--ui needs fastapi" in done.stderr
    assert "pip install 'campaign-sequencer[web]'" in done.stderr


def test_the_doors_close_with_the_daemon(tmp_path: Path) -> None:
    (tmp_path / "news.yaml").write_text(NEWS, encoding="utf-8")
    env = environment(CAMPAIGN_PUBLIC_URL=PUBLIC)
    campaign(tmp_path, "apply", "news.yaml", "--yes", env=env)
    client = Client("127.0.0.1", free_port())

    with daemon(tmp_path, "--ui", "--bind", f"127.0.0.1:{client.port}", env=env) as process:
        until_open(client, process)
        os.kill(process.pid, signal.SIGTERM)
        said = process.communicate(timeout=LIMIT_SECONDS)[1]

    assert process.returncode == 0, said
    assert "no CAMPAIGN_API_TOKEN: POST /events answers 401" in said
    with pytest.raises(OSError, match="refused"):
        client.get("/healthz")
