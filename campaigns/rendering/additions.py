"""What the product adds to the parts of a mail that its author left out: footer and preheader; nothing is written here.

An author who shows the way out and the postal address has a footer of their own, and gets none beside it. What a mail
shows is seen in the mail, not in its templates: a line under a condition may be missing for this reader.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from html import escape

from campaigns.rendering.run import MARK

_BODY_END = re.compile(r"</body\s*>(?![\s\S]*</body\s*>)", re.IGNORECASE)
# The first of these behind which words of the page may stand; what is in a comment is for Outlook alone.
_COMMENT = r"<!--.*?-->|"
_HEADS = tuple(
    re.compile(f"{_COMMENT}({head})", re.IGNORECASE | re.DOTALL)
    for head in (r"<body(?:[^>\"']|\"[^\"]*\"|'[^']*')*>", r"</head\s*>", r"<html\b[^>]*>", r"<!doctype\b[^>]*>")
)

Slot = Callable[[int], str]  # the value that the mark of this number stands for


def with_footer(html: str, footer: str, mail: Mapping[str, object], slot: Slot) -> str:
    """Return `html` with the footer in it: where its layout put it, else at the end of the body where it is missing.

    `mail` is what layouts see of the mail (`Mails.context`).
    """
    if not footer or footer in html or _is_footed(html, mail, slot):
        return html
    if (end := _BODY_END.search(html)) is None:
        return html + footer
    return html[: end.start()] + footer + html[end.start() :]


def with_preheader(page: str, hidden: str, mail: Mapping[str, object], slot: Slot) -> str:
    """Return a whole page with the hidden block of its preheader first, unless the page shows the preheader itself."""
    if not hidden or shows(page, str(mail["preheader"]), slot):
        return page
    for head in _HEADS:
        for found in head.finditer(page):
            if found[1] is not None:
                return page[: found.end()] + hidden + page[found.end() :]
    return hidden + page


def shows(html: str, value: str, slot: Slot) -> bool:
    """Whether `value`, and nothing else, is what one of the marks in `html` stands for."""
    return any(slot(int(mark[1])) == value for mark in MARK.finditer(html))


def is_footed(text: str, mail: Mapping[str, object]) -> bool:
    """Whether a text part says by itself how to stop and who sends it."""
    address, unsubscribe = _due(mail)
    if unsubscribe not in text or not (address or unsubscribe):
        return False
    return " ".join(address.split()) in " ".join(text.split())


def _is_footed(html: str, mail: Mapping[str, object], slot: Slot) -> bool:
    address, unsubscribe = _due(mail)
    if not (address or unsubscribe) or (unsubscribe and not shows(html, unsubscribe, slot)):
        return False
    return address in html or escape(address) in html or shows(html, address, slot)


def _due(mail: Mapping[str, object]) -> tuple[str, str]:
    """Return what a footer has to show: the postal address, the way out; empty where there is none."""
    return str(mail["address"]), str(mail["unsubscribe"])
