"""What is wrong with a line that is not YAML, in words for people, and how the reading can go on after it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto

from ruamel.yaml.error import MarkedYAMLError

# Stands for a value that was reported already; from the private use area, so that no author's text is mistaken for it.
BROKEN = "\ue0fe\ue0ff"


class Mend(Enum):
    """How a line is made readable, so that the rest of the file can be checked."""

    VALUE = auto()  # the value, with the deeper lines that follow, is set aside
    SPACE = auto()  # a space is put after the first colon
    LINE = auto()  # the whole line is set aside
    INDENT = auto()  # the line and its equals are moved to the indentation of the line above
    NONE = auto()


@dataclass(frozen=True, slots=True)
class Complaint:
    """One line that is not YAML; `line` and `column` are 0-based."""

    line: int
    column: int
    message: str
    remedy: str
    mend: Mend = Mend.VALUE
    width: int = 1


@dataclass(frozen=True, slots=True)
class Opened:
    """The last quoted text or bracket before the error: where it opened and where it closed."""

    line: int
    column: int
    end_line: int


_QUOTES = "put the whole text in quotes"
_PARTS = re.compile(
    r"""(?P<lead>\s*(?:-\ +)*)
        (?:(?P<key>"[^"]*"|'[^']*'|[^\s#"'\[\]{},&*!|>%@`-][^:#]*?|-[^\s:#][^:#]*?)\s*:(?:\s+|$))?
        (?P<value>.*)""",
    re.VERBOSE,
)
_SPECIAL = {
    "@": "a text cannot start with @",
    "`": "a text cannot start with a backtick",
    "%": "a text cannot start with %",
    "&": "a text cannot start with &, which names an anchor",
    "*": "a text cannot start with *, which repeats an anchor",
    "!": "a text cannot start with !, which is a tag",
    "|": "a text after | starts on the next line",
    ">": "a text after > starts on the next line",
    "}": "a } stands here without its {",
    "]": "a ] stands here without its [",
    ",": "a text cannot start with a comma",
}


def _parts(line: str) -> tuple[int, str | None, int]:
    """Return the indentation, the key and where the value starts."""
    match = _PARTS.match(line)
    assert match is not None
    return len(line) - len(line.lstrip()), match["key"], match.start("value")


def braces(line: int, column: int, width: int) -> Complaint:
    """Complain about a text that starts with a placeholder and has no quotes."""
    message = "a text that starts with {{ is not read as a text"
    return Complaint(line, column, message, f'{_QUOTES}: "{{{{ ... }}}}"', width=width)


def explain(
    error: MarkedYAMLError, lines: list[str], opened: Opened | None, bracket: tuple[int, int] | None
) -> Complaint:
    """Say what is wrong where the YAML library gave up.

    `opened` is the last text that spans several lines, `bracket` where the innermost open { or [ stands.
    """
    mark = error.problem_mark or error.context_mark
    problem, context = str(error.problem or ""), str(error.context or "")
    line, column = (mark.line, mark.column) if mark else (0, 0)
    ended = line >= len(lines)
    line = min(line, len(lines) - 1)
    begun = (error.context_mark.line, error.context_mark.column) if error.context_mark else (line, column)
    if ended and bracket is not None:
        return _unclosed(bracket, lines)
    begun = (min(begun[0], line), begun[1])
    text = lines[line]
    if "quoted scalar" in context and "escape" in problem:
        return Complaint(
            line,
            max(column - 1, 0),
            "a backslash in double quotes starts an escape",
            "write \\\\, or use single quotes",
            width=2,
        )
    if "quoted scalar" in context:
        return Complaint(*begun, "the quote that opens here is never closed", "close it with the same quote")
    if "anchor" in context or "alias" in context:
        return Complaint(*begun, _SPECIAL[lines[begun[0]][begun[1]]], _QUOTES)
    if "block scalar" in context:
        return Complaint(*begun, _SPECIAL[lines[begun[0]][begun[1]]], f"{_QUOTES}, or start it on the next line")
    if opened is not None and opened.end_line == line and opened.line < line:
        return Complaint(
            opened.line,
            opened.column,
            f"the quote that opens here is closed only on line {opened.end_line + 1}",
            "close it with the same quote on its own line",
        )
    _, key, start = _parts(text)
    if "cannot start any token" in problem and text[column : column + 1] in _SPECIAL:
        return Complaint(line, column, _SPECIAL[text[column]], _QUOTES, width=len(text) - column)
    if text[start:].startswith("{{"):
        return braces(line, start, len(text) - start)
    if "flow" in context or "flow" in problem:
        return _flow(begun, line, column, lines)
    quote = text[start : start + 1]
    if quote in ("'", '"') and column > start:
        remedy = (
            "write '' for an apostrophe, or use double quotes" if quote == "'" else 'write \\" for a quote in the text'
        )
        return Complaint(line, start, f"the text goes on after its closing {quote}", remedy, width=len(text) - start)
    if "mapping values" in problem:
        return _second_colon(line, column, lines)
    if "simple key" in context:
        return _no_colon(begun[0], lines)
    if "sequence entries" in problem:
        return Complaint(
            line, column, "a list cannot start on the line of its key", f"start it on the next line, or {_QUOTES}"
        )
    if text[start : start + 1] in _SPECIAL:
        return Complaint(line, start, _SPECIAL[text[start]], _QUOTES, width=len(text) - start)
    if "\t" in text[: column + 1]:
        return Complaint(line, column, "a tab stands where a space is expected", "use spaces", Mend.NONE)
    if text[:column].strip() and (text.rstrip()[-2:] in ("]]", "}}") or text[column : column + 1] in "]}"):
        return Complaint(line, start, "a bracket is closed that was never opened", "remove it", width=len(text) - start)
    if "'?'" in problem and "collection" in context:
        message = "a key stands here, and the lines above it are a list"
        return Complaint(line, column, message, "indent it like the keys it belongs to", Mend.NONE, len(text) - column)
    if "'-'" in problem and "mapping" in context:
        message = "a dash stands here, and the lines above it are keys"
        return Complaint(line, column, message, "indent the list below its own key", Mend.NONE, len(text) - column)
    if key is not None or text.lstrip().startswith("- "):
        return _indentation(line, lines)
    return _no_colon(line, lines)


def _unclosed(begun: tuple[int, int], lines: list[str]) -> Complaint:
    bracket, closing = _pair(begun, lines)
    return Complaint(*begun, f"the {bracket} that opens here is never closed", f"close it with {closing}")


def _pair(begun: tuple[int, int], lines: list[str]) -> tuple[str, str]:
    return ("{", "}") if lines[begun[0]][begun[1] : begun[1] + 1] == "{" else ("[", "]")


def _flow(begun: tuple[int, int], line: int, column: int, lines: list[str]) -> Complaint:
    if begun[0] < line:
        return _unclosed(begun, lines)
    bracket, closing = _pair(begun, lines)
    return Complaint(
        line,
        column,
        f"cannot read what follows the {bracket}",
        f"put a comma between the values and close with {closing}",
    )


def _second_colon(line: int, column: int, lines: list[str]) -> Complaint:
    text = lines[line]
    _, key, start = _parts(text)
    if key is not None and column > start:
        message = "a colon and a space inside a text make it another key"
        return Complaint(line, start, message, _QUOTES, width=len(text) - start)
    above = _above(line, lines)
    if above is not None and _parts(lines[above])[1] is None:
        return _no_colon(above, lines)
    return _indentation(line, lines)


def _no_colon(line: int, lines: list[str]) -> Complaint:
    text = lines[line]
    start = len(text) - len(text.lstrip())
    if match := re.match(r"\s*(?:- +)*[A-Za-z_]+(:)[^\s/]", text):
        return Complaint(line, match.start(1), "a space is missing after the colon", "write `key: value`", Mend.SPACE)
    return Complaint(
        line, start, "the line has no key, or no colon after it", "write `key: value`", Mend.LINE, len(text) - start
    )


def _indentation(line: int, lines: list[str]) -> Complaint:
    text = lines[line]
    indent = _indent(text)
    above = _above(line, lines)
    upper = 0 if above is None else _own_indent(lines[above])
    if above is not None and indent > upper:
        message = f"the line is indented deeper than line {above + 1}, which has its value already"
        remedy = (
            f"indent it by {upper} spaces, like the line above" if upper else "do not indent it, like the line above"
        )
        return Complaint(line, indent, message, remedy, Mend.INDENT, len(text) - indent)
    columns = sorted(
        {_own_indent(each) + 1 for each in lines[:line] if each.strip() and not each.lstrip().startswith("#")}
    )
    if not columns:
        return Complaint(
            line, indent, "the line is no `key: value`", "write `key: value`", Mend.NONE, len(text) - indent
        )
    message = f"the line starts in column {indent + 1}, and the lines above it in column {_or(columns)}"
    return Complaint(line, indent, message, "indent it like the lines it belongs to", Mend.NONE, len(text) - indent)


def _or(columns: list[int]) -> str:
    words = [str(column) for column in columns[-4:]]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _above(line: int, lines: list[str]) -> int | None:
    for number in range(line - 1, -1, -1):
        if lines[number].strip() and not lines[number].lstrip().startswith("#"):
            return number
    return None


def mend(lines: list[str], complaint: Complaint) -> bool:
    """Change `lines` so that the complaint is gone and no other line moves; False where nothing can be done."""
    text = lines[complaint.line]
    indent, _, start = _parts(text)
    match complaint.mend:
        case Mend.VALUE:
            lines[complaint.line] = text[:start] + BROKEN
            _drop_below(lines, complaint.line, _own_indent(text))
        case Mend.SPACE:
            lines[complaint.line] = text[: complaint.column + 1] + " " + text[complaint.column + 1 :]
        case Mend.LINE:
            lines[complaint.line] = ""
            _drop_below(lines, complaint.line, indent)
        case Mend.INDENT:
            above = _above(complaint.line, lines) or 0
            upper = _own_indent(lines[above])
            number = complaint.line
            while number < len(lines) and (not lines[number].strip() or _indent(lines[number]) >= indent):
                lines[number] = lines[number][indent - upper :]
                number += 1
        case Mend.NONE:
            return False
    return True


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _own_indent(line: str) -> int:
    """Return where the key of the line starts, behind the dashes of a list."""
    match = _PARTS.match(line)
    assert match is not None
    return len(match["lead"]) if match["key"] is not None else _indent(line)


def _drop_below(lines: list[str], line: int, indent: int) -> None:
    """Set aside the lines after `line` that are deeper than `indent`: they belong to what was set aside."""
    for number in range(line + 1, len(lines)):
        if lines[number].strip() and _indent(lines[number]) <= indent:
            return
        lines[number] = ""
