"""Pictures are opened and videos asked about; what cannot be is told, and never ends a command."""

import json
import struct
import zlib
from decimal import Decimal
from pathlib import Path

import pytest
from PIL import Image

from campaigns.limits.media import MediaFacts
from scheduler.cli import media_files

MP4 = b"\x00\x00\x00\x20ftypisom" + b"\x00" * 200


def facts(path: Path) -> MediaFacts:
    return media_files.facts(path.parent, [path.name])[path.name]


def program(folder: Path, monkeypatch: pytest.MonkeyPatch, says: str) -> None:
    """Let a program of this name be the only one that is found; it answers with what the shell line says."""
    file = folder / "ffprobe"
    file.write_text(f"#!/bin/sh\n{says}\n", encoding="utf-8")
    file.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


@pytest.mark.parametrize(("name", "kind"), [("a.jpg", "JPEG"), ("a.png", "PNG"), ("a.gif", "GIF"), ("a.webp", "WEBP")])
def test_a_picture_is_known_by_what_is_in_it(tmp_path: Path, name: str, kind: str) -> None:
    file = tmp_path / name
    Image.new("RGB", (400, 300), "teal").save(file)
    file.rename(tmp_path / "picture.bin")

    found = facts(tmp_path / "picture.bin")

    assert (found.kind, found.format, found.width, found.height) == ("image", kind, 400, 300)
    assert found.size == (tmp_path / "picture.bin").stat().st_size
    assert found.aspect == Decimal(4) / 3


@pytest.mark.parametrize(("orientation", "seen"), [(1, (400, 300)), (3, (400, 300)), (6, (300, 400)), (8, (300, 400))])
def test_a_photo_is_measured_as_it_is_seen(tmp_path: Path, orientation: int, seen: tuple[int, int]) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new("RGB", (400, 300)).save(tmp_path / "photo.jpg", exif=exif)

    found = facts(tmp_path / "photo.jpg")

    assert (found.width, found.height) == seen


def test_a_photo_with_broken_notes_is_still_a_photo(tmp_path: Path) -> None:
    Image.new("RGB", (400, 300)).save(tmp_path / "photo.jpg", exif=b"Exif\x00\x00II*\x00\xff\xff\xff\xff broken")

    assert facts(tmp_path / "photo.jpg").kind == "image"


def test_what_is_no_picture_is_told(tmp_path: Path) -> None:
    picture = tmp_path / "whole.jpg"
    Image.effect_noise((400, 300), 80).save(picture)
    cut = picture.read_bytes()[:-4000]
    for name, data in {
        "text.jpg": b"hello",
        "empty.jpg": b"",
        "cut.jpg": cut,
        "ppm.jpg": b"P6 1 1 255\n\x00\x00\x00",
    }.items():
        (tmp_path / name).write_bytes(data)

    faults = {name: facts(tmp_path / f"{name}.jpg").fault for name in ("text", "empty", "cut", "ppm")}

    assert faults == {
        "text": "is no picture or video",
        "empty": "is empty",
        "cut": "is broken or cut off",
        "ppm": "is no picture or video",
    }
    assert facts(tmp_path / "nowhere.jpg").fault == "cannot be read: no such file or directory"


def bomb(width: int, height: int) -> bytes:
    """Return a PNG of 67 bytes that says it has so many pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def test_a_picture_that_would_fill_the_memory_is_not_decoded(tmp_path: Path) -> None:
    (tmp_path / "huge.png").write_bytes(bomb(60_000, 60_000))
    (tmp_path / "large.png").write_bytes(bomb(9_000, 9_000))

    assert facts(tmp_path / "huge.png").fault == "says it has more pixels than fit into a memory"
    assert (facts(tmp_path / "large.png").width, facts(tmp_path / "large.png").kind) == (9_000, "image")


@pytest.mark.parametrize(
    ("head", "kind"),
    [(b"\x00\x00\x00\x18ftypheic", "HEIC"), (b"II*\x00", "TIFF"), (b"MM\x00*", "TIFF"), (b"BM", "BMP")],
)
def test_a_picture_that_no_network_takes_is_told_by_its_format_and_not_opened(
    tmp_path: Path, head: bytes, kind: str
) -> None:
    (tmp_path / "photo.jpg").write_bytes(head + b"\x00" * 100)

    found = facts(tmp_path / "photo.jpg")

    assert (found.kind, found.format, found.width) == ("image", kind, 0)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "AVIF"])
def test_any_byte_of_a_picture_may_be_wrong_and_its_end_may_be_anywhere(tmp_path: Path, kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    file = tmp_path / "picture.jpg"
    Image.linear_gradient("L").resize((60, 40)).convert("RGB").save(
        file, kind, **({} if kind == "GIF" else {"exif": exif})
    )
    whole = file.read_bytes()
    changed = [
        whole[:at] + bytes([value]) + whole[at + 1 :] for at in range(min(len(whole), 400)) for value in (0, 255)
    ]
    cut = [whole[:at] for at in range(1, len(whole), max(1, len(whole) // 60))]

    kinds = set()
    for data in (*changed, *cut):
        file.write_bytes(data)
        kinds.add(facts(file).kind)

    assert kinds <= {"image", "video", "broken"}
    assert {"image", "broken"} <= kinds


def test_a_video_is_measured_by_ffprobe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "clip.mp4").write_bytes(MP4)
    streams = [{"codec_type": "audio"}, {"codec_type": "video", "width": 1920, "height": 1080}]
    answer = json.dumps({"format": {"duration": "12.480000"}, "streams": streams})
    program(tmp_path, monkeypatch, f"echo '{answer}'")

    found = facts(tmp_path / "clip.mp4")

    assert (found.kind, found.seconds, found.width, found.height) == ("video", Decimal("12.48"), 1920, 1080)


def test_a_video_that_was_filmed_upright_is_measured_as_it_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "clip.mp4").write_bytes(MP4)
    stream = {"codec_type": "video", "width": 1920, "height": 1080, "side_data_list": [{"rotation": -90}]}
    answer = json.dumps({"format": {"duration": "3"}, "streams": [stream]})
    program(tmp_path, monkeypatch, f"echo '{answer}'")

    assert (facts(tmp_path / "clip.mp4").width, facts(tmp_path / "clip.mp4").height) == (1080, 1920)


def test_without_ffprobe_a_video_is_there_and_not_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "clip.mp4").write_bytes(MP4)
    monkeypatch.setenv("PATH", str(tmp_path))

    found = facts(tmp_path / "clip.mp4")

    assert (found.kind, found.seconds, found.fault, found.size) == ("video", None, "", 212)


@pytest.mark.parametrize(
    ("says", "kind", "fault"),
    [
        ("exit 1", "broken", "is no video that ffprobe can read"),
        ("echo '{}'", "video", "ffprobe does not tell its length"),
        ("echo nonsense", "video", "ffprobe does not tell its length"),
        ("""echo '{"format": {"duration": "N/A"}}'""", "video", "ffprobe does not tell its length"),
        ("""echo '{"format": {"duration": "inf"}}'""", "video", "ffprobe does not tell its length"),
    ],
)
def test_what_ffprobe_cannot_read_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str, kind: str, fault: str
) -> None:
    (tmp_path / "clip.mp4").write_bytes(MP4)
    program(tmp_path, monkeypatch, says)

    found = facts(tmp_path / "clip.mp4")

    assert (found.kind, found.fault) == (kind, fault)


def test_ffprobe_is_never_told_an_option_by_a_file_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "-v.mp4").write_bytes(MP4)
    program(tmp_path, monkeypatch, f'for last; do :; done; echo "$last" > {tmp_path}/asked; exit 1')

    facts(tmp_path / "-v.mp4")

    assert (tmp_path / "asked").read_text("utf-8") == f"file:{tmp_path}/-v.mp4\n"
