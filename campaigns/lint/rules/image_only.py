"""A mail has words and is no mere picture: filters cannot read one, and who loads no pictures sees nothing."""

from collections.abc import Iterator

from campaigns.finding import Level
from campaigns.lint.rule import Rule, Trouble, View

LEAST = 100  # characters of text above the footer


def check(view: View) -> Iterator[Trouble]:
    """Yield every mail with a picture and hardly a word beside it."""
    for letter in view.letters:
        page = letter.page
        size = len(page.letter)
        if page.pictures and size < LEAST:
            yield Trouble(
                f"{letter.touch} has {size} characters of text beside {_counted(len(page.pictures))},"
                f" expected at least {LEAST}",
                letter.where(page.pictures[0].source),
                "say in words what the picture says",
            )


def _counted(pictures: int) -> str:
    return "one picture" if pictures == 1 else f"{pictures} pictures"


RULE = Rule("image-only", Level.WARNING, "mails say in words what their pictures say", check, needs="letters")
