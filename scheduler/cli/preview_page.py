"""One message as a page for the browser: its headers, both parts, by day and by night, on a desk and on a phone.

The page holds everything itself and loads nothing: no script runs in it, no picture, style or frame is fetched, no link
leads away. Each form of the HTML stands in a frame of its own (`sandbox`), with the colours of day or night settled.
"""

from __future__ import annotations

import os
import re
import tempfile
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scheduler.channels.base import Message

# Nothing is loaded, nothing runs, forms go nowhere; frames with a text of their own are not loaded from anywhere.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'"
_SCHEME = re.compile(r"\(\s*prefers-color-scheme\s*:\s*(dark|light)\s*\)", re.IGNORECASE)
_HEAD = re.compile(r"<head[^>]*>", re.IGNORECASE)
_FRAMES = (
    ("By day", 700, False),
    ("By night", 700, True),
    ("Phone, by day", 375, False),
    ("Phone, by night", 375, True),
)
_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ margin: 0; padding: 24px; font: 15px/1.5 system-ui, sans-serif; background: #e5e7eb; color: #14171f; }}
h1 {{ margin: 0 0 4px 0; font-size: 24px; line-height: 1.25; }}
h2 {{ margin: 24px 0 8px 0; font-size: 15px; }}
.preheader {{ margin: 0 0 16px 0; color: #4b5262; }}
table {{ border-collapse: collapse; }}
th {{ padding: 2px 16px 2px 0; text-align: left; vertical-align: top; color: #4b5262; font-weight: 600; }}
td {{ padding: 2px 0; overflow-wrap: anywhere; }}
.frames {{ display: flex; flex-wrap: wrap; gap: 24px; }}
figure {{ margin: 0; max-width: 100%; }}
figcaption {{ padding: 0 0 6px 0; font-weight: 600; }}
iframe {{ display: block; max-width: 100%; height: 760px; border: 1px solid #9aa1b1; border-radius: 8px;
  background: #fff; }}
pre {{ max-width: 76ch; margin: 0; padding: 16px; background: #fff; border-radius: 8px; white-space: pre-wrap;
  overflow-wrap: anywhere; font: 14px/1.5 ui-monospace, monospace; }}
</style>
</head>
<body>
<h1>{title}</h1>
<p class="preheader">{preheader}</p>
<table>
{headers}
</table>
{html}
<h2>{text_title}</h2>
<pre>{text}</pre>
</body>
</html>
"""


def page(made: Message, headers: list[tuple[str, str]]) -> str:
    """Return the page of a message as HTML; `headers` are the pairs of name and value that stand above it."""
    content = made.content
    rows = [f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in headers]
    frames = "" if content.html is None else _frames(content.html)
    return _PAGE.format(
        policy=POLICY,
        title=escape(content.subject or made.touch),
        preheader=escape(content.preheader),
        headers="\n".join(rows),
        html=frames,
        text_title="Text part" if content.html is not None else "Text",
        text=escape(content.text),
    )


def _frames(html: str) -> str:
    figures = [
        f"<figure><figcaption>{escape(title)}</figcaption>"
        f'<iframe title="{escape(title)}" sandbox width="{width}" srcdoc="{escape(settled(html, dark=dark))}"></iframe>'
        "</figure>"
        for title, width, dark in _FRAMES
    ]
    note = "<p>Pictures are not loaded here, and links lead nowhere.</p>"
    return f'<h2>HTML part</h2>\n{note}\n<div class="frames">\n' + "\n".join(figures) + "\n</div>"


def settled(html: str, *, dark: bool) -> str:
    """Return a mail with its colours of day or night settled, whatever the machine prefers, and loading nothing."""

    def answer(asked: re.Match[str]) -> str:
        return "(min-width: 0px)" if (asked[1].lower() == "dark") is dark else "(max-width: 0px)"

    own = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    own += f"<style>:root {{ color-scheme: {'dark' if dark else 'light'} !important; }}</style>"
    said = _SCHEME.sub(answer, html)
    head = _HEAD.search(said)
    return own + said if head is None else said[: head.end()] + own + said[head.end() :]


def write(touch: str, text: str) -> Path:
    """Write a page into a file of the temporary folder that only this user can read; return its path."""
    handle, name = tempfile.mkstemp(suffix=".html", prefix=f"{touch}-")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    return Path(name)


def open_in_browser(path: Path) -> bool:
    """Show a file in the user's browser ($BROWSER, else what the machine has); False where there is none."""
    import webbrowser

    try:
        return webbrowser.open(path.as_uri())
    except (webbrowser.Error, OSError):
        return False
