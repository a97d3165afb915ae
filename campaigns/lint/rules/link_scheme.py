"""Links and pictures have an address that leads somewhere from a mailbox: a page, a mail, a call; no path of a site.

Scripts run nowhere, and pictures as `data:` are shown nowhere. What is written so in a link of a template is told by
the check of the templates already.
"""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from campaigns.errors import Place
from campaigns.finding import Level
from campaigns.lint.letter import Letter
from campaigns.lint.rule import Rule, Trouble, View

_REFUSED = re.compile(r"[\s\x00-\x1f]*((?:java|vb)script|data|file)\s*:", re.IGNORECASE)
_SCHEME = re.compile(r"[a-z][a-z0-9+-]*:", re.IGNORECASE)  # with a dot it is a host: www.shop.example:8080/rings
_WEB = ("http", "https")
_LINK, _PICTURE = "a link", "a picture"


def check(view: View) -> Iterator[Trouble]:
    """Yield every link and picture of a finished mail that leads nowhere when it is opened from a mailbox."""
    for letter in view.letters:
        links = [(_LINK, link.href, link.says) for link in letter.page.links]
        pictures = [(_PICTURE, picture.source, picture.alt or "") for picture in letter.page.pictures]
        for what, written, says in (*links, *pictures):
            target = written.strip()
            if (match := _REFUSED.match(target)) is not None:
                yield Trouble(
                    f"{letter.touch}: {what} begins with {match[1].lower()}:",
                    letter.where(target[:60], f"{match[1]}:"),
                    "expected https://... (a link also mailto: or tel:)",
                )
            elif not (_is_page(target) if what == _PICTURE else _leads(target)):
                shown = f"has no web address: {target[:60]!r}" if target else "has no address"
                named = f" ({says[:30]!r})" if says else ""
                yield Trouble(f"{letter.touch}: {what}{named} {shown}", _place(letter, target, says), _remedy(what))


def _leads(target: str) -> bool:
    """Whether a link leads to a page, to a place in the mail itself, or to a program by a scheme of its own."""
    scheme = _SCHEME.match(target)
    if scheme is None:
        return len(target) > 1 and target.startswith("#")
    return _is_page(target) if scheme[0][:-1].lower() in _WEB else len(target) > scheme.end()


def _is_page(target: str) -> bool:
    try:
        parts = urlsplit(target)
    except ValueError:
        return False
    return parts.scheme in _WEB and bool(parts.hostname)


def _place(letter: Letter, target: str, says: str) -> Place:
    """Return the line it is written in: as Markdown, as HTML, else one that says the same."""
    return letter.where(f"]({target})", f'="{target}"', f"='{target}'", target, says)


def _remedy(what: str) -> str:
    if what == _PICTURE:
        return "put it on the web: https://..."
    return "write it whole: https://..., or mailto:, tel:, sms:, or # and a place in the mail"


RULE = Rule("link-scheme", Level.ERROR, "links and pictures have addresses", check, "letters", protects=True)
