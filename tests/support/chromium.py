"""A browser without a window: opens pages of files and values on this machine, looks at them, and reaches nobody else.

Speaks the DevTools protocol over a pair of pipes, so no port is opened and one browser serves many pages.
"""

from __future__ import annotations

import base64
import io
import json
import os
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

_ALONE = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--hide-scrollbars",
    "--disable-features=IsolateSandboxedIframes",  # frames are drawn together with their page
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # no name leads anywhere
    "--remote-debugging-pipe",
)


class Browser:
    """One page of a running Chromium."""

    def __init__(self, reads: int, writes: int) -> None:
        self._reads, self._writes = reads, writes
        self._buffer = b""
        self._count = 0
        self._session: str | None = None
        self.heard: list[dict[str, Any]] = []  # what the page did by itself
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.ask("Page.enable")
        self.ask("Network.enable")

    def ask(self, method: str, **params: object) -> dict[str, Any]:
        """Return the browser's answer; AssertionError for a refusal or none within 20 seconds."""
        self._count += 1
        asked: dict[str, object] = {"id": self._count, "method": method, "params": params}
        if self._session is not None:
            asked["sessionId"] = self._session
        os.write(self._writes, json.dumps(asked).encode() + b"\0")
        while (said := self._next()).get("id") != self._count:
            self.heard.append(said)
        assert "error" not in said, f"{method}: {said['error']}"
        return dict(said["result"])

    def open(self, page: Path, *, width: int = 800, height: int = 900, dark: bool = False) -> None:
        """Load a file in a window of this size, in the light or in the dark."""
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.ask("Emulation.setEmulatedMedia", features=scheme)
        self.ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500
        )
        self.heard.clear()
        self.ask("Page.navigate", url=page.as_uri())
        while not any(one.get("method") == "Page.loadEventFired" for one in self.heard):
            self.heard.append(self._next())

    def asked_for(self) -> list[str]:
        """Return the addresses that the page asked for since it was opened."""
        return [
            one["params"]["request"]["url"] for one in self.heard if one.get("method") == "Network.requestWillBeSent"
        ]

    def evaluate(self, script: str) -> Any:
        """Return the value of an expression of the page."""
        return self.ask("Runtime.evaluate", expression=script, returnByValue=True)["result"].get("value")

    def picture(self) -> Image.Image:
        """Return what the whole page looks like."""
        size = self.ask("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        data = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)["data"]
        return Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")

    def _next(self) -> dict[str, Any]:
        ends = time.monotonic() + 20
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._reads], [], [], max(0.0, ends - time.monotonic()))
            assert ready, "chromium has not answered for 20 seconds"
            got = os.read(self._reads, 1 << 20)
            assert got, "chromium ended"
            self._buffer += got
        said, _, self._buffer = self._buffer.partition(b"\0")
        return dict(json.loads(said))


@contextmanager
def chromium(home: Path) -> Iterator[Browser]:
    """Run a Chromium that keeps its things in `home`; the test fails where there is none."""
    program = shutil.which("chromium")
    if program is None:
        pytest.fail("no chromium on this machine: install the Debian package `chromium`")
    theirs_in, ours_out = os.pipe()
    ours_in, theirs_out = os.pipe()
    # It reads from its descriptor 3 and writes to 4; a shell puts ours there, whatever their numbers are.
    ends = f'exec "$0" "$@" 3<&{theirs_in} 4>&{theirs_out}'
    arguments = [program, *_ALONE, f"--user-data-dir={home / 'profile'}", "about:blank"]
    process = subprocess.Popen(
        ["/bin/bash", "-c", ends, *arguments],
        pass_fds=(theirs_in, theirs_out),
        env={"PATH": os.environ["PATH"], "HOME": str(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    os.close(theirs_in)
    os.close(theirs_out)
    try:
        yield Browser(ours_in, ours_out)
    finally:
        os.close(ours_in)
        os.close(ours_out)  # it ends when nobody speaks to it any more
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # its own session: the browser and its helpers, nothing else
            process.wait()
