"""The words of an audience expression with their positions; what they mean together is the parser's business."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from campaigns.errors import ExpressionError

LONGEST = 1000
KEYWORDS = frozenset({"and", "or", "not", "in", "is", "known", "unknown", "within", "since", "true", "false"})

# A text may be quoted as any of our languages quotes; the closing mark follows from the opening one.
_QUOTES = {"'": "'", '"': '"', "«": "»", "“": "”", "‘": "’", "„": "”“", "’": "’"}
_NUMBER = re.compile(r"[-+−]?\d+(?:\.\d+)?")
_DECIMAL_COMMA = re.compile(r"[-+−]?\d+,\d+")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}|\d{1,2}([./])\d{1,2}\1\d{4}")
_NAME = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")
_OPERATOR = re.compile(r"!=|<=|>=|==|<>|≠|≤|≥|&&|\|\||[=<>(),;!]")


@dataclass(frozen=True, slots=True)
class Token:
    """One word: `kind` is name, keyword, text, number, date, mark or end; `at` its 0-based offset."""

    kind: str
    text: str
    at: int
    value: str | int | float | date | None = None


def _date(text: str, expression: str, at: int) -> date:
    try:
        if "-" in text:
            return date.fromisoformat(text)
        first, second, year = (int(part) for part in re.split(r"[./]", text))
        if "/" in text and first <= 12 and second <= 12 and first != second:
            raise ExpressionError(
                f"cannot tell day from month in {text!r}",
                expression=expression,
                at=at,
                remedy=f"write {year:04d}-{second:02d}-{first:02d} or {year:04d}-{first:02d}-{second:02d}",
            )
        return date(year, first, second) if "/" in text and second > 12 else date(year, second, first)
    except ValueError:
        raise ExpressionError(
            f"no such day: {text!r}", expression=expression, at=at, remedy="write a date as 2027-02-14"
        ) from None


def _quoted(expression: str, at: int) -> tuple[str, int]:
    closing = _QUOTES[expression[at]]
    for end in range(at + 1, len(expression)):
        if expression[end] in closing:
            text = expression[at + 1 : end]
            return (text.strip("\u00a0\u202f ") if expression[at] == "«" else text), end + 1
    raise ExpressionError(
        f"the text that begins at {expression[at : at + 12]!r} is not closed",
        expression=expression,
        at=at,
        remedy=f"close it with {closing[0]}",
    )


def tokens(expression: str) -> list[Token]:
    """Split `expression` into tokens, the last of kind `end`. A number keeps a decimal comma outside `in (...)`.

    Raises: ExpressionError at the first character that cannot begin a word, and for more than 1000 characters.
    """
    if len(expression) > LONGEST:
        raise ExpressionError(
            f"an audience of {len(expression)} characters is too long: expected at most {LONGEST}",
            expression=expression,
            at=LONGEST,
            remedy="mark the people in a fact of their own and compare that",
        )
    found: list[Token] = []
    at = 0
    while at < len(expression):
        mark = expression[at]
        if mark.isspace():
            at += 1
        elif mark in _QUOTES:
            text, end = _quoted(expression, at)
            found.append(Token("text", expression[at:end], at, text))
            at = end
        elif (day := _DATE.match(expression, at)) is not None:
            found.append(Token("date", day[0], at, _date(day[0], expression, at)))
            at = day.end()
        elif (number := _number(expression, at, found)) is not None:
            found.append(number)
            at += len(number.text)
        elif (name := _NAME.match(expression, at)) is not None:
            word = name[0]
            kind = "keyword" if word.lower() in KEYWORDS else "name"
            found.append(Token(kind, word.lower() if kind == "keyword" else word, at))
            at = name.end()
        elif (operator := _OPERATOR.match(expression, at)) is not None:
            found.append(Token("mark", operator[0], at))
            at = operator.end()
        else:
            raise ExpressionError(
                f"cannot read {mark!r}",
                expression=expression,
                at=at,
                remedy="expected e.g. city = 'Paris' and age < 35",
            )
    found.append(Token("end", "", len(expression)))
    return found


def _number(expression: str, at: int, before: list[Token]) -> Token | None:
    """Read a number; `12,5` is one number except inside the list of `in`, where the comma separates."""
    match = None if _in_list(before) else _DECIMAL_COMMA.match(expression, at)
    match = match or _NUMBER.match(expression, at)
    if match is None:
        return None
    digits = match[0].replace("−", "-").replace(",", ".")
    return Token("number", match[0], at, float(digits) if "." in digits else int(digits))


def _in_list(before: list[Token]) -> bool:
    marks = [index for index, token in enumerate(before) if token.kind == "mark" and token.text in ("(", ")")]
    return bool(marks) and before[marks[-1]].text == "(" and marks[-1] > 0 and before[marks[-1] - 1].text == "in"
