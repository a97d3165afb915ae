"""The web links of a finished mail: which there are, where each leads, and others put in their places; pure text.

Works on HTML as the renderer finishes it, whose quoting is regular: every link is ` href="..."` inside `<a ...>`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from html import unescape
from itertools import pairwise
from urllib.parse import quote, unquote, urlsplit

LONGEST = 2_000  # characters of a destination; browsers and proxies cut what is longer
_HREF = ' href="'
_SHORTEST_WORD = 3  # of what tells a person: shorter ones stand in every other address by chance
# Everything an address may hold besides letters and digits (RFC 3986 2.2, 2.3), and `%` of what is encoded already.
_ADDRESS = "!#$%&'()*+,-./:;=?@_~[]"


@dataclass(frozen=True, slots=True)
class Replaced:
    """A mail with other links in their places, and those of its web links, as written, that nothing is known of."""

    html: str
    unknown: tuple[str, ...]


def replaced(html: str, places: Mapping[str, int], address: Callable[[int], str], tail: str) -> Replaced:
    """Return `html` with `address(number)` for each link that has a number in `places`, and `tail` at its end.

    What has the number 0 stays as it is, and so does what is unknown to `places`; the end is before the last `</body>`.
    An address has no character that HTML escapes. One pass over the mail: it is done for every one of a mailing.
    """
    pieces = html.split(_HREF)
    done, unknown = [pieces[0]], []
    for before, piece in pairwise(pieces):
        href = piece[: piece.find('"')]
        number = places.get(href)
        done.append(_HREF)
        if number and _in_anchor(before):
            done += (address(number), piece[len(href) :])
            continue
        done.append(piece)
        if number is None and _is_web(href) and _in_anchor(before):
            unknown.append(href)
    written = "".join(done)
    end = written.rfind("</body>")
    return Replaced(written + tail if end < 0 else f"{written[:end]}{tail}{written[end:]}", tuple(unknown))


def destination(href: str) -> str | None:
    """Return the address that a link leads to, in the letters a `Location` header may hold; None for what is no link.

    A whole http(s) address of at most `LONGEST` characters with a host of its own, without a user in it and without
    control characters, spaces or backslashes, which browsers read as slashes.
    """
    return checked(unescape(href))


def checked(url: str) -> str | None:
    """Return an address as `destination` does, out of text that is not HTML."""
    if len(url) > LONGEST or not url.isprintable() or " " in url or "\\" in url:
        return None
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not host or not host.isascii() or "@" in parts.netloc:
        return None
    url = quote(url, safe=_ADDRESS)
    return url if len(url) <= LONGEST else None


def names_somebody(url: str, words: Collection[str]) -> bool:
    """Whether an address holds one of the words that tell who somebody is: an e-mail address, a number of theirs."""
    said = unquote(url).lower()
    return any(word.lower() in said for word in words if len(word) >= _SHORTEST_WORD)


def with_utm(url: str, domains: Collection[str], values: Mapping[str, str]) -> str:
    """Return an address with `utm_` parameters where it has none of their own yet; order and fragment stay.

    `values` are by the name behind `utm_`. Only for the `domains` (lower case) and what lies under them: other sites
    did not ask to be told who sends them readers.
    """
    host = (urlsplit(url).hostname or "").lower()
    if not any(host == domain or host.endswith(f".{domain}") for domain in domains):
        return url
    head, mark, fragment = url.partition("#")
    base, _, query = head.partition("?")
    known = {part.partition("=")[0].lower() for part in query.split("&")}
    more = [f"utm_{name}={quote(value, safe='')}" for name, value in values.items() if f"utm_{name}" not in known]
    if not more:
        return url
    asked = "&".join(part for part in (query, *more) if part)
    return f"{base}?{asked}{mark}{fragment}"


def _is_web(href: str) -> bool:
    return href[:7].lower() == "http://" or href[:8].lower() == "https://"


def _in_anchor(before: str) -> bool:
    """Whether the text before an attribute has an `<a ` open."""
    start = before.rfind("<")
    return before.startswith(("a ", "A "), start + 1) or before[start + 1 :].lower() == "a"
