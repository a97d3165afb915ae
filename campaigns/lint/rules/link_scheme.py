"""Links and pictures have an address of their own: scripts run nowhere, pictures as `data:` are shown nowhere.

What is written so in a link of a template is told by the check of the templates already.
"""

import re
from collections.abc import Iterator

from campaigns.finding import Level
from campaigns.lint.rule import Rule, Trouble, View

_REFUSED = re.compile(r"[\s\x00-\x1f]*((?:java|vb)script|data|file)\s*:", re.IGNORECASE)


def check(view: View) -> Iterator[Trouble]:
    """Yield every link and picture of a finished mail that is no address of a page, a mailbox or a phone."""
    for letter in view.letters:
        links = [("link", link.href) for link in letter.page.links]
        pictures = [("picture", picture.source) for picture in letter.page.pictures]
        for what, target in (*links, *pictures):
            match = _REFUSED.match(target)
            if match is not None:
                yield Trouble(
                    f"{letter.touch}: a {what} begins with {match[1].lower()}:",
                    letter.where(target[:60], f"{match[1]}:"),
                    "expected https://... (a link also mailto: or tel:)",
                )


RULE = Rule("link-scheme", Level.ERROR, "links and pictures have addresses", check, "letters", protects=True)
