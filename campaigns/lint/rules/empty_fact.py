"""A fact that may be empty is not written as it is: `, your basket waits` is what people without a first name get."""

from collections.abc import Iterator

from campaigns.errors import Place
from campaigns.finding import Level
from campaigns.lint.letter import Letter
from campaigns.lint.posting import Posting
from campaigns.lint.rule import Rule, Trouble, View
from campaigns.lint.wording import listed


def check(view: View) -> Iterator[Trouble]:
    """Yield each place that leaves a gap in somebody's message, with the readers who would get it."""
    readers: dict[tuple[str, str, Place], list[str]] = {}
    messages: tuple[Letter | Posting, ...] = (*view.letters, *view.postings)
    for one in messages:
        for fact, place in one.gaps:
            readers.setdefault((one.touch, fact, place), []).append(one.reader)
    for (touch, fact, place), names in readers.items():
        yield Trouble(
            f"{touch} has a gap for {listed(tuple(dict.fromkeys(names)))}: contact.{fact} is empty",
            place,
            f"`contact.{fact} | default('...', true)`, or what is around it in `{{% if contact.{fact} %}}`",
        )


RULE = Rule("empty-fact", Level.WARNING, "what is empty for some leaves no gap in their message", check)
