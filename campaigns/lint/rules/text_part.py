"""The text part says what the HTML says: whoever reads it should miss nothing."""

from collections.abc import Iterator

from campaigns.finding import Level
from campaigns.lint.rule import Rule, Trouble, View

_SHARE = 0.25
_LEAST = 40  # words of HTML from which on it matters


def check(view: View) -> Iterator[Trouble]:
    """Yield every mail whose text part is missing, or has less than a quarter of the words of its HTML."""
    for letter in view.letters:
        text, html = len(letter.text.split()), len(letter.page.text.split())
        if not letter.text.strip():
            message = f"{letter.touch} has no text part"
        elif html >= _LEAST and text < html * _SHARE:
            message = f"the text part of {letter.touch} has {text} words, the HTML {html}; expected at least a quarter"
        else:
            continue
        yield Trouble(
            message, letter.place_of("text"), "write what the HTML says, or leave `text:` out to have it made"
        )


RULE = Rule("text-part", Level.WARNING, "text parts say what the HTML says", check, needs="letters")
