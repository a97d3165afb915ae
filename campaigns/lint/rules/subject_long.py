"""A subject is read whole: inboxes on a desk show about 70 characters, a phone about 40."""

from collections.abc import Iterator

from campaigns.finding import Level
from campaigns.lint.letter import Letter
from campaigns.lint.rule import Rule, Trouble, View

LIMIT = 70


def check(view: View) -> Iterator[Trouble]:
    """Yield every mail whose subject is too long for the reader for whom it is longest."""
    longest: dict[str, Letter] = {}
    for letter in view.letters:
        known = longest.setdefault(letter.touch, letter)
        if len(letter.subject) > len(known.subject):
            longest[letter.touch] = letter
    for letter in longest.values():
        if (size := len(letter.subject)) > LIMIT:
            yield Trouble(
                f"the subject of {letter.touch} has {size} characters for {letter.reader}, expected at most {LIMIT}",
                letter.place_of("subject"),
                "say what matters in the first 40, and shorten names: `| truncate(20)`",
            )


RULE = Rule("subject-long", Level.NOTE, "subjects are short enough to be read whole", check, needs="letters")
