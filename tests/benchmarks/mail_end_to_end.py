"""The reference mail from the ledger to the mail server, beside how it is usually done in Python; one run for both.

Run it with `uv run --group bench python tests/benchmarks/mail_end_to_end.py`. Ours is the daemon's own path: a SQLite
file with synchronous FULL, the dispatcher, the last-moment checks, one render process, the attempt mark before each
final dot, the outcome after it, over the pipelining client into Postfix's `smtp-sink`. The usual way renders with Jinja
(no sandbox), inlines the styles of each mail, builds an `EmailMessage`, and sends it by `smtplib` over one connection
that it keeps; it remembers nothing. Mails a second by the wall; ends with 1 when a limit is broken.
"""

from __future__ import annotations

import asyncio
import logging
import smtplib
import statistics
import sys
import tempfile
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from time import perf_counter

# The whole of the product's parts is assembled as `delivery.py` does it.
from delivery import Passing, _plan, reference_shop
from reference import Reference, known
from render_pool import Plain
from smtp import postfix_sink, processor

from scheduler import bootstrap
from scheduler.channels.email.server import PoolLimits, SmtpServer
from scheduler.channels.email.smtp import EmailChannel
from scheduler.rendering.base import Job
from scheduler.rendering.pool import PoolRenderer
from scheduler.store.writer import ThreadWriter

MAILS = 6_000
USUAL = 600
ROUNDS = 3
CONNECTIONS = 32
AT_LEAST = 1_500
FASTER = 4.0


def ours(port: int) -> tuple[float, float]:
    """Return mails a second from claim to outcome, and processor microseconds of the daemon for each."""
    with tempfile.TemporaryDirectory() as name:
        store = reference_shop(Path(name), MAILS)
        channel = EmailChannel(
            SmtpServer("127.0.0.1", port),
            limits=PoolLimits(connections=CONNECTIONS, messages=1_000_000),
            hello="bench.example.org",
        )
        parts = bootstrap.assemble(
            store,
            ThreadWriter(),
            PoolRenderer(1),
            {"email": channel},
            Passing(0.0),
            worker_id="bench",
            secret_key=b"0" * 32,
            connections=2 * CONNECTIONS,
        )

        async def work() -> tuple[float, float]:
            await parts.dispatcher.prepare()
            await _plan(parts)
            begun, used = perf_counter(), processor()
            done = await parts.dispatcher.work_off()
            spent, used = perf_counter() - begun, processor() - used
            assert done == MAILS, f"{done} of {MAILS} sent"
            await channel.close()
            await parts.renderer.close()
            return MAILS / spent, used / MAILS * 1e6

        found = asyncio.run(work())
        parts.writer.close()
        with store.read() as conn:
            sent = conn.exec_driver_sql("SELECT count(*) FROM delivery WHERE state = 'sent'").scalar()
        store.close()
    assert sent == MAILS, f"{sent} of {MAILS} are in the ledger as sent"
    return found


def usual(port: int) -> float:
    """Return mails a second of the usual way."""
    reference = Reference()
    plain, common = Plain(reference), reference.job(0).facts
    begun = perf_counter()
    with smtplib.SMTP("127.0.0.1", port) as smtp:
        for number in range(USUAL):
            contact = {"id": number, **known(number)}
            subject, html, text = plain.usual(Job(reference, "refill", {**common, "contact": contact}))
            mail = EmailMessage(policy=SMTP)
            mail["From"] = "Atelier des Lilas <bonjour@shop.example>"
            mail["To"] = f"p{number}@example.org"
            mail["Subject"] = subject
            mail["Message-ID"] = f"<{number}@shop.example>"
            mail["List-Unsubscribe"] = f"<https://go.shop.example/u/{number:027}>"
            mail.set_content(text)
            mail.add_alternative(html, subtype="html")
            smtp.send_message(mail)
    return USUAL / (perf_counter() - begun)


def main() -> int:
    """Measure and print; return 1 when a limit is broken."""
    logging.disable(logging.ERROR)
    mine, theirs, used = [], [], []
    with postfix_sink() as port:
        for _ in range(ROUNDS):
            theirs.append(usual(port))
            rate, cost = ours(port)
            mine.append(rate)
            used.append(cost)
    rate, peer = statistics.median(mine), statistics.median(theirs)
    is_fast, is_faster = rate >= AT_LEAST, rate >= FASTER * peer
    print(f"{MAILS} reference mails into smtp-sink, one render process, {CONNECTIONS} connections, {ROUNDS} rounds")
    print(
        f"{'ours, from claim to outcome':<40} {rate:>8,.0f}/s  (best {max(mine):,.0f})  limit {AT_LEAST:,}/s{_broken(is_fast)}"
    )
    print(f"{'processor time of the daemon':<40} {statistics.median(used):>8,.0f} us a mail")
    print(f"{'the usual way, nothing remembered':<40} {peer:>8,.0f}/s  (best {max(theirs):,.0f})")
    print(f"{'ratio':<40} {rate / peer:>8.1f}    limit {FASTER:g}{_broken(is_faster)}")
    return 0 if is_fast and is_faster else 1


def _broken(kept: bool) -> str:
    return "" if kept else "  BROKEN"


if __name__ == "__main__":
    sys.exit(main())
