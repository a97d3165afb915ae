"""A subject speaks; capitals and rows of exclamation marks are what filters and people take for shouting."""

import re
from collections.abc import Iterator

from campaigns.finding import Level
from campaigns.lint.rule import Rule, Trouble, View

_WORD = re.compile(r"[^\W\d_]{2,}")
_MARKS = re.compile(r"[!?]{2,}|[!！]")


def check(view: View) -> Iterator[Trouble]:
    """Yield subjects of which more than half of the letters are in words of capitals, or with more than one `!`."""
    for letter in view.letters:
        words = _WORD.findall(letter.subject)
        letters = sum(map(len, words))
        loud = sum(len(word) for word in words if word.isupper() and len(word) > 2)
        place = letter.place_of("subject")
        if letters >= 6 and loud * 2 > letters:
            share = round(100 * loud / letters)
            message = (
                f"the subject of {letter.touch} shouts: {share} % of it are words of capitals, expected at most 50 %"
            )
            yield Trouble(message, place, "write it as you would say it")
        marks = sum(len(mark) for mark in _MARKS.findall(letter.subject) if "!" in mark or "！" in mark)
        if marks > 1:
            message = f"the subject of {letter.touch} shouts: {marks} exclamation marks, expected at most 1"
            yield Trouble(message, place, "leave one, or none")


RULE = Rule("subject-shouts", Level.WARNING, "subjects do not shout", check, needs="letters")
