"""A mail server of a few lines that writes down every command it hears, and answers each step as it is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from support.http_peer import serving

OFFERS = ("PIPELINING", "SIZE 1000000", "8BITMIME", "SMTPUTF8")
_USUAL = {
    "greeting": "220 mx.example.org",
    "EHLO": "",
    "MAIL": "250 2.1.0 OK",
    "RCPT": "250 2.1.5 OK",
    "DATA": "354 go on",
    "END": "250 2.0.0 queued",
    "RSET": "250 2.0.0 OK",
    "QUIT": "221 2.0.0 bye",
}


class Peer:
    """Answers by `once[step]` while it has something, then by `says[step]`, then as usual.

    Steps are the commands, `greeting` and `END` (after the final dot). An answer of `drop` cuts the line, `hang` is
    silence; `behind` waits for the next command, and then answers. `heard` has the commands, `.` for a final dot and
    `open` for a connection, and whatever a test adds.
    """

    def __init__(self, offers: Sequence[str] = OFFERS, **says: str) -> None:
        self.says = says
        self.once: dict[str, list[str]] = {}
        self.heard: list[str] = []
        self.mails: list[bytes] = []
        self.body = asyncio.Event()  # the last line of a mail was heard, and not yet its final dot
        self.last_line = b""
        self.hanging = asyncio.Event()
        self.goes_on = asyncio.Event()
        self._offers = offers

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[int]:
        """Serve on a loopback port."""
        async with serving(self._answer) as port:
            yield port

    @property
    def dots(self) -> int:
        """How many mails were ended."""
        return self.heard.count(".")

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heard.append("open")
        await self._say("greeting", reader, writer)
        while line := await reader.readline():
            command = line.decode().strip()
            step = command[:4].upper()
            self.heard.append(step + command[4:] if step in _USUAL else command)
            if await self._say(step, reader, writer) and step == "DATA":
                await self._mail(reader, writer)

    async def _mail(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines: list[bytes] = []
        while (line := await reader.readline()) != b".\r\n":
            if not line:
                return
            lines.append(line)
            if line == self.last_line:
                self.body.set()
        self.heard.append(".")
        if await self._say("END", reader, writer):
            self.mails.append(b"".join(lines))

    async def _say(self, step: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        reply = self.once[step].pop(0) if self.once.get(step) else self.says.get(step, _USUAL.get(step, "500 what?"))
        if reply == "drop":
            writer.transport.abort()
            raise ConnectionResetError
        if reply == "hang":
            self.hanging.set()
            await self.goes_on.wait()
            reply = _USUAL[step]
        if reply == "behind":
            while b"DATA" not in reader._buffer:  # type: ignore[attr-defined]
                await asyncio.sleep(0.001)
            reply = _USUAL[step]
        if step == "EHLO" and not reply:
            reply = "\r\n".join(["250-mx.example.org", *(f"250-{offer}" for offer in self._offers), "250 HELP"])
        writer.write(reply.encode() + b"\r\n")
        await writer.drain()
        return reply[:1] in ("2", "3")
