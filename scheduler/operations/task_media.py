"""The pictures and videos of a task as files somebody can post: the project's own, or a copy that the network takes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from campaigns import limits
from campaigns.limits.model import Applies, Measure
from scheduler.channels.platforms import media
from scheduler.errors import SchedulerError

_MOST_BYTES, _MOST_WIDTH = 8 << 20, 4_096
_MOVING = "image/gif"


@dataclass(frozen=True, slots=True)
class TaskFile:
    """One picture or video: `path` is an absolute path, or an address in the net; `why` says why it is a copy."""

    path: str
    alt: str
    why: str = ""


def files(wanted: tuple[tuple[str, str], ...], channel: str, *, project: Path, copies: Path) -> tuple[TaskFile, ...]:
    """Return the files (pairs of file and description) ready to be posted on a channel.

    A picture that lies on its side, or that the network does not take as it is, is copied below `copies` as an upright
    JPEG; the same copy each time. Raises: SchedulerError for a file that is not there or no picture, and where no copy
    can be written.
    """
    folder = media.MediaFolder(project)
    return tuple(_file(folder, file, alt, channel, copies, number) for number, (file, alt) in enumerate(wanted, 1))


def _file(folder: media.MediaFolder, file: str, alt: str, channel: str, copies: Path, number: int) -> TaskFile:
    if "://" in file:
        return TaskFile(file, alt)
    path = folder.find(file)
    try:
        medium = media.opened(PurePosixPath(file).name, path.read_bytes(), alt)
        if medium.is_video or medium.mime == _MOVING:
            return TaskFile(str(path), alt)
        bounds = [one for one in limits.LIMITS if one.channel == channel and one.applies is Applies.IMAGES]
        most = next((int(one.most) for one in bounds if one.measure is Measure.SIZE and one.most), _MOST_BYTES)
        taken = next((one.formats for one in bounds if one.formats), ())
        why = _why(medium, channel, taken, most)
        if not why:
            return TaskFile(str(path), alt)
        made = media.as_jpeg(medium, most_bytes=most, most_width=_MOST_WIDTH)
        copies.mkdir(mode=0o700, parents=True, exist_ok=True)
        target = copies / f"{number}-{made.name}"
        target.write_bytes(made.data)
    except OSError as error:
        raise SchedulerError(f"cannot make a copy of {file}: {(error.strerror or str(error)).lower()}") from None
    return TaskFile(str(target.resolve()), alt, why)


def _why(medium: media.Medium, channel: str, taken: tuple[str, ...], most: int) -> str:
    """Return why a picture is better copied; empty where it is not."""
    if taken and medium.mime.partition("/")[2].upper() not in taken:
        return f"as JPEG: {channel} does not take it as it is"
    if media.lies_on_its_side(medium):
        return "turned upright"
    return "made smaller" if len(medium.data) > most else ""
