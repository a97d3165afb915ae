"""YAML text to a Campaign with every mistake at once, beside its line; the only importer of the YAML library."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import ValidationError

from campaigns.definition import Campaign, Names, apart, with_corrections
from campaigns.loader import checks, wording
from campaigns.loader.reading import read
from campaigns.loader.source import EMPTY, decode
from campaigns.loader.tree import compose

__all__ = ["load", "restore"]


def load(text: str | bytes, source: str = "campaign") -> Campaign:
    """Read one campaign file; `source` is its name in messages.

    Bytes must be UTF-8, with or without a byte order mark. Every scalar is read as the text that stands in the file.

    Raises:
        DefinitionError: every mistake of the file, in its order, each with line, column, the line itself and a remedy.
    """
    opened = decode(text, source)
    root = compose(opened)
    if root is None or root.is_empty:
        if not opened.mistakes:
            opened.report("empty", "the file is empty", opened.place(0, 0), EMPTY)
        opened.raise_mistakes()
    assert root is not None
    document = read(opened, root)
    campaign: Campaign | None = None
    if not document.broken & {()}:
        names = Names.of(document.data, document.broken)
        try:
            campaign = Campaign.model_validate(document.data, context=names)
        except ValidationError as error:
            wording.report(document, error)
        checks.check(document, names)
    opened.raise_mistakes()
    assert campaign is not None
    return with_corrections(apart(campaign.placed(source, document.places())))


def restore(data: Mapping[str, object]) -> Campaign:
    """Return the campaign whose `model_dump(mode="json", by_alias=True)` is `data`, with or without its defaults.

    Raises:
        pydantic.ValidationError: `data` is not such a dump.
    """
    return Campaign.model_validate(data, context=Names.of(data, applied=True))
