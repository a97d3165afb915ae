"""How many parts an SMS has: 160 septets or 70 units alone, 153 or 67 in each of several (3GPP TS 23.038, 23.040)."""

from __future__ import annotations

from dataclasses import dataclass

# The default alphabet, without the escape; those of the extension are sent as an escape and a second septet.
_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("\f^{}\\[~]|€")


@dataclass(frozen=True, slots=True)
class Parts:
    """What an SMS takes: its `segments`, in `gsm-7` or `ucs-2`, and the characters that made it the latter."""

    segments: int
    encoding: str
    units: int  # septets or 16-bit code units
    foreign: tuple[str, ...] = ()  # characters that GSM-7 does not have, each once, in their order


def parts(text: str) -> Parts:
    """Return what an SMS takes; no character is cut in two at the end of a part, and an empty one is one part."""
    foreign = tuple(dict.fromkeys(sign for sign in text if sign not in _BASIC and sign not in _EXTENDED))
    if foreign:
        sizes = [2 if ord(sign) > 0xFFFF else 1 for sign in text]
        return Parts(_segments(sizes, 70, 67), "ucs-2", sum(sizes), foreign)
    sizes = [2 if sign in _EXTENDED else 1 for sign in text]
    return Parts(_segments(sizes, 160, 153), "gsm-7", sum(sizes))


def _segments(sizes: list[int], alone: int, joined: int) -> int:
    if sum(sizes) <= alone:
        return 1
    count, room = 1, joined
    for size in sizes:
        if size > room:
            count, room = count + 1, joined
        room -= size
    return count
