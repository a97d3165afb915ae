"""Media as a network would fetch them: what is there, and what is wrong with it."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest
from platform_peers import picture, tls
from support.http_peer import Reply, Request, http_peer, serving

from scheduler.channels.platforms.fetching import Seen, Wanted, look

JPEG = picture("JPEG")


def seen(reply: Reply, *, size: int | None = len(JPEG), path: str = "media/ring.jpg") -> tuple[Seen, Request]:
    """Return what is said of a file that is answered so, and how it was asked for."""
    asked: list[Request] = []

    def answer(request: Request) -> Reply:
        asked.append(request)
        return reply

    async def scenario() -> Seen:
        async with http_peer(answer) as port:
            wanted = Wanted("media/ring.jpg", f"http://127.0.0.1:{port}/{path}", size)
            [found] = await look([wanted], tls, private=True, seconds=2)
            return found

    found = asyncio.run(scenario())
    return found, asked[0]


def jpeg(body: bytes = JPEG, *, status: int = 200, kind: str = "image/jpeg", **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, body=body, headers={"Content-Type": kind, **named})


def test_a_file_that_is_there_whole_and_of_its_kind_is_well() -> None:
    found, request = seen(jpeg())

    assert (found.fault, found.remedy) == ("", "")
    assert (request.method, request.headers["range"]) == ("GET", "bytes=0-511")


def test_of_a_server_that_takes_ranges_the_whole_length_is_known() -> None:
    part = JPEG[:512]
    right = jpeg(part, status=206, content_range=f"bytes 0-511/{len(JPEG)}")
    other = jpeg(part, status=206, content_range="bytes 0-511/4096")

    assert seen(right)[0].fault == ""
    assert seen(other, size=5120)[0].fault == "it has 4,096 bytes there and 5,120 here"


@pytest.mark.parametrize(
    ("reply", "fault"),
    [
        (jpeg(status=404), "it is not there (404)"),
        (jpeg(status=403), "it is not for everybody (403)"),
        (jpeg(status=500), "the server answered 500"),
        (
            jpeg(b"", status=301, Location="https://www.shop.example/ring.jpg"),
            "it leads elsewhere to www.shop.example (301), which networks do not follow",
        ),
        (jpeg(b"<html>log in", kind="text/html; charset=utf-8"), "it is text/html, expected image/jpeg"),
        (Reply(200, body=JPEG), "it is no content type, expected image/jpeg"),
        (jpeg(kind="image/webp"), "it is sent as image/webp, expected image/jpeg"),
        (jpeg(picture("PNG")), "it is no image/jpeg"),
        (jpeg(b""), "it is no image/jpeg"),
        (jpeg(JPEG + b"more"), f"it has {len(JPEG) + 4:,} bytes there and {len(JPEG):,} here"),
    ],
)
def test_what_is_wrong_is_said_with_what_was_wanted(reply: Reply, fault: str) -> None:
    found, _ = seen(reply)

    assert found.fault == fault
    assert found.remedy


def test_a_file_that_is_not_here_is_not_compared() -> None:
    assert seen(jpeg(JPEG + b"more"), size=None)[0].fault == ""


def test_a_redirect_is_not_followed() -> None:
    asked: list[str] = []

    def answer(request: Request) -> Reply:
        asked.append(request.path)
        return Reply(302, headers={"Location": "/elsewhere.jpg"})

    async def scenario() -> None:
        async with http_peer(answer) as port:
            await look([Wanted("ring.jpg", f"http://127.0.0.1:{port}/ring.jpg")], tls, private=True)

    asyncio.run(scenario())

    assert asked == ["/ring.jpg"]


@pytest.mark.parametrize("host", ["127.0.0.1", "169.254.169.254", "10.0.0.1", "[::1]"])
def test_what_only_this_machine_could_fetch_is_told_and_not_asked(host: str) -> None:
    [found] = asyncio.run(look([Wanted("ring.jpg", f"https://{host}:9/ring.jpg", 1)], tls))

    assert "an address inside a private or reserved network" in found.fault


def test_a_certificate_that_nobody_trusts_is_told() -> None:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(Path(__file__).parent / "tls" / "localhost.pem")

    async def scenario() -> Seen:
        listening = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0, ssl=server)
        port = listening.sockets[0].getsockname()[1]
        [found] = await look([Wanted("ring.jpg", f"https://localhost:{port}/ring.jpg")], tls, private=True, seconds=5)
        listening.close()
        await listening.wait_closed()
        return found

    assert asyncio.run(scenario()).fault.startswith("localhost cannot be reached: TLS failed: ")


def test_a_server_that_never_answers_is_given_up() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async def scenario() -> Seen:
        async with serving(silent) as port:
            url = f"http://127.0.0.1:{port}/ring.jpg"
            [found] = await look([Wanted("ring.jpg", url)], tls, private=True, seconds=0.2)
            return found

    assert asyncio.run(scenario()).fault == "127.0.0.1 did not answer in time"
