"""What is known of the media of a campaign: pictures opened with pillow, videos asked of ffprobe where it is there."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
import warnings
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from campaigns.limits.media import MediaFacts

# No other readers of pillow's are let near a file of unknown origin: some start other programs.
_FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "AVIF")
# What pillow raises at a picture that is broken in one way or another, found by breaking many.
_BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    RuntimeError,
    struct.error,
    MemoryError,
)
_MOST_DECODED = 40_000_000  # pixels; a picture of more is taken by its head alone, so that no memory is filled
_ORIENTATION = 0x0112
_QUARTER_TURNS = frozenset({5, 6, 7, 8})
_HEIC = frozenset({b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"})
_AVIF = frozenset({b"avif", b"avis"})
_PROBE_SECONDS = 20


def facts(folder: Path, files: Iterable[str]) -> dict[str, MediaFacts]:
    """Return what is known of each file of the folder; never an error: a file that cannot be opened is told as broken.

    `files` are those of `LoadedCampaign.media`, which lie in the folder.
    """
    return {file: _facts(folder / file) for file in sorted(files)}


def _facts(path: Path) -> MediaFacts:
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(64)
    except OSError as error:
        return MediaFacts("broken", 0, fault=f"cannot be read: {(error.strerror or str(error)).lower()}")
    if not head:
        return MediaFacts("broken", size, fault="is empty")
    if _is_video(head):
        return _video(path, size)
    unopened = _unopened(head)
    return MediaFacts("image", size, unopened) if unopened else _image(path, size)


def _unopened(head: bytes) -> str:
    """Return the format of a picture that is told by how it begins and not opened; empty for all others."""
    if head[4:8] == b"ftyp" and head[8:12] in _HEIC:
        return "HEIC"
    if head.startswith((b"II*\x00", b"MM\x00*")):
        return "TIFF"
    return "BMP" if head.startswith(b"BM") else ""


def _is_video(head: bytes) -> bool:
    """Whether a file begins as MP4, MOV, WebM, Matroska or AVI do."""
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free"):
        return head[8:12] not in _HEIC | _AVIF
    return head.startswith(b"\x1aE\xdf\xa3") or (head[:4] == b"RIFF" and head[8:12] == b"AVI ")


def _image(path: Path, size: int) -> MediaFacts:
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path, formats=_FORMATS) as image:
                kind, (width, height) = image.format or "", image.size
                turned = _orientation(image) in _QUARTER_TURNS
                if width * height <= _MOST_DECODED:
                    image.draft("RGB", (64, 64))  # a JPEG is read whole, but small
                    image.load()
    except Image.DecompressionBombError:
        return MediaFacts("broken", size, fault="says it has more pixels than fit into a memory")
    except UnidentifiedImageError:
        return MediaFacts("broken", size, fault="is no picture or video")
    except _BROKEN:
        return MediaFacts("broken", size, fault="is broken or cut off")
    if turned:
        width, height = height, width
    return MediaFacts("image", size, kind, width, height)


def _orientation(image: Any) -> int:
    """Return how a picture is to be turned (EXIF 1 to 8); 1 where its notes cannot be read, as viewers do."""
    try:
        said = image.getexif().get(_ORIENTATION, 1)
    except _BROKEN:
        return 1
    return said if isinstance(said, int) else 1


def _video(path: Path, size: int) -> MediaFacts:
    program = shutil.which("ffprobe")
    if program is None:
        return MediaFacts("video", size)
    command = [
        program,
        *("-v", "error", "-of", "json", "-protocol_whitelist", "file"),
        *("-show_entries", "format=duration:stream=codec_type,width,height:stream_side_data=rotation"),
        f"file:{path.resolve()}",
    ]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_PROBE_SECONDS, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        return MediaFacts("video", size, fault=f"ffprobe took more than {_PROBE_SECONDS} seconds")
    except OSError as error:
        return MediaFacts("video", size, fault=f"ffprobe cannot be started: {(error.strerror or str(error)).lower()}")
    if done.returncode != 0:
        return MediaFacts("broken", size, fault="is no video that ffprobe can read")
    return _probed(done.stdout, size)


def _probed(answer: bytes, size: int) -> MediaFacts:
    try:
        told = json.loads(answer)
        seconds = Decimal(str(told["format"]["duration"]))
        if not seconds.is_finite() or seconds <= 0:
            raise ValueError
    except (ValueError, TypeError, LookupError, InvalidOperation, RecursionError):
        return MediaFacts("video", size, fault="ffprobe does not tell its length")
    width = height = 0
    for stream in told.get("streams") or ():
        if isinstance(stream, dict) and stream.get("codec_type") == "video":
            width, height = _pixels(stream)
            break
    return MediaFacts("video", size, "", width, height, seconds)


def _pixels(stream: dict[str, Any]) -> tuple[int, int]:
    """Return width and height as the video is seen; zeros where they are not told."""
    width, height = stream.get("width"), stream.get("height")
    if not isinstance(width, int) or not isinstance(height, int) or width <= 0 or height <= 0:
        return 0, 0
    sides = [one.get("rotation") for one in stream.get("side_data_list") or () if isinstance(one, dict)]
    turned = any(isinstance(side, int) and side % 180 for side in sides)
    return (height, width) if turned else (width, height)
