"""Pictures and videos of posts: read from the project or fetched, upright, and made the way a network wants them."""

from __future__ import annotations

import asyncio
import hashlib
import io
import mimetypes
import ssl
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from urllib.parse import quote

import httpx2
from PIL import Image, ImageOps, UnidentifiedImageError

from scheduler.channels import egress, posting
from scheduler.errors import NoAccount, NotSent, Refused

_MOST_BYTES = 1 << 30  # of one file; networks take less
_MOST_FETCHED = 100 << 20
_MOST_PIXELS = 100_000_000  # a picture that says it is larger is not opened: it would fill the memory
_SECONDS = 60.0
_QUALITIES = (90, 80, 70, 55, 40)
_JPEG = "image/jpeg"


@dataclass(frozen=True, slots=True)
class Medium:
    """One picture or video: its bytes, its MIME type, and of pictures the pixels as they are seen (0 for videos)."""

    name: str
    data: bytes = field(repr=False)
    mime: str
    alt: str = ""
    width: int = 0
    height: int = 0

    @property
    def is_video(self) -> bool:
        """Whether it moves."""
        return self.mime.startswith("video/")

    @property
    def hash(self) -> str:
        """The sha256 of its bytes, in hexadecimal."""
        return hashlib.sha256(self.data).hexdigest()


class MediaFolder:
    """Finds the media that touches name: files of the project, or addresses in the net.

    A file is looked for in the project's folder, then in the folders directly in it, where campaigns may lie. What
    stands in the net is fetched with the rules for requests of ours (`egress`); `private` opens this machine itself.
    """

    def __init__(
        self,
        folder: Path | None,
        *,
        private: bool = False,
        tls: Callable[[], ssl.SSLContext] = ssl.create_default_context,
    ) -> None:
        self._folder = folder
        self._private = private
        self._tls = tls

    async def read(self, file: str, alt: str = "") -> Medium:
        """Return a medium; pictures are opened, so that a broken one is refused here and not by the network.

        Raises: Refused for what is not there or no picture or video; NotSent when it could not be fetched.
        """
        data = await self._fetched(file) if "://" in file else await asyncio.to_thread(self._file, file)
        return await asyncio.to_thread(opened, PurePosixPath(file.partition("?")[0]).name, data, alt)

    def _file(self, file: str) -> bytes:
        path = self.find(file)
        try:
            if path.stat().st_size > _MOST_BYTES:
                raise Refused(f"{file} is larger than 1 GiB, which no network takes")
            return path.read_bytes()
        except OSError as error:
            raise Refused(f"cannot read {file}: {(error.strerror or str(error)).lower()}") from None

    def find(self, file: str) -> Path:
        """Return where a file of the project is, absolute. Raises: Refused where there is none inside it."""
        if self._folder is None:
            raise Refused(f"cannot read {file}: there is no project folder")
        home = self._folder.resolve()
        for folder in (home, *sorted(each for each in home.iterdir() if each.is_dir())):
            path = (folder / file).resolve()
            if path.is_file() and path.is_relative_to(home):
                return path
        raise Refused(f"there is no file {file!r} in {self._folder}", remedy="put it back; apply reads it from there")

    async def _fetched(self, url: str) -> bytes:
        """Fetch over a connection to the address that was checked; redirects are not followed."""
        parsed = httpx2.URL(url)
        if parsed.scheme not in ("https", "http") or not parsed.host:
            raise Refused(f"cannot fetch {url!r}: expected https://")
        try:
            addresses = await egress.resolve(
                parsed.host, parsed.port or (443 if parsed.scheme == "https" else 80), private=self._private
            )
        except NoAccount as error:
            raise Refused(error.message) from None
        client = posting.client(self._tls(), _SECONDS, httpx2.Limits(max_connections=1))
        try:
            async with asyncio.timeout(_SECONDS), client:
                request = client.build_request(
                    "GET",
                    parsed.copy_with(host=addresses[0]),
                    headers={"Host": parsed.netloc.decode("ascii"), "User-Agent": "campaign-sequencer"},
                    extensions={"sni_hostname": parsed.raw_host.decode("ascii")},
                )
                response = await client.send(request, stream=True, follow_redirects=False)
                return await _content(response, parsed.host)
        except (httpx2.HTTPError, TimeoutError, OSError) as error:
            raise NotSent(f"{parsed.host} does not hand over the media: {type(error).__name__}") from None


async def _content(response: httpx2.Response, host: str) -> bytes:
    status = response.status_code
    if status in (408, 425, 429) or status >= 500:
        raise NotSent(f"{host} answered {status} for the media")
    if status != 200:
        raise Refused(f"{host} answered {status} for the media", remedy="write the address where the file itself is")
    data = bytearray()
    async for chunk in response.aiter_bytes():
        data += chunk
        if len(data) > _MOST_FETCHED:
            raise Refused(f"the media at {host} is larger than 100 MiB")
    return bytes(data)


def opened(name: str, data: bytes, alt: str) -> Medium:
    """Return bytes as a medium: a picture with its pixels as they are seen, or a video by its name.

    Raises: Refused for what is neither, and for a picture that is broken or says it has more than 100 million pixels.
    """
    kind = mimetypes.guess_type(name)[0] or ""
    if kind.startswith("video/"):
        return Medium(name, data, kind, alt)
    with _image(name, data) as image:
        width, height = image.size
        if image.getexif().get(0x0112, 1) >= 5:  # EXIF orientation: turned by a quarter
            width, height = height, width
        return Medium(name, data, Image.MIME.get(image.format or "", kind), alt, width, height)


def lies_on_its_side(medium: Medium) -> bool:
    """Whether a picture is only seen upright by programs that know how it was taken (EXIF orientation)."""
    with _image(medium.name, medium.data) as image:
        return bool(image.getexif().get(0x0112, 1) != 1)


def as_jpeg(medium: Medium, *, most_bytes: int, most_width: int) -> Medium:
    """Return a picture as a JPEG that is upright, has no transparency and is no wider and no larger than that.

    One that is so already comes back as it is. Raises: Refused when it cannot be made small enough.
    """
    with _image(medium.name, medium.data) as image:
        upright = image.getexif().get(0x0112, 1) == 1
        if medium.mime == _JPEG and upright and len(medium.data) <= most_bytes and medium.width <= most_width:
            return medium
        turned = ImageOps.exif_transpose(image)
        if turned.width > most_width:
            turned = turned.resize((most_width, round(turned.height * most_width / turned.width)))
        if turned.mode in ("RGBA", "LA", "PA") or "transparency" in turned.info:
            seen = turned.convert("RGBA")
            turned = Image.new("RGB", seen.size, "white")
            turned.paste(seen, mask=seen.getchannel("A"))
        turned = turned.convert("RGB")
        for quality in _QUALITIES:
            out = io.BytesIO()
            turned.save(out, "JPEG", quality=quality, optimize=True)
            if len(out.getvalue()) <= most_bytes:
                name = f"{PurePosixPath(medium.name).stem}.jpg"
                return replace(
                    medium, name=name, data=out.getvalue(), mime=_JPEG, width=turned.width, height=turned.height
                )
    raise Refused(f"{medium.name} cannot be made smaller than {most_bytes} bytes")


def public_url(media_url: str | None, file: str) -> str:
    """Return where a network can fetch a medium from: the file below the campaign's `media_url`.

    Raises: Refused when the campaign says no such place.
    """
    if "://" in file:
        return file
    if not media_url:
        raise Refused(
            f"this network fetches {file!r} by itself, and the campaign does not say from where",
            remedy="write `media_url: https://...` at the top of the campaign, or the media as an address",
        )
    return f"{media_url.rstrip('/')}/{quote(file.removeprefix('./'))}"


def _image(name: str, data: bytes) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data))
            if image.width * image.height > _MOST_PIXELS:
                raise Refused(f"{name} says it has {image.width} x {image.height} pixels: expected at most 100 million")
            image.load()
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError) as error:
        raise Refused(f"{name} is no picture or video that can be opened: {type(error).__name__}") from None
    return image
