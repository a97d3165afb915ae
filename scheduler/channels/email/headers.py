"""Header lines: values made harmless, encoded (RFC 2047), folded (RFC 5322); not which headers a mail has.

The standard library's writer is not used: it folds a long token such as a link in List-Unsubscribe into an encoded
word, which mailbox providers then cannot read, and takes header names with line breaks.
"""

from __future__ import annotations

import re
from binascii import b2a_base64

from scheduler.channels.email.address import Mailbox

# What any reader might take for the end of a line or a gap; no-break spaces are text and stay.
_GAP = re.compile("[ \t\n\v\f\r\x1c\x1d\x1e\x1f\x85\u2028\u2029]+")
_CONTROL = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]")
# What turns the direction of all that follows (Unicode TR 9): a name with one could make the rest of a line read
# backwards. The marks that turn nothing but themselves (U+200E, U+200F, U+061C) are text and stay.
_TURN = re.compile("[\u202a-\u202e\u2066-\u2069]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_PHRASE = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*\Z")

# Bytes that stand for themselves in a Q-encoded word wherever it appears (RFC 2047 5.3).
_Q_SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")
_Q = tuple("_" if byte == 32 else chr(byte) if byte in _Q_SAFE else f"={byte:02X}" for byte in range(256))
_Q_COST = bytes(len(written) for written in _Q)
_LINE = 76
_WORD = 75
_FRAME = len("=?utf-8?q??=")
_LONGEST_PLAIN = 60


def clean(value: str) -> str:
    """Return `value` as one line: line breaks and gaps become one space; other controls, and turns of direction, go.

    Whatever a CSV file or a template put there, nothing of it can begin a header of its own.
    """
    # Nothing but the space is printable of what is looked for below.
    if value.isprintable() and "  " not in value and value == value.strip(" "):
        return value
    one_line = _GAP.sub(" ", _TURN.sub("", _CONTROL.sub("", value))).strip(" ")
    return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", one_line)


def text_line(name: str, value: str) -> str:
    """Return the header `name` with free text as its value: ASCII folded at spaces, anything else in encoded words."""
    value = clean(value)
    room = _LINE - len(name) - 2
    if value.isascii() and "=?" not in value and all(len(word) <= _LONGEST_PLAIN for word in value.split(" ")):
        return f"{name}: " + "\r\n ".join(_fold(value, room)) + "\r\n"
    return f"{name}: " + "\r\n ".join(encoded_words(value, room)) + "\r\n"


def mailbox_line(name: str, box: Mailbox) -> str:
    """Return the header `name` with one address, its display name quoted or encoded as it needs."""
    spec = f"<{box.address}>"
    shown = clean(box.name)
    if not shown:
        return f"{name}: {spec}\r\n"
    if shown.isascii() and "=?" not in shown and len(shown) <= _LONGEST_PLAIN:
        lines = [shown if _PHRASE.match(shown) else _quoted(shown)]
    else:
        lines = encoded_words(shown, _LINE - len(name) - 2)
    used = len(lines[-1]) + (len(name) + 2 if len(lines) == 1 else 1)
    if used + 1 + len(spec) <= _LINE:
        lines[-1] += f" {spec}"
    else:
        lines.append(spec)
    return f"{name}: " + "\r\n ".join(lines) + "\r\n"


def exact_line(name: str, value: str) -> str:
    """Return the header `name` on one physical line, never folded or encoded: identifiers and URIs.

    Raises ValueError when the value is not printable ASCII or the line would pass 998 octets (RFC 5322 2.1.1).
    """
    if not value.isascii() or not value.isprintable():
        raise ValueError(f"expected printable ASCII in {name}")
    line = f"{name}: {value}\r\n"
    if len(line) > 1000:
        raise ValueError(f"expected at most {998 - len(name) - 2} characters in {name}, got {len(value)}")
    return line


def encoded_words(text: str, room: int) -> list[str]:
    """Return `text` as RFC 2047 encoded words, one a line, at most 75 characters each and the first at most `room`.

    No character is split between two words; the shorter of the Q and B encodings is taken for all of them.
    """
    data = text.encode()
    written = "".join(map(_Q.__getitem__, data))
    cost_in_b = (len(data) + 2) // 3 * 4
    in_q = len(written) <= cost_in_b
    limit = min(_WORD, room) - _FRAME
    if in_q and len(written) <= limit:
        return [f"=?utf-8?q?{written}?="]
    if cost_in_b <= limit:
        return [_word(text, in_q)]
    words: list[str] = []
    start = used = 0
    for index, character in enumerate(text):
        encoded = character.encode()
        cost = sum(map(_Q_COST.__getitem__, encoded)) if in_q else len(encoded)
        if used + cost > (limit if in_q else limit // 4 * 3):
            words.append(_word(text[start:index], in_q))
            start, used, limit = index, 0, _WORD - _FRAME
        used += cost
    words.append(_word(text[start:], in_q))
    return words


def _word(text: str, in_q: bool) -> str:
    data = text.encode()
    if in_q:
        return f"=?utf-8?q?{''.join(map(_Q.__getitem__, data))}?="
    return f"=?utf-8?b?{b2a_base64(data, newline=False).decode()}?="


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _fold(value: str, room: int) -> list[str]:
    lines = [""]
    for word in value.split(" "):
        width = room if len(lines) == 1 else _LINE - 1
        if lines[-1] and len(lines[-1]) + 1 + len(word) > width:
            lines.append(word)
        else:
            lines[-1] += f" {word}" if lines[-1] else word
    return lines
