"""What people ask for who answer a text message with a word: nothing more, or again."""

from __future__ import annotations

import re
from enum import Enum

# What people go on after: `STOP it please` is a STOP, `end of the week is fine` is none.
# https://help.twilio.com/articles/223134027 (read 2026-11)
_STOP_FIRST = frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "СТОП"})
_STOP = _STOP_FIRST | {"CANCEL", "END", "QUIT", "REVOKE", "OPTOUT", "OPT-OUT"}
_STOP |= {"ARRET", "ARRÊT", "BAJA", "DEZABONARE", "STOPP"}  # operators know these not: we do
_START = frozenset({"START", "YES", "UNSTOP"})
_WORD = re.compile(r"[^\W_]+(?:-[^\W_]+)?")


class Wish(Enum):
    """What a reply asks for."""

    STOP = "stop"
    START = "start"
    NOTHING = "nothing"


def read_wish(text: str) -> Wish:
    """Return what a reply asks for, by its first word, or by the only one."""
    words = _WORD.findall(text[:200].upper())
    if words and (words[0] in _STOP_FIRST or (len(words) == 1 and words[0] in _STOP)):
        return Wish.STOP
    return Wish.START if len(words) == 1 and words[0] in _START else Wish.NOTHING
