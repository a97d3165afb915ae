"""What is known of a picture or a video, and what of it is measured; values only, files are opened elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class MediaFacts:
    """One file: `kind` is image, video or, where `fault` says why, broken.

    `width` and `height` are pixels as they are seen (turned as EXIF says); 0 where they are not known. `format` is
    pillow's name of a picture's format. `seconds` is None where nobody could measure the video.
    """

    kind: str
    size: int
    format: str = ""
    width: int = 0
    height: int = 0
    seconds: Decimal | None = None
    fault: str = ""

    @property
    def aspect(self) -> Decimal | None:
        """Width to height; None where they are not known."""
        return Decimal(self.width) / self.height if self.width and self.height else None


def size(octets: int | Decimal) -> str:
    """Write a size in the unit a person would take: `830 kB`, `1.4 MB`, `1 GB`."""
    value = Decimal(octets)
    for unit, scale in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if value >= scale:
            return f"{_short(value / scale)} {unit}"
    return f"{_short(value)} bytes"


def aspect(ratio: Decimal) -> str:
    """Write width to height: `4:5`, `1:1`, `16:9` where it is one of those, else `1.91:1`."""
    for wide, high in ((1, 1), (4, 5), (5, 4), (3, 4), (4, 3), (2, 3), (3, 2), (9, 16), (16, 9), (1, 10), (1, 20)):
        if abs(ratio * high - wide) < Decimal("0.005") * high:
            return f"{wide}:{high}"
    return f"{_short(ratio.quantize(Decimal('0.01')) if ratio >= Decimal('0.01') else ratio)}:1"


def _short(value: Decimal) -> str:
    text = f"{value:.2f}" if value < 10 else f"{value:.0f}" if value >= 100 else f"{value:.1f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
