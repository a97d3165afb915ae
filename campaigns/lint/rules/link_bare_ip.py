"""Links lead to names: an address of numbers says nothing to a reader and everything to a spam filter."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from campaigns.finding import Level
from campaigns.lint.rule import Rule, Trouble, View

# 192.0.2.1, 3221225985, 0xC0000201, 127.1 and [2001:db8::1]: everything that browsers read as an address of numbers.
_NUMBERS = re.compile(r"(?:0x[0-9a-f]+|[0-9]+)(?:\.(?:0x[0-9a-f]+|[0-9]+)){0,3}\.?|.*:.*", re.IGNORECASE)


def check(view: View) -> Iterator[Trouble]:
    """Yield every link to a host without a name."""
    for letter in view.letters:
        for link in letter.page.links:
            host = _host(link.href)
            if host and _NUMBERS.fullmatch(host):
                message = f"{letter.touch}: a link leads to {host}, a host without a name"
                yield Trouble(message, letter.where(link.href, host), "use the name of your site, with https://")


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "") if url.lower().startswith(("http:", "https:", "//")) else ""
    except ValueError:
        return ""


RULE = Rule("link-bare-ip", Level.WARNING, "links lead to hosts with names", check, needs="letters")
