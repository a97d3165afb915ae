"""Words stand out from their paper: at least 4.5 to 1, large ones 3 to 1 (WCAG 2.2, 1.4.3, level AA)."""

from collections.abc import Iterable, Iterator

from campaigns.finding import Level
from campaigns.lint.letter import Letter
from campaigns.lint.page import Words, contrast
from campaigns.lint.rule import Rule, Trouble, View

_LEAST, _LEAST_LARGE = 4.5, 3.0
_DAY = "take a darker colour for the words, or a lighter one behind them"
_NIGHT = "write both, the colour of the words and the one behind them, or take a class of look.css"


def check(view: View) -> Iterator[Trouble]:
    """Yield the words of each mail that are too near to the colour behind them; what is hidden is not seen.

    By night those that are so in the mail's dark form, and are well to read by day.
    """
    for letter in view.letters:
        by_day = {words.text for words in _faint(letter.page.words)}
        for words in _faint(letter.page.words):
            yield _trouble(letter, words, "", _DAY)
        for words in _faint(letter.night.words):
            if words.text not in by_day:
                yield _trouble(letter, words, " by night", _NIGHT)


def _faint(words: Iterable[Words]) -> Iterator[Words]:
    for one in words:
        if one.ink is not None and one.paper is not None and contrast(one.ink, one.paper) < _least(one):
            yield one


def _least(words: Words) -> float:
    return _LEAST_LARGE if words.is_large else _LEAST


def _trouble(letter: Letter, words: Words, when: str, remedy: str) -> Trouble:
    assert words.ink is not None
    assert words.paper is not None
    ink, paper = ("#" + "".join(f"{part:02x}" for part in colour) for colour in (words.ink, words.paper))
    ratio, says = contrast(words.ink, words.paper), " ".join(words.text.split())[:30]
    shown = f"{letter.touch}: {says!r} is {ink} on {paper}{when}"
    message = f"{shown}, {ratio:.1f} to 1; expected at least {_least(words)} to 1"
    return Trouble(message, letter.where(says), remedy)


RULE = Rule("contrast", Level.WARNING, "words stand out from their background", check, needs="letters")
