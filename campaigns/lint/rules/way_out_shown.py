"""Both parts of a marketing mail show the way to unsubscribe: with a footer of one's own it is easily left out."""

from collections.abc import Iterator

from campaigns.finding import Level
from campaigns.lint.rule import Rule, Trouble, View


def check(view: View) -> Iterator[Trouble]:
    """Yield every marketing mail without its way out in the text, or without a link to it in the HTML."""
    for letter in view.letters:
        if not letter.is_marketing or not letter.unsubscribe:
            continue
        missing = []
        if letter.unsubscribe.removeprefix("mailto:") not in letter.text:
            missing.append("text")
        if letter.html is not None and letter.unsubscribe not in (link.href for link in letter.page.links):
            missing.append("HTML")
        if missing:
            yield Trouble(
                f"{letter.touch}: no way to unsubscribe in the {' and the '.join(missing)}",
                letter.place,
                "link to {{ mail.unsubscribe }} in layouts/footer.html and layouts/footer.txt",
            )


RULE = Rule(
    "way-out-shown", Level.ERROR, "marketing mails show the way to unsubscribe", check, needs="letters", protects=True
)
