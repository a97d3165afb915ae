"""HTML read aloud as plain text: what the text part of a mail says when its author wrote HTML or Markdown."""

from __future__ import annotations

import re
from html.parser import HTMLParser

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
_BLANKS = re.compile(r"[ \t\r\n\f]+")


class _Reader(HTMLParser):
    """Collects lines; `data-text="skip"` marks what only eyes need (the hidden preheader, the drawn footer)."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.lines: list[str] = [""]
        self._open: list[tuple[str, bool]] = []
        self._silent = 0
        self._links: list[tuple[str, int, int]] = []
        self._lists: list[int | None] = []
        self._pre = 0
        self._quotes = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in _VOID:
            if not self._silent:
                self._void(tag, given)
            return
        silent = tag in _SILENT or given.get("data-text") == "skip" or "hidden" in given
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
        elif tag in ("td", "th") and self.lines[-1].strip():
            self.lines[-1] = self.lines[-1].rstrip() + "  "
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

    def _close(self, tag: str) -> None:
        if tag == "a" and self._links:
            href, row, column = self._links.pop()
            said = " ".join([self.lines[row][column:], *self.lines[row + 1 :]]).strip()
            target = href.removeprefix("mailto:")
            if href and not href.startswith(("#", "tel:")) and said not in (href, target):
                self.lines[-1] = f"{self.lines[-1].rstrip()} <{target}>" if said else self.lines[-1] + target
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
