"""Links bear no personal data: addresses in them end in logs, in histories and with whoever the page loads from."""

import re
from collections.abc import Iterator
from urllib.parse import unquote

from campaigns.finding import Level
from campaigns.lint.rule import Rule, Trouble, View


def check(view: View) -> Iterator[Trouble]:
    """Yield links and pictures with the reader's mailbox or phone number in their address, however encoded."""
    for letter in view.letters:
        links = [link.href for link in letter.page.links if not link.href.lower().startswith(("mailto:", "tel:"))]
        for url in dict.fromkeys([*links, *(one.source for one in letter.page.pictures)]):
            plain = unquote(unquote(url)).casefold()
            digits = re.sub(r"\D", "", plain)
            for own in letter.private:
                number = re.sub(r"\D", "", own)
                is_there = own.casefold() in plain if "@" in own else len(number) >= 7 and number in digits
                if is_there:
                    what = "mail address" if "@" in own else "phone number"
                    host = url.partition("?")[0][:60]
                    yield Trouble(
                        f"{letter.touch}: the link to {host} bears the reader's {what}",
                        letter.where("contact.email" if "@" in own else "contact.phone", "contact['", host),
                        "link by a number that means nothing elsewhere, such as `contact.ref`",
                    )


RULE = Rule("link-personal-data", Level.WARNING, "links bear no personal data", check, needs="letters")
