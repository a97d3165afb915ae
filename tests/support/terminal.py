"""The command line as somebody uses it: commands in this process, or one at a real terminal (a pseudo-terminal)."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import shutil
import signal
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from scheduler.cli.main import cli
from support.daemon import LIMIT_SECONDS, environment

EXAMPLE = Path(__file__).parents[1] / "acceptance" / "do" / "shop"
SCREENS = EXAMPLE.parent / "screens"
PICTURE = EXAMPLE.parents[3] / "examples" / "valentines" / "media" / "offer.jpg"
UPDATE = os.environ.get("CAMPAIGN_UPDATE_GOLDEN") == "1"
NOW = "2026-11-20T09:00+01:00"  # a Friday morning in Paris


class Shop:
    """A project folder that the commands stand in; nothing of the machine's own settings reaches them."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        monkeypatch.chdir(folder)
        for name in [name for name in os.environ if name.startswith("CAMPAIGN_")]:
            monkeypatch.delenv(name)
        for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
            monkeypatch.delenv(name, raising=False)

    @classmethod
    def example(cls, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
        """Stand in a project with one campaign, its people and its picture."""
        shutil.copytree(EXAMPLE, folder, dirs_exist_ok=True)
        shutil.copy(PICTURE, folder / "door.jpg")
        return cls(folder, monkeypatch)

    def known(self) -> Shop:
        """Let it know its people."""
        self.done("contacts", "import", "people.csv", "--yes")
        return self

    def applied(self) -> Shop:
        """Let it know its people, and put its campaign on the schedule."""
        self.known().done("apply", "--yes")
        return self

    def write(self, name: str, text: str) -> Path:
        """Write a file of the project."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace what stands in a file of the project."""
        text = (self.folder / name).read_text(encoding="utf-8")
        assert old in text
        self.write(name, text.replace(old, new))

    def run(self, *args: str, now: str | None = NOW, stdin: str | None = None, **env: str) -> Result:
        """Run a command, seen from `now`."""
        moment = [] if now is None else ["--now", now]
        return CliRunner().invoke(cli, [*args, *moment], input=stdin, env=env or None)

    def done(self, *args: str, now: str | None = NOW, stdin: str | None = None, **env: str) -> str:
        """Run a command that ends well; return what it says on stdout."""
        result = self.run(*args, now=now, stdin=stdin, **env)
        assert result.exit_code == 0, f"{args}: {result.exit_code}\n{result.output}"
        return result.stdout

    def shown(self, *args: str, now: str | None = NOW) -> str:
        """Run a command that ends well; return what it says on stdout, the same wherever the folder lies."""
        return self.done(*args, now=now).replace(str(self.folder), "/shop")

    def json(self, *args: str, now: str | None = NOW, **env: str):  # type: ignore[no-untyped-def]
        """Run a command with --json; return its document."""
        return json.loads(self.done(*args, "--json", now=now, **env))

    def lines(self, *args: str, now: str | None = NOW, stdin: str | None = None) -> list[dict[str, object]]:
        """Run a command with --json; return its NDJSON."""
        return [json.loads(line) for line in self.done(*args, "--json", now=now, stdin=stdin).splitlines()]

    def send(self, now: str) -> list[dict[str, object]]:
        """Send what is due at `now`, into files, and remember it in the project's own database."""
        return self.lines("run", "--once", "--outbox", "out", "--database", "sqlite:///var/campaign.db", now=now)


def golden(path: Path, text: str) -> str:
    """Return what a golden file says, to be compared with `text`; `CAMPAIGN_UPDATE_GOLDEN=1` first writes it anew."""
    if UPDATE:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return path.read_text(encoding="utf-8")


def screen(name: str, text: str) -> str:
    """Return the golden screen of a command that does something."""
    return golden(SCREENS / f"{name}.txt", text)


CTRL_C = "\x03"


@dataclass(frozen=True)
class Shown:
    """What a person saw at the terminal, colours taken away, and the exit code."""

    text: str
    code: int


def at_terminal(
    folder: Path, *args: str, typed: str = "", after: int = 0, env: Mapping[str, str] | None = None
) -> Shown:
    """Run a command at a terminal of 88 columns; `typed` is typed once it asks: its last line is left at a colon.

    With `after` it is typed once so many lines were written. `CTRL_C` interrupts the command.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 88, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "scheduler", *args],
        cwd=folder,
        env={**(env if env is not None else environment()), "TERM": "xterm", "PYTHONUTF8": "1"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    seen = bytearray()

    def read() -> None:
        left = typed
        try:
            while piece := os.read(ours, 4096):
                seen.extend(piece)
                asks = seen.count(b"\n") >= after if after else seen.endswith(b": ")
                if left and asks:
                    if left == CTRL_C:
                        # A signal between the prompt and the reading of the answer is only noticed with the next key.
                        threading.Event().wait(1)
                        process.send_signal(signal.SIGINT)
                    else:
                        os.write(ours, left.encode())
                    left = ""
        except OSError:
            return  # the other end is closed: the command has ended

    reader = threading.Thread(target=read)
    reader.start()
    try:
        code = process.wait(LIMIT_SECONDS)
    finally:
        process.kill()
        process.wait()
        reader.join(LIMIT_SECONDS)
        os.close(ours)
    text = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", seen.decode()).replace("\r\n", "\n")
    return Shown(text, code)
