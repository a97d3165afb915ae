"""How fast mails are handed over: our pipelining client beside the standard library's, into Postfix's `smtp-sink`.

Run it with `uv run --group bench python tests/benchmarks/smtp.py`; it prints the best and the median of some rounds,
processor time of our process for each message, and ends with 1 when a limit is broken. Every mail has its own 17 KB;
all clients run in one process, in turns. Then the same with a server 20 ms away: a small server of our own that holds
every reply back, in a process of its own.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import resource
import shutil
import smtplib
import socket
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import Connection
from time import perf_counter, sleep

from scheduler.channels.base import Mark
from scheduler.channels.email.address import mailbox
from scheduler.channels.email.mime import Mail
from scheduler.channels.email.server import PoolLimits, SmtpServer
from scheduler.channels.email.smtp import EmailChannel

ROUNDS = 5
MAILS = 2_000
FAR_MAILS = 3_000
DELAY = 0.02
FAR_AT_LEAST = 1_000
CHEAPER = 1.0  # processor time for each mail, plain over pipelined, with 8 connections
LINE = b"It is five weeks since your order =E2=80=93 the usual three bags would last until May.\r\n"
HEAD = b"From: Shop <shop@biksouv.example>\r\nTo: <p%d@example.org>\r\nSubject: Again\r\nMessage-ID: <%d@x>\r\n\r\n"


def mail(number: int) -> Mail:
    """Return a mail of 17 KB."""
    sender, recipient = mailbox("shop@biksouv.example"), mailbox(f"p{number % 100}@example.org")
    return Mail(HEAD % (number, number) + LINE * 195, sender, recipient, f"<{number}@x>", sender)


async def no_mark() -> None:
    """Stand in for the ledger."""


def handed_over(port: int, mails: list[Mail], connections: int, transport: str, mark: Mark = no_mark) -> float:
    """Hand mails over by lanes as the daemon's, two for each connection; return the seconds it took."""

    async def scenario() -> float:
        channel = EmailChannel(
            SmtpServer("127.0.0.1", port),
            limits=PoolLimits(connections=connections, messages=1_000_000),
            hello="bench.example.org",
            transport=transport,
        )
        carrier = await channel._open(SmtpServer("127.0.0.1", port))
        waiting = iter(mails)

        async def lane() -> None:
            for one in waiting:
                await carrier.deliver(one, mark)

        began = perf_counter()
        await asyncio.gather(*(lane() for _ in range(2 * connections)))
        seconds = perf_counter() - began
        await channel.close()
        return seconds

    return asyncio.run(scenario())


def handed_over_by_smtplib(port: int, mails: list[Mail]) -> float:
    """Hand mails over as one does with the standard library, by one connection used again; return the seconds."""
    with smtplib.SMTP("127.0.0.1", port) as smtp:
        began = perf_counter()
        for one in mails:
            smtp.sendmail(one.sender.address, [one.recipient.address], one.data)
        return perf_counter() - began


def processor() -> float:
    """Return the processor seconds of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def measured(work: Callable[[], float], mails: int) -> tuple[float, float]:
    """Return mails a second and processor microseconds for each mail."""
    before = processor()
    seconds = work()
    return mails / seconds, (processor() - before) / mails * 1e6


@contextmanager
def postfix_sink() -> Iterator[int]:
    """Run Postfix's sink on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    path = shutil.which("smtp-sink") or "/usr/sbin/smtp-sink"
    process = subprocess.Popen([path, "-u", "nobody", f"127.0.0.1:{port}", "1000"], stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            sleep(0.05)
        yield port
    finally:
        process.kill()
        process.wait()


class _FarServer(asyncio.Protocol):
    """Answers everything, each answer a round trip late."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._heard = b""
        self._in_mail = False
        self._say(b"220 far.example\r\n")

    def _say(self, answer: bytes) -> None:
        asyncio.get_running_loop().call_later(DELAY, self._transport.write, answer)

    def data_received(self, data: bytes) -> None:
        self._heard += data
        answers = b""
        while True:
            end = b"\r\n.\r\n" if self._in_mail else b"\r\n"
            line, found, rest = self._heard.partition(end)
            if not found:
                break
            self._heard = rest
            if self._in_mail:
                self._in_mail = False
                answers += b"250 2.0.0 taken\r\n"
            elif line.upper().startswith(b"EHLO"):
                answers += b"250-far.example\r\n250-PIPELINING\r\n250 8BITMIME\r\n"
            elif line.upper().startswith(b"DATA"):
                self._in_mail = True
                answers += b"354 go on\r\n"
            else:
                answers += b"250 2.0.0 OK\r\n"
        if answers:
            self._say(answers)


def _serve_far(pipe: Connection) -> None:
    async def scenario() -> None:
        server = await asyncio.get_running_loop().create_server(_FarServer, "127.0.0.1", 0, backlog=1_000)
        pipe.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(scenario())


@contextmanager
def far_sink() -> Iterator[int]:
    """Run a server that is a round trip of 20 ms away."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve_far, args=(theirs,))
    process.start()
    try:
        yield ours.recv()
    finally:
        process.kill()
        process.join()


def main() -> int:
    """Measure, print, and say whether the limits hold."""
    mails = [mail(number) for number in range(MAILS)]
    cases = [(kind, count) for kind, counts in (("pipelined", (1, 4, 8, 32)), ("plain", (1, 4, 8))) for count in counts]
    cases.append(("smtplib", 1))
    found: dict[tuple[str, int], list[tuple[float, float]]] = {case: [] for case in cases}
    with postfix_sink() as port:
        for number in range(ROUNDS + 1):
            for kind, count in cases:
                if kind == "smtplib":
                    work = partial(handed_over_by_smtplib, port, mails)
                else:
                    work = partial(handed_over, port, mails, count, kind)
                one = measured(work, MAILS)
                if number:  # the first round warms up
                    found[kind, count].append(one)
    print(f"{len(mails[0].data)} bytes into smtp-sink, {MAILS} mails a round, {ROUNDS} rounds")
    print("transport  connections   mails/s median (best)   processor us/mail median (best)")
    for (kind, count), rounds in found.items():
        speeds, costs = zip(*rounds, strict=True)
        print(
            f"{kind:<10} {count:>11} {statistics.median(speeds):>16,.0f} ({max(speeds):,.0f})"
            f" {statistics.median(costs):>20.0f} ({min(costs):.0f})"
        )
    ours = statistics.median(cost for _, cost in found["pipelined", 8])
    theirs = statistics.median(cost for _, cost in found["plain", 8])
    far = [mail(number) for number in range(FAR_MAILS)]
    with far_sink() as port:
        handed_over(port, far[:200], 32, "pipelined")
        fast = max(FAR_MAILS / handed_over(port, far, 32, "pipelined") for _ in range(3))
        slow = 600 / handed_over(port, far[:600], 32, "plain")
    print(f"20 ms away, 32 connections: pipelined {fast:,.0f}/s, plain {slow:,.0f}/s, {fast / slow:.1f} times")
    broken = [
        *([f"{fast:,.0f}/s at 20 ms, at least {FAR_AT_LEAST:,} expected"] if fast < FAR_AT_LEAST else []),
        *([f"pipelined costs {ours:.0f} us, plain {theirs:.0f}"] if theirs < CHEAPER * ours else []),
    ]
    for line in broken:
        print("broken:", line)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
