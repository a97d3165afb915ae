"""A quick mail server in a process of its own: takes a script of answers and accidents, remembers what it accepted.

Run as a program it serves and obeys one JSON command a line on its standard input; `Sink` is the other end of that.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import socket
import struct
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

LIMIT_SECONDS = 60
_ADDRESS = re.compile(rb"<([^>]*)>")


class _Gone(Exception):
    """The script closed this connection."""


@dataclass(frozen=True)
class Rule:
    """What happens at a step of the dialogue: connect, ehlo, auth, mail, rcpt, data, body, dot, rset or quit.

    `do`: `reply` (with `code` and `text`), `delay` (`seconds`), `drip` (the answer one byte a tenth of a second),
    `hold` (until released), `silent` (never answers), `deaf` (nor reads), `rst` or `close` (the line goes dead). At the dot `take-rst`,
    `take-close`, `take-silent` and `take-reply` accept the message first. `match` is a part of the recipient's
    address. The rule holds from its `first` hit on, `times` times (0: for ever).
    """

    step: str
    do: str
    code: int = 250
    text: str = "2.0.0 so be it"
    seconds: float = 0
    match: str = ""
    first: int = 1
    times: int = 0


@dataclass
class _Script:
    rules: list[Rule] = field(default_factory=list)
    hits: Counter[int] = field(default_factory=Counter)

    def at(self, step: str, recipient: str) -> Rule | None:
        for number, rule in enumerate(self.rules):
            if rule.step != step or rule.match not in recipient:
                continue
            self.hits[number] += 1
            hit = self.hits[number]
            if hit >= rule.first and (rule.times == 0 or hit < rule.first + rule.times):
                return rule
        return None


class _Server:
    def __init__(self, *, auth: bool) -> None:
        self.auth = auth
        self.script = _Script()
        self.released = asyncio.Event()
        self.changed = asyncio.Condition()
        self.taken: list[tuple[str, str, float, int]] = []
        self.steps: Counter[str] = Counter()
        self.open = self.most = self.numbers = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.numbers += 1
        self.open += 1
        self.most = max(self.most, self.open)
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            await _Dialogue(self, reader, writer, self.numbers).run()
        except (_Gone, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            self.open -= 1
            writer.transport.abort()
            await self.tell()

    async def tell(self) -> None:
        async with self.changed:
            self.changed.notify_all()

    async def obey(self, order: dict[str, Any]) -> object:
        """Carry out one command of the controlling end."""
        do = order.pop("do")
        if do == "script":
            self.script = _Script([Rule(**rule) for rule in order["rules"]])
            self.released.set()
            self.released = asyncio.Event()
            return True
        if do == "release":
            self.script.rules = [rule for rule in self.script.rules if rule.do != "hold"]
            self.released.set()
            self.released = asyncio.Event()
            return True
        if do == "wait":
            taken, step, count = order.get("taken"), order.get("step"), order.get("count", 1)

            def there() -> bool:
                return len(self.taken) >= taken if taken is not None else self.steps[step] >= count

            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(order["seconds"]), self.changed:
                    await self.changed.wait_for(there)
            return there()
        if do == "taken":
            return self.taken[order.get("since", 0) :]
        return {"steps": dict(self.steps), "open": self.open, "most": self.most, "taken": len(self.taken)}


class _Dialogue:
    """One connection."""

    def __init__(
        self, server: _Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int
    ) -> None:
        self.server, self.reader, self.writer, self.number = server, reader, writer, number
        self.recipient = ""

    async def run(self) -> None:
        await self.step("connect", 220, "sink.example at your service")
        while line := await self.reader.readline():
            verb = line[:4].upper()
            if verb in (b"EHLO", b"HELO"):
                offers = ["sink.example", "8BITMIME", "SMTPUTF8", "PIPELINING", "SIZE 50000000"]
                offers += ["AUTH PLAIN LOGIN"] if self.server.auth else []
                await self.step("ehlo", 250, "\n".join(offers))
            elif verb == b"AUTH":
                await self.step("auth", 235, "2.7.0 welcome")
            elif verb == b"MAIL":
                self.recipient = ""
                await self.step("mail", 250, "2.1.0 sender ok")
            elif verb == b"RCPT":
                found = _ADDRESS.search(line)
                self.recipient = found.group(1).decode() if found else ""
                await self.step("rcpt", 250, "2.1.5 recipient ok")
            elif verb == b"DATA":
                if await self.step("data", 354, "go on, end with a dot"):
                    await self.body()
            elif verb == b"RSET":
                await self.step("rset", 250, "2.0.0 forgotten")
            elif verb == b"QUIT":
                await self.step("quit", 221, "2.0.0 bye")
                return
            else:
                await self.answer(500, "5.5.2 what?")

    async def body(self) -> None:
        first = await self.reader.readuntil(b"\r\n")
        await self.step("body", 0, "")
        raw = first + await self.reader.readuntil(b"\r\n.\r\n")
        head = raw.split(b"\r\n\r\n", 1)[0].decode("utf-8", "replace")
        found = re.search(r"(?im)^message-id:\s*(\S+)", head)
        await self.step("dot", 250, "2.0.0 taken", found.group(1) if found else "")

    async def step(self, name: str, code: int, text: str, message_id: str = "") -> bool:
        """Follow the script at a step; answer as usual where it says nothing. Return whether the answer was yes."""
        server = self.server
        server.steps[name] += 1
        await server.tell()
        rule = server.script.at(name, self.recipient)
        do = rule.do if rule is not None else ""
        if rule is not None:
            if do == "delay":
                await asyncio.sleep(rule.seconds)
            elif do == "hold":
                await server.released.wait()
            elif do == "reply":
                await self.answer(rule.code, rule.text)
                if rule.code == 421:
                    raise _Gone
                return rule.code // 100 in (2, 3)
        accident = do.removeprefix("take-")
        if name == "dot" and (accident == do):
            if do not in ("rst", "close", "silent"):
                self.take(message_id)
        elif name == "dot":
            self.take(message_id)
        if accident == "rst":
            sock = self.writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            raise _Gone
        if accident == "close":
            raise _Gone
        if accident == "silent":
            await self.reader.read()  # until the other end gives up
            raise _Gone
        if accident == "deaf":
            self.writer.transport.pause_reading()
            await server.released.wait()
            raise _Gone
        if rule is not None and do == "take-reply":
            await self.answer(rule.code, rule.text)
        elif code:
            await self.answer(code, text, slowly=do == "drip")
        await server.tell()
        return True

    def take(self, message_id: str) -> None:
        self.server.taken.append((self.recipient, message_id, time.time(), self.number))

    async def answer(self, code: int, text: str, *, slowly: bool = False) -> None:
        lines = text.split("\n")
        raw = "".join(
            f"{code}{' ' if number == len(lines) else '-'}{line}\r\n" for number, line in enumerate(lines, 1)
        ).encode()
        for piece in [raw[at : at + 1] for at in range(len(raw))] if slowly else [raw]:
            self.writer.write(piece)
            await self.writer.drain()
            if slowly:
                await asyncio.sleep(0.1)


async def _main(*, auth: bool, port: int) -> None:
    server = _Server(auth=auth)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", port, limit=1 << 26, backlog=1024)
    print(json.dumps(listening.sockets[0].getsockname()[1]), flush=True)
    reader = asyncio.StreamReader(limit=1 << 26)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        print(json.dumps(await server.obey(json.loads(line))), flush=True)
    os._exit(0)


@dataclass(frozen=True)
class Taken:
    """A message the server accepted: envelope recipient, Message-ID, when, and on which of its connections."""

    recipient: str
    message_id: str
    at: float
    connection: int


class Sink:
    """The controlling end of a server in another process."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self._process = process
        self.port = port
        self.url = f"smtp://127.0.0.1:{port}"

    def script(self, *rules: Rule) -> None:
        """Follow these rules from now on, and forget those before; whoever was held goes on."""
        self._order(do="script", rules=[vars(rule) for rule in rules])

    def release(self) -> None:
        """Let everybody go on who is held, and hold nobody any more."""
        self._order(do="release")

    def wait(self, taken: int, seconds: float = LIMIT_SECONDS) -> None:
        """Wait until so many messages were accepted."""
        assert self.has(taken, seconds), f"{self.stats()['taken']} of {taken} messages came"

    def has(self, taken: int, seconds: float) -> bool:
        """Return whether so many messages were accepted before the time was over."""
        return bool(self._order(do="wait", taken=taken, seconds=seconds))

    def wait_step(self, step: str, count: int = 1, seconds: float = LIMIT_SECONDS) -> None:
        """Wait until a step of the dialogue was reached so many times since the start."""
        assert self._order(do="wait", step=step, count=count, seconds=seconds), f"{step}: {self.stats()['steps']}"

    def reached(self, step: str) -> int:
        """Return how many times a step was reached."""
        return int(self.stats()["steps"].get(step, 0))

    def stats(self) -> dict[str, Any]:
        """Return the steps reached, the connections open now, the most there were, and how many messages came."""
        found = self._order(do="stats")
        assert isinstance(found, dict)
        return found

    def quiet(self) -> int:
        """Wait until nobody is connected, so that nothing more is accepted; return how many messages came."""
        deadline = time.monotonic() + LIMIT_SECONDS
        while self.stats()["open"]:
            assert time.monotonic() < deadline, self.stats()
            time.sleep(0.02)
        return int(self.stats()["taken"])

    def taken(self, since: int = 0) -> list[Taken]:
        """Return what was accepted, in order."""
        found = self._order(do="taken", since=since)
        assert isinstance(found, list)
        return [Taken(*line) for line in found]

    def recipients(self) -> list[str]:
        """Return the envelope recipients of what was accepted, in order."""
        return [one.recipient for one in self.taken()]

    def _order(self, **order: object) -> object:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


@contextmanager
def sink(*, auth: bool = False, port: int = 0) -> Iterator[Sink]:
    """Run a server while the block lasts; `auth` offers a log-in, `port` is for one that comes back."""
    process = subprocess.Popen(
        [sys.executable, __file__, "auth" if auth else "open", str(port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield Sink(process, json.loads(process.stdout.readline()))
    finally:
        process.kill()
        process.communicate()


if __name__ == "__main__":
    asyncio.run(_main(auth=sys.argv[1] == "auth", port=int(sys.argv[2])))
