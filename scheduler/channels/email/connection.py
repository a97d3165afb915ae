"""One SMTP connection and its dialogue, blocking; each failure is named after what it means for the message."""

from __future__ import annotations

import base64
import contextlib
import re
import smtplib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator

from scheduler.channels.email.mime import Mail
from scheduler.channels.email.server import SmtpServer, Timeouts
from scheduler.errors import ChannelDown, DeliveryError, NotSent, Refused, Unknown

_ADDRESS = re.compile(r"[^\s<>()\[\]:;,]+@[^\s<>()\[\];,]+")
_DOT_LINE = re.compile(rb"(?m)^\.")
_CHECK = "check CAMPAIGN_SMTP_URL"

Reply = tuple[int, str]


class _Dropped(Exception):
    """The server hung up, went silent or said 421; what that means depends on how far the dialogue was."""


class Connection:
    """Talks to one server, one mail at a time: `begin` can be taken back, `finish` cannot.

    It opens itself when needed, is kept open between mails, and opens anew when the server gave up an idle one. To be
    used by one thread at a time; only `retire` may be called from another.
    """

    def __init__(self, server: SmtpServer, timeouts: Timeouts, tls: Callable[[], ssl.SSLContext], hello: str) -> None:
        self._server = server
        self._timeouts = timeouts
        self._tls = tls
        self._hello = hello
        self._smtp: smtplib.SMTP | None = None
        self._dirty = False
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
                except _Dropped:
                    self._close()
                else:
                    return
            try:
                if self.retired:
                    raise _Dropped("is no longer wanted")
                self._smtp = self._open()
                self._envelope(self._smtp, mail)
            except _Dropped as dropped:
                self._close()
                raise NotSent(f"mail server {self._server} {dropped}", remedy=_CHECK) from None

    def greet(self) -> None:
        """Connect and log in, without a mail. Raises NotSent (nobody answers) or ChannelDown (refused)."""
        with self._turn:
            try:
                self._smtp = self._smtp or self._open()
            except _Dropped as dropped:
                raise NotSent(f"mail server {self._server} {dropped}", remedy=_CHECK) from None

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
            except _Dropped as dropped:
                self._close()
                raise NotSent(f"mail server {self._server} {dropped} before the end of the mail") from None
            try:
                return self._dot(smtp)
            except _Dropped as dropped:
                self._close()
                raise Unknown(
                    f"mail server {self._server} {dropped} after the end of the mail: it may have been accepted"
                ) from None

    def quit(self) -> None:
        """Say good-bye, if the server still listens, and close."""
        with self._turn:
            if self._smtp is not None:
                self._wait(self._smtp, self._timeouts.quit)
                with contextlib.suppress(_Dropped):
                    self._command(self._smtp, "QUIT")
            self._close()

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

    def _close(self) -> None:
        smtp, self._smtp = self._smtp, None
        self._dirty = False
        if smtp is not None:
            smtp.close()

    def _open(self) -> smtplib.SMTP:
        server = self._server
        wait = self._timeouts.connect
        smtp: smtplib.SMTP | None = None
        try:
            with _dropping():
                if server.security == "smtps":
                    smtp = smtplib.SMTP_SSL(
                        server.host, server.port, local_hostname=self._hello, timeout=wait, context=self._tls()
                    )
                else:
                    smtp = smtplib.SMTP(server.host, server.port, local_hostname=self._hello, timeout=wait)
                assert smtp.sock is not None
                # The final dot is a small packet of its own; without this it waits for an acknowledgement.
                smtp.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._wait(smtp, self._timeouts.command)
                smtp.ehlo_or_helo_if_needed()
                if server.security == "smtp+starttls":
                    smtp.starttls(context=self._tls())
                    smtp.ehlo_or_helo_if_needed()
                if server.user is not None:
                    _log_in(smtp, server.user, server.password or "")
        except (_Dropped, ssl.SSLError, smtplib.SMTPException) as error:
            if smtp is not None:
                smtp.close()
            raise self._opening(error) from None
        return smtp

    def _opening(self, error: Exception) -> Exception:
        """Say what a failure to open means: a dead line, or a channel that nobody should use before it is mended."""
        name = f"mail server {self._server}"
        if isinstance(error, _Dropped):
            return error
        if isinstance(error, ssl.SSLError):
            reason = getattr(error, "verify_message", "") or error.reason or "no common protocol"
            return ChannelDown(f"{name}: TLS failed: {reason}", remedy=_CHECK)
        if isinstance(error, smtplib.SMTPNotSupportedError):
            lacks = "STARTTLS" if "STARTTLS" in str(error) else "log-in"
            return ChannelDown(f"{name} does not offer {lacks}", remedy=_CHECK)
        if isinstance(error, smtplib.SMTPResponseException):
            code, text = self._reply((error.smtp_code, error.smtp_error))
            if code // 100 == 5:
                step = "the log-in" if isinstance(error, smtplib.SMTPAuthenticationError) else "us"
                return ChannelDown(f"{name} refused {step}: {code} {text}", remedy=_CHECK)
            return _Dropped(f"cannot take mail now: {code} {text}")
        return ChannelDown(f"{name} offers no log-in we know", remedy=_CHECK)

    def _envelope(self, smtp: smtplib.SMTP, mail: Mail) -> None:
        self._wait(smtp, self._timeouts.command)
        if self._dirty and self._command(smtp, "RSET")[0] != 250:
            raise _Dropped("cannot forget the mail before")
        options = ""
        if mail.needs_smtputf8:
            if not smtp.has_extn("smtputf8"):
                raise Refused(f"mail server {self._server} takes no address with letters outside a-z before the @")
            options = " SMTPUTF8"
        self._dirty = True
        reply = self._command(smtp, f"MAIL FROM:<{mail.return_path.address}>{options}")
        if reply[0] // 100 == 5:
            raise ChannelDown(
                f"mail server {self._server} refused the sender: {reply[0]} {reply[1]}",
                remedy="check `senders: {email: ...}` and the log-in",
            )
        if reply[0] // 100 != 2:
            raise self._verdict(reply, "the sender")
        reply = self._command(smtp, f"RCPT TO:<{mail.recipient.address}>")
        if reply[0] // 100 != 2:
            raise self._verdict(reply, "the recipient")

    def _data(self, smtp: smtplib.SMTP, mail: Mail) -> None:
        """Send everything but the final dot: until that, closing the connection takes it all back."""
        self._wait(smtp, self._timeouts.data)
        reply = self._command(smtp, "DATA")
        if reply[0] != 354:
            raise self._verdict(reply, "the mail")
        self._wait(smtp, self._timeouts.block)
        with _dropping():
            smtp.send(_DOT_LINE.sub(b"..", mail.data))

    def _dot(self, smtp: smtplib.SMTP) -> str:
        self._wait(smtp, self._timeouts.dot)
        with _dropping():
            smtp.send(b".\r\n")
            reply = self._reply(smtp.getreply())
        if reply[0] // 100 == 2:
            self._dirty = False
            return f"{reply[0]} {reply[1]}"
        if reply[0] == 421:
            self._close()
        raise self._verdict(reply, "the mail")

    def _command(self, smtp: smtplib.SMTP, line: str) -> Reply:
        with _dropping():
            smtp.send(line.encode() + b"\r\n")
            reply = self._reply(smtp.getreply())
        if reply[0] == 421:
            raise _Dropped(f"closes the connection: {reply[0]} {reply[1]}")
        return reply

    def _verdict(self, reply: Reply, what: str) -> Exception:
        """Return what a reply that is not a yes means for the message; 4yz and 5yz are both definite."""
        code, text = reply
        if code // 100 not in (4, 5):
            return _Dropped(f"gave an answer that means nothing: {code} {text}")
        error: type[DeliveryError] = Refused if code // 100 == 5 else NotSent
        return error(f"mail server {self._server} refused {what}: {code} {text}")

    def _reply(self, raw: tuple[int, bytes | str]) -> Reply:
        """Return a reply for the log: one line, no addresses, no log-in, at most 200 characters."""
        text = raw[1].decode(errors="replace") if isinstance(raw[1], bytes) else raw[1]
        text = _ADDRESS.sub("<address>", " ".join(text.split()))
        for secret in (self._server.password, self._server.user):
            if secret:
                text = text.replace(secret, "<secret>")
        return raw[0], "".join(character for character in text if character.isprintable())[:200]

    @staticmethod
    def _wait(smtp: smtplib.SMTP, seconds: float) -> None:
        if smtp.sock is not None:
            with contextlib.suppress(OSError):  # closed already: the next step will say so
                smtp.sock.settimeout(seconds)


@contextlib.contextmanager
def _dropping() -> Iterator[None]:
    """Turn every way a line can die into _Dropped; faults of the TLS handshake pass, they are no accident."""
    try:
        yield
    except (socket.gaierror, UnicodeError):
        raise _Dropped("cannot be found: its name does not resolve") from None
    except TimeoutError:
        raise _Dropped("did not answer in time") from None
    except ConnectionRefusedError:
        raise _Dropped("refused the connection") from None
    except smtplib.SMTPServerDisconnected as error:
        silent = isinstance(error.__context__, TimeoutError)
        raise _Dropped("did not answer in time" if silent else "hung up") from None
    except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
        raise _Dropped("hung up during TLS") from None
    except (ssl.SSLError, smtplib.SMTPException):  # both are OSErrors, and neither is the line's fault
        raise
    except OSError as error:
        raise _Dropped(f"cannot be reached: {error.strerror or type(error).__name__}") from None


def _log_in(smtp: smtplib.SMTP, user: str, password: str) -> None:
    """Log in by what the server offers; beyond ASCII only PLAIN says how to write a password (RFC 4616)."""
    if (user + password).isascii():
        smtp.login(user, password)
        return
    if "PLAIN" not in smtp.esmtp_features.get("auth", "").upper().split():
        raise smtplib.SMTPNotSupportedError("AUTH PLAIN")
    code, text = smtp.docmd("AUTH", "PLAIN " + base64.b64encode(f"\0{user}\0{password}".encode()).decode())
    if code != 235:
        raise smtplib.SMTPAuthenticationError(code, text)
