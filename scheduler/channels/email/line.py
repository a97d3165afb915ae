"""An open line to a mail server: how it is opened, and what one mail says on it; not who may use it when."""

from __future__ import annotations

import asyncio
import errno
import os
import re
import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from scheduler.channels.email import wire
from scheduler.channels.email.dialogue import Dialogue
from scheduler.channels.email.hello import literal
from scheduler.channels.email.mime import Mail
from scheduler.channels.email.server import SmtpServer, Timeouts
from scheduler.channels.email.wire import CHECK, Dropped, Reply
from scheduler.errors import ChannelDown

_START = 354
_NEXT_ADDRESS_SECONDS = 0.25  # RFC 8305 5: an address that swallows what is sent to it holds nobody up
_ERRNO = re.compile(r"\[Errno (\d+)\]")
_WHAT = {"MAIL": "the sender", "RCPT": "the recipient", "DATA": "the mail"}


@dataclass(eq=False, slots=True)
class Turn:
    """A mail that waits for a line; `answered` gets the replies to its envelope, or at once none in lock-step."""

    mail: Mail
    data: bytes  # the mail as it travels, without the final dot
    commands: tuple[str, ...] = ()
    answered: asyncio.Future[list[Reply]] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    line: Line | None = None
    first: bool = False  # of its line: a failure is then the server's, and no idle connection's that was given up


class Line:
    """One connection that is logged in. Everything before `finish` is taken back by `Dialogue.lose`."""

    def __init__(self, server: SmtpServer, timeouts: Timeouts, dialogue: Dialogue, offered: wire.Features) -> None:
        self._server = server
        self._timeouts = timeouts
        self.dialogue = dialogue
        self.offered = offered
        self.pipelining = "PIPELINING" in offered
        self.since = asyncio.get_running_loop().time()
        self.begun = 0
        self.taken = 0
        self._dirty = False

    def accept(self, turn: Turn) -> None:
        """Make a turn this line's. Raises Refused when the server cannot take the mail; nothing was said then."""
        commands = wire.mail_commands(self._server, turn.mail, self.offered)
        turn.commands = ("RSET", *commands, "DATA") if self._dirty else (*commands, "DATA")
        turn.line = self
        turn.first = self.begun == 0
        self._dirty = False
        self.begun += 1

    def begin(self, turn: Turn) -> None:
        """Say who writes to whom and that the mail comes: in one go where the server takes that."""
        if self.pipelining:
            self.dialogue.write(_joined(turn.commands))
            self._expect_replies(turn)
        else:
            turn.answered.set_result([])

    async def start(self, turn: Turn, replies: list[Reply]) -> None:
        """Come to the point where the server waits for the mail itself; `replies` are what `begin` brought.

        Raises what a no means (NotSent, Refused, ChannelDown), or Dropped: where the line itself is alive, this mail
        needs another.
        """
        if not self.pipelining:
            replies = await self._step_by_step(turn)
        try:
            for command, reply in zip(turn.commands, replies, strict=False):
                self._judge(turn, command, reply)
        except Exception:  # whatever the judgement was, the server's state has to be taken back
            self._dirty = True
            if replies[-1].code == _START:
                # It waits for a mail that nobody may get: only closing takes that back without a final dot.
                self.dialogue.lose("is no longer wanted")
            raise

    def _judge(self, turn: Turn, command: str, reply: Reply) -> None:
        """Raise what a no to one command means; a yes to it passes."""
        if command == "RSET":
            if not reply.is_yes:
                raise self._broken("cannot forget the mail before", busy=reply.code == 421)
            return
        what = _WHAT[command[:4]]
        if reply.code == _START if command == "DATA" else reply.is_yes:
            return
        if command.startswith("MAIL") and (over := wire.session_over(self._server, reply, self.taken)) is not None:
            raise over
        error = wire.refused_greeting(self._server, reply) or wire.refusal(self._server, what, reply)
        if isinstance(error, ChannelDown) and reply.code == 503 and not turn.first:
            raise self._broken("has not forgotten the mail before")
        if reply.code == 421 and not isinstance(error, ChannelDown):
            raise self._broken(f"closes the connection: {wire.shown(self._server, reply)}", busy=True)
        if isinstance(error, Dropped):
            raise self._broken(str(error))
        raise error

    async def _step_by_step(self, turn: Turn) -> list[Reply]:
        replies: list[Reply] = []
        for command in turn.commands:
            seconds = self._timeouts.data if command == "DATA" else self._timeouts.command
            replies.append(await self.ask(command, seconds))
            if replies[-1].code // 100 not in (2, 3):
                break
        return replies

    async def write(self, data: bytes) -> None:
        """Write the mail without its final dot. Raises Dropped."""
        self.dialogue.write(data)
        await self.dialogue.written(self._timeouts.block)

    def finish(self, follower: Turn | None) -> asyncio.Future[list[Reply]]:
        """Write the final dot, from which there is no way back, and behind it the envelope of the mail that comes next.

        RFC 2920 3.1 allows that, whatever becomes of the first. The future gets the reply to the dot.
        """
        behind = _joined(follower.commands) if follower is not None else b""
        self.dialogue.write(b".\r\n" + behind)
        reply = self.dialogue.expect(1, self._timeouts.dot)
        if follower is not None:
            self._expect_replies(follower)
        return reply

    def _expect_replies(self, turn: Turn) -> None:
        self.dialogue.expect(len(turn.commands), self._timeouts.command, turn.answered, last=self._timeouts.data)

    def ended(self, reply: Reply) -> str:
        """Return the server's words when it took the mail. Raises what its no means, Dropped for nonsense."""
        if reply.is_yes:
            self.taken += 1
            return wire.shown(self._server, reply)
        error = wire.refusal(self._server, "the mail", reply)
        if isinstance(error, Dropped):
            raise self._broken(str(error))
        raise error

    async def ask(self, command: str, seconds: float) -> Reply:
        """Say one command and return the reply to it. Raises Dropped."""
        self.dialogue.write(_joined([command]))
        return (await self.dialogue.expect(1, seconds))[0]

    async def leave(self) -> None:
        """Say good-bye, if the server still listens, and close."""
        try:
            await self.ask("QUIT", self._timeouts.quit)
        except Dropped:
            pass
        finally:
            self.dialogue.lose("was closed")
        await self.dialogue.ended()

    def _broken(self, how: str, *, busy: bool = False) -> Dropped:
        self.dialogue.lose(how, busy=busy)
        return Dropped(how, busy=busy)


def _joined(commands: Sequence[str]) -> bytes:
    return "".join(f"{command}\r\n" for command in commands).encode()


async def opened(
    server: SmtpServer,
    timeouts: Timeouts,
    tls: Callable[[], ssl.SSLContext],
    hello: str | None,
    on_lost: Callable[[Dialogue], None],
) -> Line:
    """Connect, greet, begin TLS and log in. Raises Dropped (nobody there, or not now) or ChannelDown (not us).

    Without a name in `hello` we greet with the address that this very connection comes from.
    """
    dialogues: list[Dialogue] = []

    def made() -> Dialogue:
        dialogues.append(Dialogue(timeouts.connect, lambda: on_lost(dialogues[0]) if dialogues else None))
        return dialogues[0]

    try:
        await _connect(server, timeouts, tls, made)
        return await _introduced(server, timeouts, tls, hello or _own_address(dialogues[0]), dialogues[0])
    except BaseException:  # cancelled too: no connection stays open without an owner
        for dialogue in dialogues:
            dialogue.lose("was closed")
            await dialogue.ended()
        raise


async def _connect(
    server: SmtpServer, timeouts: Timeouts, tls: Callable[[], ssl.SSLContext], made: Callable[[], Dialogue]
) -> None:
    loop = asyncio.get_running_loop()
    # One address has no next one, and a race of one would end later than its cancelled caller (Python 3.11).
    delay = None if server.is_address else _NEXT_ADDRESS_SECONDS
    try:
        async with asyncio.timeout(timeouts.connect):
            if server.security == "smtps":
                await loop.create_connection(
                    made,
                    server.host,
                    server.port,
                    ssl=tls(),
                    ssl_handshake_timeout=max(timeouts.connect, 0.01),
                    happy_eyeballs_delay=delay,
                )
            else:
                await loop.create_connection(made, server.host, server.port, happy_eyeballs_delay=delay)
    except (OSError, UnicodeError) as error:
        raise _failure(server, error) from None


def _own_address(dialogue: Dialogue) -> str:
    here = dialogue.transport.get_extra_info("sockname")
    if here is None:  # gone before anybody could ask
        raise Dropped("hung up")
    return literal(here[0])


async def _introduced(
    server: SmtpServer, timeouts: Timeouts, tls: Callable[[], ssl.SSLContext], hello: str, dialogue: Dialogue
) -> Line:
    greeting = (await dialogue.greeting)[0]
    if greeting.code != 220:
        raise wire.not_opened(server, greeting, "us")
    line = Line(server, timeouts, dialogue, {})
    offered = await _greet(line, server, timeouts, hello)
    if server.security == "smtp+starttls":
        if "STARTTLS" not in offered:
            raise wire.no_tls(server)
        if (reply := await line.ask("STARTTLS", timeouts.command)).code != 220:
            raise wire.not_opened(server, reply, "us")
        await _secure(server, timeouts, tls, dialogue)
        offered = await _greet(line, server, timeouts, hello)  # what was offered in clear counts for nothing
    if server.user is not None:
        await _log_in(line, server, timeouts, offered)
    return Line(server, timeouts, dialogue, offered)


async def _greet(line: Line, server: SmtpServer, timeouts: Timeouts, hello: str) -> wire.Features:
    reply = await line.ask(f"EHLO {hello}", timeouts.command)
    if reply.is_yes:
        return wire.features(reply.text)
    if reply.code == 421:
        raise wire.not_greeted(server, reply)
    reply = await line.ask(f"HELO {hello}", timeouts.command)
    if not reply.is_yes:
        raise wire.not_greeted(server, reply)
    return {}


async def _secure(
    server: SmtpServer, timeouts: Timeouts, tls: Callable[[], ssl.SSLContext], dialogue: Dialogue
) -> None:
    if not dialogue.is_quiet:
        # Words said in clear that would be read as if they had come under TLS.
        raise ChannelDown(f"mail server {server}: TLS failed: something was said before it began", remedy=CHECK)
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(timeouts.connect):
            secured = await loop.start_tls(dialogue.transport, dialogue, tls(), server_hostname=server.host)
    except OSError as error:
        raise _failure(server, error) from None
    if secured is None:
        raise Dropped("hung up during TLS")
    dialogue.connection_made(secured)


async def _log_in(line: Line, server: SmtpServer, timeouts: Timeouts, offered: wire.Features) -> None:
    way = wire.login(server, offered)
    if way is None:
        raise wire.no_login(server, offered)
    reply = await line.ask(way.first, timeouts.command)
    for answer in way.answers:
        if reply.code == 334:
            reply = await line.ask(answer(reply.text), timeouts.command)
    if reply.code != 235:
        raise wire.not_opened(server, reply, "the log-in")


def _failure(server: SmtpServer, error: Exception) -> Exception:
    """Return what a connection that was not made means: a dead line, or TLS that nobody should use before it works."""
    if isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
        return Dropped("hung up during TLS")
    if isinstance(error, ssl.SSLError):
        reason = getattr(error, "verify_message", "") or error.reason or "no common protocol"
        return ChannelDown(f"mail server {server}: TLS failed: {reason}", remedy=CHECK)
    if isinstance(error, (socket.gaierror, UnicodeError)):
        return Dropped("cannot be found: its name does not resolve", busy=True)
    if isinstance(error, TimeoutError):
        return Dropped("did not answer in time", busy=True)
    if isinstance(error, ConnectionResetError):
        return Dropped("hung up")
    # The error of a name with several addresses has nothing but the words of them all.
    codes = {int(code) for code in _ERRNO.findall(str(error))}
    if codes == {errno.ECONNREFUSED}:
        return Dropped("refused the connection", busy=True)
    reasons = " and ".join(os.strerror(code) for code in sorted(codes))
    return Dropped(f"cannot be reached: {reasons or type(error).__name__}", busy=True)
