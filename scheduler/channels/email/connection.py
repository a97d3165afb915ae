"""One SMTP connection and its dialogue, blocking; each failure is named after what it means for the message."""

from __future__ import annotations

import contextlib
import smtplib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator

from scheduler.channels.email import wire
from scheduler.channels.email.hello import literal
from scheduler.channels.email.mime import Mail
from scheduler.channels.email.server import SmtpServer, Timeouts
from scheduler.channels.email.wire import CHECK, Dropped, Reply
from scheduler.errors import ChannelDown, NotSent, Unknown


class Connection:
    """Talks to one server, one mail at a time: `begin` can be taken back, `finish` cannot.

    It opens itself when needed, is kept open between mails, and opens anew when the server gave up an idle one. To be
    used by one thread at a time; only `retire` may be called from another.
    """

    def __init__(
        self, server: SmtpServer, timeouts: Timeouts, tls: Callable[[], ssl.SSLContext], hello: str | None
    ) -> None:
        self._server = server
        self._timeouts = timeouts
        self._tls = tls
        self._hello = hello
        self._smtp: smtplib.SMTP | None = None
        self._dirty = False
        self._taken = 0
        self._turn = threading.Lock()
        self.retired = False

    def begin(self, mail: Mail) -> None:
        """Connect, log in, name sender and recipient; nothing is sent yet and everything can be taken back.

        Raises NotSent, Refused (this recipient), ChannelDown (log-in or sender).
        """
        with self._turn:
            if self._smtp is not None:
                try:
                    self._envelope(self._smtp, mail)
                except Dropped:
                    self._close()
                else:
                    return
            try:
                if self.retired:
                    raise Dropped("is no longer wanted")
                self._smtp = self._open()
                self._envelope(self._smtp, mail)
            except Dropped as dropped:
                self._close()
                raise NotSent(f"mail server {self._server} {dropped}", remedy=dropped.remedy) from None

    def greet(self) -> None:
        """Connect and log in, without a mail. Raises NotSent (nobody answers) or ChannelDown (refused)."""
        with self._turn:
            try:
                self._smtp = self._smtp or self._open()
            except Dropped as dropped:
                raise NotSent(f"mail server {self._server} {dropped}", remedy=dropped.remedy) from None

    def finish(self, mail: Mail) -> str:
        """Send the mail that `begin` announced and return the server's words; to be called once the attempt is marked.

        Raises NotSent or Refused when that is certain, Unknown when the line went dead after the final dot.
        """
        with self._turn:
            smtp = self._smtp
            if smtp is None or self.retired:
                self._close()
                raise NotSent(f"mail server {self._server}: the connection was closed before the mail")
            try:
                self._data(smtp, mail)
            except Dropped as dropped:
                self._close()
                raise NotSent(f"mail server {self._server} {dropped} before the end of the mail") from None
            try:
                return self._dot(smtp)
            except Dropped as dropped:
                self._close()
                raise Unknown(
                    f"mail server {self._server} {dropped} after the end of the mail: it may have been accepted"
                ) from None

    def quit(self) -> None:
        """Say good-bye, if the server still listens, and close."""
        with self._turn:
            self._say_goodbye()

    def retire(self) -> None:
        """Never use this connection again: a thread that waits on it wakes up, and whoever comes next is refused.

        What the waiting thread then reports is as true as ever: NotSent before the final dot, Unknown after it.
        """
        self.retired = True
        smtp = self._smtp
        if smtp is not None and smtp.sock is not None:
            with contextlib.suppress(OSError):
                # The plain socket's method: that of a TLS socket would let bytes in flight go out unencrypted.
                socket.socket.shutdown(smtp.sock, socket.SHUT_RDWR)

    def abort(self) -> None:
        """Close without a word."""
        with self._turn:
            self._close()

    def _say_goodbye(self) -> None:
        if self._smtp is not None:
            self._wait(self._smtp, self._timeouts.quit)
            with contextlib.suppress(Dropped, ssl.SSLError, smtplib.SMTPException):
                self._command(self._smtp, "QUIT")
        self._close()

    def _close(self) -> None:
        smtp, self._smtp = self._smtp, None
        self._dirty = False
        self._taken = 0
        if smtp is not None:
            smtp.close()

    def _open(self) -> smtplib.SMTP:
        server = self._server
        wait = self._timeouts.connect
        smtp: smtplib.SMTP | None = None
        try:
            name = self._hello or ""  # not None: the library would look for one, and `_introduce` names us
            with _dropping():
                if server.security == "smtps":
                    smtp = smtplib.SMTP_SSL(
                        server.host, server.port, local_hostname=name, timeout=wait, context=self._tls()
                    )
                else:
                    smtp = smtplib.SMTP(server.host, server.port, local_hostname=name, timeout=wait)
                assert smtp.sock is not None
                # The final dot is a small packet of its own; without this it waits for an acknowledgement.
                smtp.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._wait(smtp, self._timeouts.command)
                self._introduce(smtp)
                if server.security == "smtp+starttls":
                    smtp.starttls(context=self._tls())
                    self._introduce(smtp)
                if server.user is not None:
                    self._log_in(smtp)
        except (ssl.SSLError, smtplib.SMTPException) as error:
            if smtp is not None:
                smtp.close()
            raise self._opening(error) from None
        except (Dropped, ChannelDown):
            if smtp is not None:
                smtp.close()
            raise
        return smtp

    def _introduce(self, smtp: smtplib.SMTP) -> None:
        assert smtp.sock is not None
        name = self._hello or literal(smtp.sock.getsockname()[0])
        reply = _read(smtp.ehlo(name))
        if not reply.is_yes and reply.code != 421 and reply.code // 100 in (3, 4, 5):
            reply = _read(smtp.helo(name))
        if not reply.is_yes:
            raise wire.not_greeted(self._server, reply)

    def _opening(self, error: Exception) -> Exception:
        """Say what a failure to open means: a dead line, or a channel that nobody should use before it is mended."""
        if isinstance(error, ssl.SSLError):
            reason = getattr(error, "verify_message", "") or error.reason or "no common protocol"
            return ChannelDown(f"mail server {self._server}: TLS failed: {reason}", remedy=CHECK)
        if isinstance(error, smtplib.SMTPNotSupportedError):
            return wire.no_tls(self._server)
        if isinstance(error, smtplib.SMTPResponseException):
            return wire.not_opened(self._server, _read((error.smtp_code, error.smtp_error)), "us")
        return Dropped("gave an answer that means nothing")

    def _log_in(self, smtp: smtplib.SMTP) -> None:
        offered = _offered(smtp)
        way = wire.login(self._server, offered)
        if way is None:
            raise wire.no_login(self._server, offered)
        reply = self._command(smtp, way.first)
        for answer in way.answers:
            if reply.code == 334:
                reply = self._command(smtp, answer(reply.text))
        if reply.code != 235:
            raise wire.not_opened(self._server, reply, "the log-in")

    def _envelope(self, smtp: smtplib.SMTP, mail: Mail) -> None:
        self._wait(smtp, self._timeouts.command)
        if self._dirty and self._command(smtp, "RSET").code != 250:
            raise Dropped("cannot forget the mail before")
        commands = wire.mail_commands(self._server, mail, _offered(smtp))
        self._dirty = True
        for what, command in zip(("the sender", "the recipient"), commands, strict=True):
            reply = self._command(smtp, command, what)
            if what == "the sender" and (over := wire.session_over(self._server, reply, self._taken)) is not None:
                self._say_goodbye()
                raise over
            if not reply.is_yes:
                raise wire.refused_greeting(self._server, reply) or wire.refusal(self._server, what, reply)

    def _data(self, smtp: smtplib.SMTP, mail: Mail) -> None:
        """Send everything but the final dot: until that, closing the connection takes it all back."""
        self._wait(smtp, self._timeouts.data)
        reply = self._command(smtp, "DATA", "the mail")
        if reply.code != 354:
            raise wire.refusal(self._server, "the mail", reply)
        self._wait(smtp, self._timeouts.block)
        with _dropping():
            smtp.send(wire.travelling(mail))

    def _dot(self, smtp: smtplib.SMTP) -> str:
        self._wait(smtp, self._timeouts.dot)
        with _dropping():
            smtp.send(b".\r\n")
            reply = _read(smtp.getreply())
        if reply.is_yes:
            self._dirty = False
            self._taken += 1
            return wire.shown(self._server, reply)
        error = wire.refusal(self._server, "the mail", reply)
        self._dirty = isinstance(error, Dropped)  # a no ends the mail as a yes does (RFC 5321 4.1.1.4)
        if reply.code == 421:
            self._close()
        raise error

    def _command(self, smtp: smtplib.SMTP, line: str, what: str = "") -> Reply:
        with _dropping():
            smtp.send(line.encode() + b"\r\n")
            reply = _read(smtp.getreply())
        if reply.code == 421:
            error = wire.refusal(self._server, what, reply)
            if what and isinstance(error, ChannelDown):
                self._close()
                raise error
            raise Dropped(f"closes the connection: {wire.shown(self._server, reply)}", busy=True)
        return reply

    @staticmethod
    def _wait(smtp: smtplib.SMTP, seconds: float) -> None:
        if smtp.sock is not None:
            with contextlib.suppress(OSError):  # closed already: the next step will say so
                smtp.sock.settimeout(seconds)


@contextlib.contextmanager
def _dropping() -> Iterator[None]:
    """Turn every way a line can die into Dropped; faults of the TLS handshake pass, they are no accident."""
    try:
        yield
    except (socket.gaierror, UnicodeError):
        raise Dropped("cannot be found: its name does not resolve") from None
    except TimeoutError:
        raise Dropped("did not answer in time") from None
    except ConnectionRefusedError:
        raise Dropped("refused the connection") from None
    except smtplib.SMTPServerDisconnected as error:
        silent = isinstance(error.__context__, TimeoutError)
        raise Dropped("did not answer in time" if silent else "hung up") from None
    except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
        raise Dropped("hung up during TLS") from None
    except (ssl.SSLError, smtplib.SMTPException):  # both are OSErrors, and neither is the line's fault
        raise
    except OSError as error:
        raise Dropped(f"cannot be reached: {error.strerror or type(error).__name__}") from None


def _read(raw: tuple[int, bytes | str]) -> Reply:
    return Reply(raw[0], raw[1].decode(errors="replace") if isinstance(raw[1], bytes) else raw[1])


def _offered(smtp: smtplib.SMTP) -> wire.Features:
    return {name.upper(): value for name, value in smtp.esmtp_features.items()}
