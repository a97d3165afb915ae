"""The words behind the subject are used: without a preheader the inbox shows whatever the mail begins with."""

from collections.abc import Iterator

from campaigns.finding import Level
from campaigns.lint.rule import Rule, Trouble, View

LIMIT = 130  # characters; no inbox shows more


def check(view: View) -> Iterator[Trouble]:
    """Yield marketing mails without a preheader, with one that repeats the subject, and any that is too long."""
    for letter in view.letters:
        said, size = letter.preheader, len(letter.preheader)
        if not said and letter.is_marketing:
            message = f"{letter.touch} has no preheader; the inbox shows how the mail begins"
            yield Trouble(
                message, letter.place_of("subject"), "write a `preheader:` that goes on where the subject ends"
            )
        elif said and said.casefold().strip(" .!") == letter.subject.casefold().strip(" .!"):
            message = f"the preheader of {letter.touch} says what the subject says"
            yield Trouble(message, letter.place_of("preheader"), "go on where the subject ends")
        elif size > LIMIT:
            message = f"the preheader of {letter.touch} has {size} characters, expected at most {LIMIT}"
            yield Trouble(message, letter.place_of("preheader"), "say it in one short sentence")


RULE = Rule("preheader", Level.NOTE, "marketing mails have a preheader of their own", check, needs="letters")
