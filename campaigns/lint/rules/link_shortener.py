"""Links show where they lead: those of shorteners are shared with spammers and are blocked for them."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from campaigns.finding import Level
from campaigns.lint.rule import Rule, Trouble, View

SHORTENERS = frozenset(
    {
        *("bit.ly", "bl.ink", "buff.ly", "clck.ru", "cutt.ly", "goo.gl", "goo.su", "is.gd", "lnkd.in", "ow.ly"),
        *("qr.ae", "rb.gy", "rebrand.ly", "s.id", "short.io", "shorturl.at", "soo.gd", "t.co", "t.ly", "tiny.cc"),
        *("tinyurl.com", "u.to", "urlz.fr", "v.gd", "vk.cc"),
    }
)


def check(view: View) -> Iterator[Trouble]:
    """Yield every link to a public shortener."""
    for letter in view.letters:
        for link in letter.page.links:
            try:
                host = (urlsplit(link.href).hostname or "").removeprefix("www.")
            except ValueError:
                continue
            if host in SHORTENERS:
                message = f"{letter.touch}: a link goes through the shortener {host}"
                yield Trouble(message, letter.where(link.href, host), "link to the page itself; nobody sees its length")


RULE = Rule("link-shortener", Level.WARNING, "links do not go through shorteners", check, needs="letters")
