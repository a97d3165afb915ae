"""What rendering costs: the reference mail by plain Jinja, in the sandbox, folded, and through the pool's process.

Run it with `uv run python tests/benchmarks/render_pool.py`; it prints medians of processor time and limits, and ends
with 1 when a limit is broken. The mail is that of `reference.py`: subject, HTML and text. Plain Jinja escapes but has
no sandbox and leaves the styles as they are; the usual way inlines them in every message.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
from collections.abc import Callable
from time import clock_gettime, perf_counter, process_time

import css_inline
import jinja2
from pydantic_core import from_json
from reference import SUBJECT, TEMPLATES, Reference

from campaigns.rendering import Content
from campaigns.rendering.words import words
from scheduler.rendering import wire
from scheduler.rendering.base import Job
from scheduler.rendering.inline import InlineRenderer
from scheduler.rendering.pool import PoolRenderer

MAILS = 400
ROUNDS = 9
TOGETHER = 200  # messages that the worker claims at a time


class Plain:
    """The same mail by Jinja as it comes: filters of our own, no sandbox, no limits, nothing checked."""

    def __init__(self, reference: Reference) -> None:
        environment = jinja2.Environment(
            loader=jinja2.DictLoader(TEMPLATES), autoescape=jinja2.select_autoescape(["html"]), trim_blocks=True
        )
        environment.filters |= reference.renderer._engine.sandbox("text").filters  # type: ignore[arg-type]
        for name in ("truncate", "title", "default"):
            environment.filters[name] = jinja2.filters.FILTERS[name]
        self._layout, self._html, self._text = map(environment.get_template, TEMPLATES)
        self._subject = environment.from_string(SUBJECT)
        self._inliner = css_inline.CSSInliner(load_remote_stylesheets=False, keep_at_rules=True)

    def render(self, job: Job) -> tuple[str, str, str]:
        """Return subject, HTML and text."""
        subject = self._subject.render(job.facts)
        body, text = self._html.render(job.facts), self._text.render(job.facts)
        mail = {"subject": subject, "preheader": "", "language": "fr", "brand": "Atelier", "words": words("fr")}
        return (
            subject,
            self._layout.render(job.facts, mail={**mail, "body": jinja2.utils.markupsafe.Markup(body)}),
            text,
        )

    def usual(self, job: Job) -> tuple[str, str, str]:
        """Return the same with its styles inlined."""
        subject, html, text = self.render(job)
        return subject, self._inliner.inline(html), text


async def rate(renderer: InlineRenderer | PoolRenderer, jobs: list[Job]) -> tuple[float, float, float]:
    """Return (messages a second, microseconds of processor time a message here, and in the renderer's process)."""
    pids = renderer.pids if isinstance(renderer, PoolRenderer) else ()
    began, here, there = perf_counter(), process_time(), sum(map(used_by, pids))
    for start in range(0, len(jobs), TOGETHER):
        answers = await renderer.render(jobs[start : start + TOGETHER])
        assert all(isinstance(answer, Content) for answer in answers)
    took = perf_counter() - began
    each = 1e6 / len(jobs)
    return len(jobs) / took, (process_time() - here) * each, (sum(map(used_by, pids)) - there) * each


def used_by(pid: int) -> float:
    """Return the seconds of processor time of another process: Linux' clock of its number."""
    return clock_gettime((~pid << 3) | 2)


def each(jobs: list[Job], work: Callable[[Job], object]) -> float:
    """Return the microseconds of processor time that `work` takes for a job."""
    began = process_time()
    for job in jobs:
        work(job)
    return (process_time() - began) / len(jobs) * 1e6


async def started(jobs: list[Job]) -> float:
    """Return the seconds to the first answer of a new pool."""
    pool, began = PoolRenderer(), perf_counter()
    await pool.render(jobs[:1])
    seconds = perf_counter() - began
    await pool.close()
    return seconds


async def measure() -> int:
    """Print the figures; return 1 when a limit is broken."""
    reference, sandboxed = Reference(), Reference(folds_after=10**9)
    jobs = [reference.job(person) for person in range(MAILS)]
    guarded = [Job(sandboxed, job.touch, job.facts) for job in jobs]
    plain, inline, pool = Plain(reference), InlineRenderer(), PoolRenderer()
    first, *_ = await inline.render(jobs)
    assert isinstance(first, Content)
    assert await inline.render(jobs) == await inline.render(guarded), "a folded mail is not what the sandbox writes"
    print(f"the mail: {len(first.html or '')} characters of HTML, {len(first.text)} of text")
    start = statistics.median([await started(jobs) for _ in range(3)])
    await pool.render(jobs)
    rows: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        rows.setdefault("jinja", []).append(each(jobs, plain.render))
        rows.setdefault("usual", []).append(each(jobs, plain.usual))
        rows.setdefault("sandbox", []).append((await rate(inline, guarded))[1])
        rows.setdefault("folded", []).append((await rate(inline, jobs))[1])
        for name, figure in zip(("rate", "daemon", "child"), await rate(pool, jobs), strict=True):
            rows.setdefault(name, []).append(figure)
    await pool.close()
    best = {name: min(figures) for name, figures in rows.items()}
    middle = {name: statistics.median(figures) for name, figures in rows.items()}

    def line(what: str, name: str) -> None:
        share = statistics.median(a / b for a, b in zip(rows[name], rows["jinja"], strict=True))
        print(f"{what:<46}{best[name]:7,.0f} best {middle[name]:7,.0f} median us   {share:5.2f} of plain Jinja")

    line("plain Jinja, styles not inlined", "jinja")
    line("the usual way: Jinja, styles inlined each time", "usual")
    line("ours before it is folded: the sandbox", "sandbox")
    line("ours folded, in this process", "folded")
    line("ours folded, in the renderer's process", "child")
    line("  and the daemon beside it", "daemon")
    print(f"through the pool, one process: {middle['rate']:,.0f} mails/s by the clock")
    text, shared = wire.job("refill", jobs[0].facts), wire.shared(jobs[0].facts)  # type: ignore[arg-type]
    said = wire.answers([first])
    inbox = wire.Inbox(wire.MAX_ANSWERS)
    print(f"  facts to JSON    {each(jobs, lambda job: wire.job(job.touch, job.facts)):6.1f} us, {len(text)} bytes")
    print(f"  facts from JSON  {each(jobs, lambda _: from_json(text)):6.1f} us, {len(shared)} bytes once for all")
    print(f"  answer written   {each(jobs, lambda _: wire.answers([first])):6.1f} us, {len(said)} bytes")
    print(f"  answer read      {each(jobs, lambda _: list(inbox.take(said))):6.1f} us")
    print(f"first answer {start * 1e3:,.0f} ms after the start of the process")
    faster = statistics.median(a / b for a, b in zip(rows["sandbox"], rows["folded"], strict=True))
    there = statistics.median(a / b for a, b in zip(rows["child"], rows["jinja"], strict=True))
    print(f"folded is {faster:.1f} times as fast as the sandbox (at least 5)")
    print(f"the renderer's process needs {there:.2f} of plain Jinja (at most 0.50)")
    return 0 if faster >= 5 and there <= 0.5 else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(measure()))
