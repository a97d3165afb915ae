"""A mail out of its parts: body and layout, footer in the campaign's language, styles inlined, and the text part."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from html import escape

from markupsafe import Markup

from campaigns.errors import RenderError
from campaigns.rendering.additions import is_footed, with_footer, with_preheader
from campaigns.rendering.engine import Engine
from campaigns.rendering.environment import Part
from campaigns.rendering.faults import explained
from campaigns.rendering.markdown import to_html
from campaigns.rendering.plaintext import read_aloud
from campaigns.rendering.run import MARK, MAX_OUTPUT, OPEN, Run
from campaigns.rendering.skeleton import Skeleton, check_link, cut, fill_text
from campaigns.rendering.words import words

_DOCUMENT = re.compile(r"<(?:!doctype|html|body)[\s>]", re.IGNORECASE)
# What asks for a moment or a mail program, and so cannot be said of an element beforehand.
_LATER = re.compile(
    r"::|:(?:hover|active|focus|visited|link|target|checked|before|after)\b|\[(?:data-og|owa)", re.IGNORECASE
)
_STYLE = re.compile(r"<style\b.*?</style", re.IGNORECASE | re.DOTALL)
_NAMED = re.compile(r"""\b(?:class|id)\s*=\s*(?:"[^"]*"|'[^']*')""", re.IGNORECASE)
_CLASS = re.compile(r"[\w \-]{0,100}")
_EMPTY_LINES = re.compile(r"\n[ \t]*\n")
_ADDRESS = re.compile(r"""(https?://[^\s<>"']*[^\s<>"'.,;:!?)\]])""")
_BLANK_LINES = re.compile(r"\n{3,}")


class Mails:
    """Builds the parts of mails for one campaign; what is dear is kept for messages of the same shape."""

    def __init__(self, engine: Engine, language: str) -> None:
        self._engine = engine
        self._language = language
        self._markdown = lru_cache(maxsize=64)(to_html)
        self._aloud = lru_cache(maxsize=64)(read_aloud)
        self._finished = lru_cache(maxsize=64)(_finish)

    def context(self, facts: Mapping[str, object], subject: str, preheader: str) -> dict[str, object]:
        """Return the data of a layout: the facts and, as `mail`, what the product adds."""
        campaign, links = facts["campaign"], facts["links"]
        assert isinstance(campaign, Mapping)
        assert isinstance(links, Mapping)
        mail = {
            "subject": subject,
            "preheader": preheader,
            "language": self._language,
            "brand": campaign["sender"],
            "address": campaign.get("postal_address", ""),
            "unsubscribe": links.get("unsubscribe", ""),
            "words": words(self._language),
        }
        return {**facts, "mail": mail}

    def html(
        self, part: Part, name: str, layout: str, run: Run, data: dict[str, object]
    ) -> tuple[str, str, str | None]:
        """Return the HTML of a template, with the values in it; what `text_of` reads aloud, and the layout for that.

        An HTML template may be a whole document, which has no layout.
        """
        footer = self._engine.write(Part.HTML, "layouts/footer.html", data).strip()
        seen = _with(data, footer=Markup(footer)) if part is Part.HTML else data  # noqa: S704 - our own markup
        body = self.body(part, self._engine.write(Part.HTML if part is Part.HTML else Part.MARKDOWN, name, seen))
        whole = part is Part.HTML and is_document(body)
        mail = data["mail"]
        assert isinstance(mail, dict)

        def slot(number: int) -> str:
            return run.slots[number] if number < len(run.slots) else ""

        if whole:
            hidden = self._engine.write(Part.HTML, "layouts/preheader.html", data) if mail["preheader"] else ""
            written = with_preheader(body, hidden, mail, slot)
        else:
            filled = _with(data, body=Markup(body), footer=Markup(footer))  # noqa: S704 - values in it are marks
            written = self._engine.write(Part.HTML, layout, filled)
        html = self._finish(with_footer(written, footer, mail, slot), name, run)
        read = body if whole or self.text_layout(layout) is not None else written
        return html, read, None if whole else layout

    def body(self, part: Part, written: str) -> str:
        """Return the HTML of what a template wrote: Markdown, plain text (Part.TEXT), or HTML as it is."""
        if part is Part.MARKDOWN:
            return self._markdown(written)
        return paragraphs(written) if part is Part.TEXT else written

    def aloud(self, html: str) -> str:
        """Return the text that says what `html` says."""
        return self._aloud(html)

    def text_of(self, read: str, layout: str | None, run: Run, data: dict[str, object]) -> str:
        """Return the text part: the HTML read aloud, `read`, which stands in the layout's text where it has one."""
        text, plain = self._aloud(read), self.text_layout(layout)
        if plain is not None:
            text = self._engine.write(Part.TEXT, plain, _with(data, text=text))
        return fill_text(text, run.slots)

    def text_layout(self, layout: str | None) -> str | None:
        """Return the name of the text beside a layout, None where there is none."""
        plain = None if layout is None else layout.removesuffix(".html") + ".txt"
        return plain if plain is not None and self._engine.sources.knows(plain) else None

    def skeleton(self, html: str) -> Skeleton | None:
        """Return the pieces of finished HTML; None where values inside `class` or `id` have to come first."""
        return self._finished(html)

    def with_footer(self, text: str, data: dict[str, object]) -> str:
        """Return the text part with its footer behind it, if need be. Raises: RenderError for an empty one."""
        if not text.strip():
            raise RenderError("the message is empty")
        return closed(text, self._engine.write(Part.TEXT, "layouts/footer.txt", data), data)

    def _finish(self, html: str, name: str, run: Run) -> str:
        """Return the finished HTML: styles inlined, values in their places."""
        with explained(self._engine.sources, name):
            finished = self._finished(html)
            if finished is None:
                finished = self._finished(_with_classes(html, run.slots))
            assert finished is not None
            return finished.fill(run.slots)


def closed(text: str, footer: str, data: Mapping[str, object]) -> str:
    """Return a text part with its footer, both tidied; without where that is empty, or `text` says it already."""
    mail = data["mail"]
    assert isinstance(mail, dict)
    footer = "" if is_footed(text, mail) else tidy(footer.strip())
    return tidy(text) + (f"\n\n{footer}\n" if footer else "\n")


def is_document(html: str) -> bool:
    """Whether this is a whole page, and no piece of one."""
    return _DOCUMENT.search(html) is not None


def tidy(text: str) -> str:
    """Return `text` without spaces at line ends, empty lines around it, or more than one empty line in a row."""
    lines = "\n".join([line.rstrip() for line in text.split("\n")])
    return (_BLANK_LINES.sub("\n\n", lines) if "\n\n\n" in lines else lines).strip("\n")


def paragraphs(text: str) -> str:
    """Return plain text as HTML: an empty line ends a paragraph, a line break stays one, web addresses become links."""
    blocks = [block.strip() for block in _EMPTY_LINES.split(text) if block.strip()]
    return "\n".join(f"<p>{_linked(block)}</p>" for block in blocks)


def _linked(block: str) -> str:
    parts = _ADDRESS.split(block)
    words = [escape(part, quote=False).replace("\n", "<br>\n") for part in parts[::2]]
    links = [f'<a href="{escape(part)}">{escape(part)}</a>' for part in parts[1::2]] + [""]
    return "".join(word + link for word, link in zip(words, links, strict=True))


def check_unsubscribe(address: str) -> None:
    """Raise RenderError unless the opt-out can be reached by mail or on the web."""
    check_link(address)
    if not address.startswith(("mailto:", "https://", "http://")):
        raise RenderError(
            f"cannot unsubscribe at {address[:60]!r}", remedy="expected mailto:stop@... or https://... in `senders:`"
        )


def _with(data: dict[str, object], **more: object) -> dict[str, object]:
    mail = data["mail"]
    assert isinstance(mail, dict)
    return {**data, "mail": {**mail, **more}}


def _with_classes(html: str, slots: Sequence[str]) -> str:
    """Return `html` with the values inside `class` and `id` in place, so that style sheets see them."""

    def value(mark: re.Match[str]) -> str:
        word = slots[int(mark[1])]
        if not _CLASS.fullmatch(word):
            raise RenderError(f"expected plain words as a value inside `class`, got {word[:40]!r}")
        return escape(word)

    return _NAMED.sub(lambda named: MARK.sub(value, named[0]) if OPEN in named[0] else named[0], html)


def _finish(html: str) -> Skeleton | None:
    """Return the skeleton of a mail: style sheets inlined, nothing loaded from anywhere, media queries kept.

    Where there are rules that cannot be inlined (`:hover`), all is kept that did not become part of an element. None
    where values stand inside `class` or `id`: these come first, since style sheets look at them.
    """
    import css_inline

    if any(OPEN in named[0] for named in _NAMED.finditer(html)):
        return None
    if len(html) > MAX_OUTPUT:
        raise RenderError("the message is longer than 1 MiB")
    styles = _STYLE.findall(html)
    # A value may stand in a rule that becomes part of an element, and nowhere else in a style sheet.
    keeps = any(map(_LATER.search, styles)) and not any(OPEN in style for style in styles)
    inliner = css_inline.CSSInliner(
        load_remote_stylesheets=False, keep_at_rules=True, keep_style_tags=keeps, remove_inlined_selectors=keeps
    )
    try:
        inlined = inliner.inline(html)
    except css_inline.InlineError as error:
        raise RenderError(f"cannot read the styles of the mail: {error}") from error
    # The character set comes first in the head, before the styles that were kept: browsers look at 1024 bytes only.
    return cut(inlined.replace("<head>", '<head><meta charset="utf-8">', 1))
