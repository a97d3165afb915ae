"""Media looked at from outside, as a network would fetch them: whether the file is there, whole and of its kind.

Meta fetches by a plain request without a log-in, and asks for the address of the file itself
(https://developers.facebook.com/docs/instagram-platform/content-publishing).
"""

from __future__ import annotations

import asyncio
import mimetypes
import re
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import urlsplit

import httpx2

from scheduler.channels import egress, posting
from scheduler.errors import NoAccount, NotSent

_SECONDS = 15.0
_HEAD = 512  # bytes that tell a picture from a page
_AT_ONCE = 4
_TOTAL = re.compile(r"bytes [0-9]+-[0-9]+/([0-9]{1,15})\Z", re.ASCII)
_NEVER_A_MEDIUM = ("text/", "application/json", "application/xml")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A medium as a network will want it: `size` is that of the file here in bytes, None where there is none here."""

    file: str
    url: str
    size: int | None = None

    @property
    def kind(self) -> str:
        """Its MIME type by its name, "" where that does not tell."""
        return mimetypes.guess_type(PurePosixPath(urlsplit(self.url).path).name)[0] or ""


@dataclass(frozen=True, slots=True)
class Seen:
    """What is there: in `fault` what is wrong with it, empty where nothing is, and in `remedy` what to do."""

    wanted: Wanted
    fault: str = ""
    remedy: str = ""


async def look(
    wanted: Sequence[Wanted],
    tls: Callable[[], ssl.SSLContext] = ssl.create_default_context,
    *,
    private: bool = False,
    seconds: float = _SECONDS,
) -> tuple[Seen, ...]:
    """Look at each, a few at once, in their order. One request each, for its first bytes; redirects are not followed.

    `private` opens this machine and private networks, which no network could fetch from.
    """
    room = asyncio.Semaphore(_AT_ONCE)
    client = posting.client(tls(), seconds, httpx2.Limits(max_connections=_AT_ONCE, max_keepalive_connections=0))

    async def one(each: Wanted) -> Seen:
        async with room:
            return await _seen(client, each, private, seconds)

    async with client:
        return tuple(await asyncio.gather(*(one(each) for each in wanted)))


async def _seen(client: httpx2.AsyncClient, wanted: Wanted, private: bool, seconds: float) -> Seen:
    url = httpx2.URL(wanted.url)
    sending = posting.Sending(_nothing, seconds)
    try:
        address = (await egress.resolve(url.host, url.port or _port(url.scheme), private=private))[0]
    except NoAccount as error:
        return Seen(wanted, error.message, "put the file where everybody can fetch it")
    except NotSent as error:
        return Seen(wanted, error.message, "correct the address, or publish its name in the DNS")
    request = client.build_request(
        "GET",
        url.copy_with(host=address),
        headers={
            "Host": url.netloc.decode("ascii"),
            "User-Agent": "campaign-sequencer",
            "Accept-Encoding": "identity",
            "Range": f"bytes=0-{_HEAD - 1}",
        },
        extensions={"sni_hostname": url.raw_host.decode("ascii"), "trace": sending.trace},
    )
    try:
        async with asyncio.timeout(seconds) as sending.limit:
            response = await client.send(request, stream=True, follow_redirects=False)
            try:
                return _judged(wanted, response, await _begins(response))
            finally:
                await response.aclose()
    except (httpx2.HTTPError, TimeoutError, OSError) as error:
        what = sending.verdict(url.host, error).message.partition(": it may")[0]
        return Seen(wanted, what, "mend the server: the network fetches the file when the post is due")


def _judged(wanted: Wanted, response: httpx2.Response, begins: bytes) -> Seen:
    status = response.status_code
    if fault := _refused(status, response.headers.get("location", "")):
        return Seen(wanted, *fault)
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not kind or kind.startswith(_NEVER_A_MEDIUM):
        shown = re.sub(r"[^a-z0-9/+.-]", "", kind)[:60] or "no content type"
        return Seen(wanted, f"it is {shown}, expected {wanted.kind or 'a picture or video'}", "name the file itself")
    if (wanted.kind and kind not in (wanted.kind, "application/octet-stream")) or not _fits(wanted.kind, begins):
        found = re.sub(r"[^a-z0-9/+.-]", "", kind)[:60]
        what = f"it is sent as {found}, expected {wanted.kind}" if found != wanted.kind else f"it is no {wanted.kind}"
        return Seen(wanted, what, "upload it in its own format, under a name with its own ending")
    size = _size(response)
    if size is not None and wanted.size is not None and size != wanted.size:
        return Seen(wanted, f"it has {size:,} bytes there and {wanted.size:,} here", "upload the file that is here")
    if size == 0:
        return Seen(wanted, "it is empty", "upload it again")
    return Seen(wanted)


def _refused(status: int, location: str) -> tuple[str, str] | None:
    if status in (200, 206):
        return None
    if 300 <= status < 400:
        host = re.sub(r"[^A-Za-z0-9.-]", "", urlsplit(location).hostname or "")[:80]
        where = f" to {host}" if host else ""
        return f"it leads elsewhere{where} ({status}), which networks do not follow", "write the address it leads to"
    if status in (401, 403):
        return f"it is not for everybody ({status})", "let it be fetched without a log-in, also by programs"
    if status in (404, 410):
        return f"it is not there ({status})", "upload it, or correct `media_url:`"
    return f"the server answered {status}", "mend the server: the network fetches the file when the post is due"


def _fits(kind: str, begins: bytes) -> bool:
    """Whether bytes begin as this kind does; of a kind that is not known here, anything does."""
    match kind:
        case "image/jpeg":
            return begins.startswith(b"\xff\xd8\xff")
        case "image/png":
            return begins.startswith(b"\x89PNG\r\n")
        case "image/gif":
            return begins.startswith(b"GIF8")
        case "image/webp":
            return begins[:4] == b"RIFF" and begins[8:12] == b"WEBP"
        case "video/mp4" | "video/quicktime":
            return begins[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")
    return True


async def _begins(response: httpx2.Response) -> bytes:
    """Return the first bytes, and no more of them than tell what it is."""
    begins = b""
    if response.status_code in (200, 206):
        async for chunk in response.aiter_raw():
            begins += chunk
            if len(begins) >= _HEAD:
                break
    return begins[:_HEAD]


def _size(response: httpx2.Response) -> int | None:
    """Return how long the whole file is, None where the server does not say."""
    if response.status_code == 206:
        found = _TOTAL.match(response.headers.get("content-range", ""))
        return int(found[1]) if found else None
    said = response.headers.get("content-length", "")
    return int(said) if re.fullmatch(r"[0-9]{1,15}", said, re.ASCII) else None


def _port(scheme: str) -> int:
    return 443 if scheme == "https" else 80


async def _nothing() -> None:
    """Stand for the mark of a request that needs none."""
