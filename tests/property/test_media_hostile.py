"""Whatever stands in a media file, it is a picture, a video or broken: never an error, and never for long."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from scheduler.cli import media_files

UNOPENED = ("HEIC", "TIFF", "BMP")
ANYTHING = st.binary(max_size=400)


def picture(kind: str) -> bytes:
    out = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.effect_noise((60, 40), 90).convert("RGB").save(out, kind, exif=exif)
    return out.getvalue()


WHOLE = [picture(kind) for kind in ("JPEG", "PNG", "GIF", "WEBP", "AVIF")]


@st.composite
def mutilated(draw: st.DrawFn) -> bytes:
    """Return a picture with bytes changed, taken out or put in."""
    data = bytearray(draw(st.sampled_from(WHOLE)))
    for _ in range(draw(st.integers(1, 12))):
        at = draw(st.integers(0, len(data) - 1))
        match draw(st.sampled_from(("change", "cut", "insert", "end"))):
            case "change":
                data[at] = draw(st.integers(0, 255))
            case "cut":
                del data[at : at + draw(st.integers(1, 40))]
            case "insert":
                data[at:at] = draw(st.binary(max_size=20))
            case _:
                del data[at + 1 :]
        if not data:
            break
    return bytes(data)


@settings(max_examples=400, deadline=None)
@given(mutilated() | ANYTHING | ANYTHING.map(lambda tail: b"\x89PNG\r\n\x1a\n" + tail))
def test_any_file_is_a_picture_a_video_or_broken(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "file.jpg").write_bytes(data)

        found = media_files.facts(Path(folder), ["file.jpg"])["file.jpg"]

    assert found.kind in ("image", "video", "broken")
    assert bool(found.fault) or found.kind != "broken"
    assert found.kind != "image" or (found.format and found.width > 0 and found.height > 0) or found.format in UNOPENED
