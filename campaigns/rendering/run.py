"""One rendering in progress: what it may still spend, and the values it has put into the message so far."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from jinja2.exceptions import SecurityError

MAX_STEPS = 20_000  # turns of loops, calls of macros, inclusions; longer values cost more than one
MAX_WRITTEN = 4 << 20  # characters written over all parts, also into variables
MAX_OUTPUT = 1 << 20  # bytes of one finished part
MAX_TEXT = 1 << 18  # characters of one text made by a filter or an operator
MAX_ITEMS = 10_000  # items of one list

# A value's place in a message that is still Markdown or HTML: opaque to both, and impossible in a value, from which
# these two characters are dropped.
OPEN, CLOSE = "\ue000", "\ue001"
MARK = re.compile(f"{OPEN}([0-9]{{1,6}}){CLOSE}")


class Run:
    """The state of one rendering: budgets count down, `slots` keeps the values whose marks stand in the text."""

    __slots__ = ("facts", "slots", "steps", "written")

    def __init__(self, facts: Mapping[str, object]) -> None:
        self.facts = facts
        self.slots: list[str] = []
        self.steps = MAX_STEPS
        self.written = MAX_WRITTEN

    def spend(self, steps: int, written: int = 0) -> None:
        """Take from the budgets; SecurityError when one is used up."""
        self.steps -= steps
        self.written -= written
        if self.steps < 0:
            raise SecurityError(f"the template takes more than {MAX_STEPS} steps")
        if self.written < 0:
            raise SecurityError(f"the template writes more than {MAX_WRITTEN >> 20} MiB")

    def slot(self, value: str) -> str:
        """Keep `value` and return the mark that stands for it; marks inside it become the values they stand for."""
        if OPEN in value:
            value = MARK.sub(lambda mark: self.slots[int(mark[1])] if int(mark[1]) < len(self.slots) else "", value)
            self.spend(0, len(value))
        self.slots.append(value if value.isascii() else value.replace(OPEN, "").replace(CLOSE, ""))
        return f"{OPEN}{len(self.slots) - 1}{CLOSE}"


_current: ContextVar[Run] = ContextVar("run")


def current() -> Run:
    """Return the rendering in progress; LookupError outside of one."""
    return _current.get()


@contextmanager
def running(facts: Mapping[str, object]) -> Iterator[Run]:
    """Start a rendering of `facts` with fresh budgets."""
    run = Run(facts)
    token = _current.set(run)
    try:
        yield run
    finally:
        _current.reset(token)
