"""Every picture of a mail has words for those who do not see it: most mail programs load none at first (WCAG 1.1.1)."""

from collections.abc import Iterator

from campaigns.finding import Level
from campaigns.lint.rule import Rule, Trouble, View


def check(view: View) -> Iterator[Trouble]:
    """Yield pictures without `alt`, and linked ones whose link says nothing without them."""
    for letter in view.letters:
        for picture in letter.page.pictures:
            where = letter.where(f"]({picture.source}", picture.source, picture.source.rpartition("/")[2])
            if picture.is_link and not (picture.alt or "").strip():
                message = f"{letter.touch}: the link of the picture {picture.source[:60]!r} says nothing without it"
                yield Trouble(message, where, "describe where it leads: `![our rings](...)`, or `alt=` in HTML")
            elif picture.alt is None:
                message = f"{letter.touch}: the picture {picture.source[:60]!r} has no `alt`"
                yield Trouble(message, where, 'say what it shows, or write alt="" where it is mere ornament')


RULE = Rule("image-alt", Level.WARNING, "pictures of mails are described", check, needs="letters")
