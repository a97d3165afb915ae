"""A condition on a fact asks whether there is any text in it: `no` is a text, and so counts as yes."""

from collections.abc import Iterator

from campaigns.errors import Place
from campaigns.finding import Level
from campaigns.lint.letter import Letter
from campaigns.lint.posting import Posting
from campaigns.lint.rule import Rule, Trouble, View


def check(view: View) -> Iterator[Trouble]:
    """Yield each condition on a fact that says yes or no in words, with the first reader who has it so."""
    messages: tuple[Letter | Posting, ...] = (*view.letters, *view.postings)
    told: set[tuple[str, str, Place]] = set()
    for one in messages:
        for fact, word, place in one.worded:
            if (one.touch, fact, place) not in told:
                told.add((one.touch, fact, place))
                message = f"{one.touch} asks for contact.{fact}, for {one.reader} the text {word!r}: any text is a yes"
                yield Trouble(message, place, f"write true or false, or import it by `--map {fact}={fact}:yes-no`")


RULE = Rule("yes-no-text", Level.WARNING, "conditions ask for true and false, not for words", check)
