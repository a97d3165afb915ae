"""Words stand out from their paper: at least 4.5 to 1, large ones 3 to 1 (WCAG 2.2, 1.4.3, level AA)."""

from collections.abc import Iterator

from campaigns.finding import Level
from campaigns.lint.page import contrast
from campaigns.lint.rule import Rule, Trouble, View

_LEAST, _LEAST_LARGE = 4.5, 3.0


def check(view: View) -> Iterator[Trouble]:
    """Yield the words of each mail that are too near to the colour behind them; what is hidden is not seen."""
    for letter in view.letters:
        for words in letter.page.words:
            if words.ink is None or words.paper is None:
                continue
            least = _LEAST_LARGE if words.is_large else _LEAST
            if (ratio := contrast(words.ink, words.paper)) < least:
                ink, paper = ("#" + "".join(f"{part:02x}" for part in colour) for colour in (words.ink, words.paper))
                says = " ".join(words.text.split())[:30]
                yield Trouble(
                    f"{letter.touch}: {says!r} is {ink} on {paper}, {ratio:.1f} to 1; expected at least {least} to 1",
                    letter.where(says),
                    "take a darker colour for the words, or a lighter one behind them",
                )


RULE = Rule("contrast", Level.WARNING, "words stand out from their background", check, needs="letters")
