"""`campaign preview --open`: a page that shows a message in every light, and neither runs nor loads anything."""

from __future__ import annotations

import re
import shutil
import stat
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner
from support.chromium import chromium
from support.terminal import at_terminal

from scheduler.cli import preview_page
from scheduler.cli.main import cli

HERE = Path(__file__).parent / "see"
HOSTILE = """\
<p>Hello {{ contact.first_name }}</p>
<script>document.title = "run"; parent.document.title = "run"</script>
<p><img src="http://127.0.0.1:PORT/pixel.png" alt="A ring" onerror="document.title = 'run'"></p>
<p><a href="http://127.0.0.1:PORT/away" id="away">Away</a></p>
<iframe src="http://127.0.0.1:PORT/frame"></iframe>
<style>p { background: url("http://127.0.0.1:PORT/paper.png") }</style>
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose offer is a hostile HTML template; what the command writes for a while goes there too."""
    shutil.copy(HERE / "shop.yaml", tmp_path / "shop.yaml")
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.chdir(tmp_path)
    for name in ("CAMPAIGN_NOW", "CAMPAIGN_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def listener() -> Iterator[tuple[ThreadingHTTPServer, list[str]]]:
    """A web server on this machine, and the paths it was asked for."""
    hits: list[str] = []

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            hits.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server, hits
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def preview(*words: str) -> str:
    result = CliRunner().invoke(cli, ["preview", *words, "--now", "2026-11-20"])
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.parametrize("option", ["--open", "--no-open"])
def test_page_is_written_for_this_user_alone_and_its_path_printed_where_nobody_looks(shop: Path, option: str) -> None:
    path = Path(preview("offer-email", option).strip())

    assert path.parent == shop / "temporary"
    assert re.fullmatch(r"offer-email-\w+\.html", path.name)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_page_shows_headers_and_both_parts(shop: Path) -> None:
    text = Path(preview("offer-email", "--no-open").strip()).read_text("utf-8")

    assert "<h1>Léa, 30 % off</h1>" in text
    assert "<tr><th>From</th><td>Rings &amp; Co &lt;hello@rings.example&gt;</td></tr>" in text
    assert "<tr><th>List-Unsubscribe</th><td>&lt;mailto:stop@rings.example&gt;</td></tr>" in text
    assert "Hello Léa, 30 % off all rings until 4 February.\n" in text
    assert text.count("<iframe ") == text.count(" sandbox ") == 4


def test_page_of_a_post_shows_its_text(shop: Path) -> None:
    text = Path(preview("teaser", "--no-open").strip()).read_text("utf-8")

    assert "<pre>Which ring will it be?\n</pre>" in text or "<pre>Which ring will it be?</pre>" in text
    assert "<iframe" not in text


def test_at_a_terminal_the_browser_is_asked_to_show_the_page(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = shop / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {shop}/asked\n')
    browser.chmod(0o755)
    monkeypatch.setenv("BROWSER", f"{browser} %s")

    shown = at_terminal(shop, "preview", "offer-email", "--open", "--now", "2026-11-20")

    assert shown.code == 0
    asked = (shop / "asked").read_text().strip()
    assert asked.startswith("file:///")
    assert asked.endswith(".html")
    assert "opened; delete it when you have read it" in shown.text


def test_day_and_night_are_settled_whatever_the_machine_prefers() -> None:
    html = "<head></head><style>@media (prefers-color-scheme: dark) { p {} } @media (prefers-color-scheme:light) {}</style>"

    by_night, by_day = (preview_page.settled(html, dark=dark) for dark in (True, False))

    assert by_night.endswith("@media (min-width: 0px) { p {} } @media (max-width: 0px) {}</style>")
    assert by_day.endswith("@media (max-width: 0px) { p {} } @media (min-width: 0px) {}</style>")


def test_page_in_a_browser_runs_nothing_loads_nothing_and_shows_night_by_night(
    shop: Path, listener: tuple[ThreadingHTTPServer, list[str]]
) -> None:
    text = (shop / "shop.yaml").read_text("utf-8")
    server, hits = listener
    said = """        text: "Hello {{ contact.first_name }}, {{ offer.terms }} until {{ offer.until | date }}."\n"""
    hostile = HOSTILE.replace("PORT", str(server.server_port))
    (shop / "offer.html").write_text(hostile, encoding="utf-8")
    (shop / "bare.html").write_text(hostile, encoding="utf-8")
    assert said in text
    (shop / "shop.yaml").write_text(text.replace(said, "        template: offer.html\n"), encoding="utf-8")
    path = Path(preview("offer-email", "--no-open").strip())

    with chromium(shop / "temporary") as browser:
        browser.open(path, width=1600, height=2000)  # frames out of sight are not drawn
        picture = browser.picture()
        boxes = browser.evaluate(
            "[...document.querySelectorAll('iframe')].map(f => { const b = f.getBoundingClientRect();"
            " return [Math.round(b.left + 20), Math.round(b.top + 30)] })"
        )
        title, loaded = browser.evaluate("document.title"), list(hits)
        browser.open(shop / "bare.html")  # the same without the page around it: the listener does listen
        bare = browser.evaluate("document.title")

    assert title == "Léa, 30 % off"
    assert loaded == []
    assert bare == "run"
    assert {"/pixel.png", "/frame", "/paper.png"} <= set(hits)
    papers = [picture.getpixel((x, y)) for x, y in boxes]
    assert papers == [(243, 244, 246), (15, 17, 21), (243, 244, 246), (15, 17, 21)]
