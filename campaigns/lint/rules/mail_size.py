"""A mail fits into what Gmail shows: it clips the HTML beyond 102 KB, and with it the way to unsubscribe."""

from collections.abc import Iterator

from campaigns.finding import Level
from campaigns.lint.letter import Letter
from campaigns.lint.rule import Rule, Trouble, View

LIMIT = 102 * 1024  # bytes of the HTML part


def check(view: View) -> Iterator[Trouble]:
    """Yield every mail that is too long for its longest reader."""
    longest: dict[str, tuple[int, Letter]] = {}
    for letter in view.letters:
        size = len((letter.html or "").encode())
        if size > longest.get(letter.touch, (LIMIT, letter))[0]:
            longest[letter.touch] = size, letter
    for size, letter in longest.values():
        yield Trouble(
            f"{letter.touch} has {size / 1024:.0f} KB of HTML for {letter.reader}; Gmail clips what is over 102 KB",
            letter.place_of("body"),
            "shorten it, or show fewer items: `{% for item in event['items'][:6] %}`",
        )


RULE = Rule("mail-size", Level.WARNING, "mails are short enough to be shown whole", check, needs="letters")
