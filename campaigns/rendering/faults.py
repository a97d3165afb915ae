"""From whatever goes wrong inside a template to one RenderError: which template, which line, what to do about it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches

from jinja2.exceptions import TemplateError, TemplateNotFound, TemplateSyntaxError

from campaigns.errors import CampaignError, Place, RenderError
from campaigns.rendering.sources import Sources

# What a template can cause that its author wrote; everything else is a mistake of ours and passes.
FAULTS = (
    TemplateError,
    CampaignError,
    SyntaxError,
    TypeError,
    ValueError,
    ArithmeticError,
    LookupError,
    AttributeError,
    AssertionError,
    RecursionError,
    MemoryError,
)


@contextmanager
def explained(sources: Sources, name: str) -> Iterator[None]:
    """Turn a fault while the template `name` is read or run into a RenderError with place and remedy."""
    try:
        yield
    except RenderError as error:
        if error.place is None:
            raise RenderError(error.message, place=sources.place(name, 1), remedy=error.remedy) from error
        raise
    except TemplateNotFound as error:
        near = get_close_matches(str(error.name or ""), sources.names(), 1, 0.85)
        remedy = f"did you mean {near[0]!r}?" if near else ""
        raise RenderError(f"no template {error.name!r}", place=_place(sources, name, error), remedy=remedy) from error
    except TemplateSyntaxError as error:
        message, remedy = _split(_syntax(error.message or "cannot read the template"))
        place = sources.place(error.name or name, error.lineno)
        raise RenderError(message, place=place, remedy=remedy) from error
    except FAULTS as error:
        message, remedy = _split(_says(error))
        raise RenderError(message, place=_place(sources, name, error), remedy=remedy) from error


_UNCLOSED = re.compile(r"unexpected end of template.*needs to be closed is '(\w+)'", re.IGNORECASE | re.DOTALL)
_UNFINISHED = re.compile(r"unexpected end of template, expected '(?:end of print statement|end of statement block)'")


def _syntax(message: str) -> str:
    """Say the template engine's most frequent complaints in an author's words."""
    if (unclosed := _UNCLOSED.match(message)) is not None:
        return f"`{{% {unclosed[1]} %}}` is not closed\nadd `{{% end{unclosed[1]} %}}`"
    if _UNFINISHED.match(message):
        return "`{{` or `{%` is not closed\nadd `}}` or `%}`"
    return message


def _says(error: BaseException) -> str:
    if isinstance(error, RecursionError):
        return "the template calls itself without end, or is nested too deeply"
    if isinstance(error, MemoryError):
        return "the template needs too much memory"
    if isinstance(error, CampaignError):
        return f"{error.message}\n{error.remedy}"
    if isinstance(error, (TemplateError, ValueError)):
        return str(error) or type(error).__name__
    return f"cannot work this out: {error}"


def _split(text: str) -> tuple[str, str]:
    message, _, remedy = text.partition("\n")
    message = message.strip().rstrip(".")
    return message[:1].lower() + message[1:], remedy.strip()


def _place(sources: Sources, name: str, error: BaseException) -> Place:
    """Return where in the templates the error happened: the innermost frame that belongs to one."""
    found, trace = (name, 1), error.__traceback__
    while trace is not None:
        template = trace.tb_frame.f_globals.get("__jinja_template__")
        if template is not None:
            found = (template.name or name, template.get_corresponding_lineno(trace.tb_lineno))
        elif sources.knows(trace.tb_frame.f_code.co_filename):
            found = (trace.tb_frame.f_code.co_filename, trace.tb_lineno)
        trace = trace.tb_next
    return sources.place(*found)
