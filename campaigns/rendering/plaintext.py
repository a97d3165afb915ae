"""HTML read aloud as plain text: what the text part of a mail says when its author wrote HTML or Markdown."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html.parser import HTMLParser

from campaigns.rendering.run import MARK, OPEN

_SPACED = frozenset({"blockquote", "dl", "figure", "h1", "h2", "h3", "h4", "h5", "h6", "ol", "p", "pre", "table", "ul"})
_BLOCKS = _SPACED | {
    "address",
    "article",
    "aside",
    "div",
    "dt",
    "dd",
    "fieldset",
    "figcaption",
    "footer",
    "form",
    "header",
}
_BLOCKS |= {"main", "nav", "section", "tbody", "thead", "tfoot", "tr"}
_SILENT = frozenset({"head", "script", "style", "template", "title", "noscript"})
_VOID = frozenset({"br", "hr", "img", "input", "meta", "link", "wbr", "area", "base", "col", "source", "track"})
_LIST_MARK = re.compile(r" *(?:-|[0-9]+\.) ")
_HIDDEN = re.compile(r"(?:^|;)\s*display\s*:\s*none\b", re.IGNORECASE)
_NOT_DIGITS = re.compile(r"\D")
_BLANKS = re.compile(r"[ \t\r\n\f]+")


@dataclass(slots=True)
class _Table:
    """A table that is open: whether it has headings, and so is no mere scaffold; the cells of its row so far."""

    has_headings: bool = False
    cells: int = 0


class _Reader(HTMLParser):
    """Collects lines; `data-text="skip"` marks what only eyes need (the hidden preheader, the drawn footer)."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.lines: list[str] = [""]
        self._open: list[tuple[str, bool]] = []
        self._silent = 0
        self._links: list[tuple[str, int, int]] = []
        self._lists: list[int | None] = []
        self._tables: list[_Table] = []
        self._cells: list[tuple[int, int, bool]] = []  # line, column, whether it may be shown as empty
        self._pre = 0
        self._quotes = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in _VOID:
            if not self._silent:
                self._void(tag, given)
            return
        silent = tag in _SILENT or given.get("data-text") == "skip" or "hidden" in given
        silent = silent or _HIDDEN.search(given.get("style") or "") is not None
        self._open.append((tag, silent))
        self._silent += silent
        if self._silent:
            return
        if tag in _BLOCKS:
            self._break(blank=tag in _SPACED and not (tag in ("ol", "ul") and self._lists))
        if tag in ("ol", "ul"):
            self._lists.append(1 if tag == "ol" else None)
        elif tag == "li":
            self._item()
        elif tag == "blockquote":
            self._quotes += 1
            self.lines[-1] = "> " * self._quotes
        elif tag == "pre":
            self._pre += 1
        elif tag == "table":
            self._tables.append(_Table())
        elif tag == "tr" and self._tables:
            self._tables[-1].cells = 0
        elif tag in ("td", "th"):
            self._cell(tag)
        elif tag == "a":
            self._links.append((given.get("href") or "", len(self.lines) - 1, len(self.lines[-1])))

    def handle_endtag(self, tag: str) -> None:
        if tag not in (name for name, _ in self._open):
            return
        while True:
            name, silent = self._open.pop()
            was_silent = self._silent
            self._silent -= silent
            if not was_silent:
                self._close(name)
            if name == tag:
                return

    def handle_data(self, data: str) -> None:
        if self._silent:
            return
        if self._pre:
            first, *rest = data.split("\n")
            self.lines[-1] += first
            self.lines.extend("> " * self._quotes + row for row in rest)
            return
        text = _BLANKS.sub(" ", data)
        if not self.lines[-1] or self.lines[-1].endswith(" "):
            text = text.lstrip(" ")
        self.lines[-1] += text

    def _void(self, tag: str, given: dict[str, str | None]) -> None:
        if tag == "br":
            self.lines.append("> " * self._quotes)
        elif tag == "hr":
            self._break(blank=True)
            self.lines[-1] = "———"
            self._break(blank=True)
        elif tag == "img" and given.get("alt"):
            self.lines[-1] += f"[{given['alt']}]"

    def _item(self) -> None:
        self._break(blank=False)
        number = self._lists[-1] if self._lists else None
        self.lines[-1] = "  " * max(len(self._lists) - 1, 0) + ("- " if number is None else f"{number}. ")
        if self._lists and number is not None:
            self._lists[-1] = number + 1

    def _cell(self, tag: str) -> None:
        if self.lines[-1].strip():
            self.lines[-1] = self.lines[-1].rstrip() + "  "
        table = self._tables[-1] if self._tables else _Table()
        table.cells += 1
        table.has_headings |= tag == "th"
        # Some builders of mails fill the rows of their scaffolds with empty headings; the corner of a table is first.
        may_be_empty = table.has_headings and (tag == "td" or table.cells == 1)
        self._cells.append((len(self.lines), len(self.lines[-1]), may_be_empty))

    def _close_cell(self) -> None:
        """Show an empty cell of a table with headings, so that those behind it stay in their columns."""
        row, column, may_be_empty = self._cells.pop()
        if may_be_empty and row == len(self.lines) and not self.lines[-1][column:].strip():
            self.lines[-1] = self.lines[-1][:column] + "–"

    def _close_link(self) -> None:
        href, row, column = self._links.pop()
        said = " ".join([self.lines[row][column:], *self.lines[row + 1 :]]).strip()
        target = href.removeprefix("tel:")
        if href.startswith("mailto:"):
            target = href.removeprefix("mailto:").partition("?")[0]
        if not target or href.startswith("#") or said in (href, target) or _says_number(said, href):
            return
        self.lines[-1] = f"{self.lines[-1].rstrip()} <{target}>" if said else self.lines[-1] + target

    def _close(self, tag: str) -> None:
        if tag == "a" and self._links:
            self._close_link()
        elif tag in ("td", "th") and self._cells:
            self._close_cell()
        elif tag == "table" and self._tables:
            self._tables.pop()
        elif tag in ("ol", "ul") and self._lists:
            self._lists.pop()
        elif tag == "pre":
            self._pre -= 1
        elif tag == "blockquote":
            self._quotes -= 1
        if tag in _BLOCKS or tag == "li":
            self._break(blank=tag in _SPACED and not self._lists)

    def _break(self, *, blank: bool) -> None:
        """End the line, and leave one empty line behind it where asked; a list's mark waits for its text."""
        if _LIST_MARK.fullmatch(self.lines[-1]):
            return
        if self.lines[-1].strip("> "):
            self.lines.append("")
        if blank and len(self.lines) > 1 and self.lines[-2].strip("> "):
            self.lines.append("")
        self.lines[-1] = "> " * self._quotes


def _says_number(said: str, href: str) -> bool:
    """Whether a link to a phone already shows its number, with its country or without; values are taken to be it."""
    digits = _NOT_DIGITS.sub("", MARK.sub("", said)).lstrip("0")
    own = digits and _NOT_DIGITS.sub("", MARK.sub("", href)).endswith(digits)
    return href.startswith("tel:") and bool(own or OPEN in said)


def read_aloud(html: str) -> str:
    """Return the text of `html`: a line for each block, dashes for lists, `text <address>` for links, `[alt]`."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    lines = [line.replace("\u00ad", "").rstrip() for line in reader.lines]
    kept: list[str] = []
    for line in lines:
        bare = "" if not line.strip("> ") else line
        if bare or (kept and kept[-1]):
            kept.append(bare)
    return "\n".join(kept).strip()
