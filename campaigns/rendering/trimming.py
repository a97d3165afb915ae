"""Which lines of a template leave nothing behind: those that hold tags alone. All others keep their ends.

Jinja drops the line end behind every tag (`trim_blocks`), also behind the `{% endif %}` that ends a line of words,
which then runs into the next one. What is written here tells it which tags to leave alone, with the sign it has for
that: `+%}`. Lines keep their numbers, for those who say where a mistake is.
"""

from __future__ import annotations

from jinja2 import Environment
from jinja2.exceptions import TemplateSyntaxError

_TAG_ENDS = ("block_end", "comment_end", "raw_end")
_ANY_ENDS = (*_TAG_ENDS, "raw_begin", "variable_end")  # `-` behind them takes the line ends that follow
_END_LENGTH = len("%}")


def keep_line_ends(source: str, environment: Environment) -> str:
    """Return the template so that a line end goes only with a line of nothing but tags, comments and blanks.

    What cannot be read as a template is returned as it is: whoever parses it says what is wrong.
    """
    try:
        tokens = list(environment.lexer.tokeniter(source, None))
    except TemplateSyntaxError:
        return source
    made: list[str] = []
    copied = at = 0
    has_words = False  # whether the line so far holds more than tags
    ends_tag = False  # whether the last thing was the end of a tag
    for _, kind, value in tokens:
        start = source.index(value, at)  # blanks before a tag may have been left out
        if "\n" in source[at:start]:
            has_words = False
        at = start + len(value)
        if kind in _TAG_ENDS and has_words and value.endswith("}\n"):
            sign = at - 1 - _END_LENGTH
            made += (source[copied:sign], "" if source[sign - 1] == "-" else "+")
            copied = sign
        elif kind == "data" and ends_tag and not has_words:
            line, end, _ = value.partition("\n")
            if end and not line.strip():  # blanks that nobody sees behind the last tag
                made.append(source[copied:start])
                copied = start + len(line)
        if kind == "data":
            has_words = bool(value.rpartition("\n")[2].strip()) or (has_words and "\n" not in value)
        elif kind == "variable_begin":
            has_words = True
        elif kind in _ANY_ENDS and "\n" in value:
            has_words = False
        ends_tag = kind in _TAG_ENDS and not value.endswith("\n")
    return "".join((*made, source[copied:]))
