"""Both parts of a marketing mail show the sender's postal address (CAN-SPAM, 15 U.S.C. 7704(a)(5))."""

from collections.abc import Iterator

from campaigns.finding import Level
from campaigns.lint.rule import Rule, Trouble, View


def check(view: View) -> Iterator[Trouble]:
    """Yield every marketing mail without the postal address in a part."""
    for letter in view.letters:
        if not letter.is_marketing or not letter.address:
            continue
        wanted = " ".join(letter.address.split())
        missing = [] if wanted in " ".join(letter.text.split()) else ["text"]
        missing += ["HTML"] if letter.html is not None and wanted not in letter.page.text else []
        if missing:
            yield Trouble(
                f"{letter.touch}: no postal address in the {' and the '.join(missing)}",
                letter.place,
                "show {{ mail.address }} in layouts/footer.html and layouts/footer.txt",
            )


RULE = Rule(
    "address-shown", Level.ERROR, "marketing mails show the postal address", check, needs="letters", protects=True
)
