"""What Telegram is asked to post, what its errors mean, and that the token in every path is shown nowhere."""

from __future__ import annotations

import logging
from datetime import timedelta
from pathlib import Path

import pytest
from channel_peers import Mark
from peer_telegram import TOKEN, TelegramPeer, no
from platform_peers import TEXT, WENT, picture
from platform_sending import sent
from support.http_peer import Reply

from campaigns.rendering import Content
from scheduler.channels.base import Receipt, Settles
from scheduler.errors import ChannelDown, NoAccount, NotSent, Refused, Unknown

ONE = (("bouquet.png", "Un bouquet"),)


@pytest.fixture
def peer(tmp_path: Path) -> TelegramPeer:
    return TelegramPeer(tmp_path)


def content(text: str = TEXT, *media: tuple[str, str]) -> Content:
    return Content("", text, media=media)


def test_a_text_goes_as_it_is(peer: TelegramPeer) -> None:
    receipt = sent(peer, peer.message(content=content("*Vélos* <b>&</b> [x](y)\n")))

    assert receipt == Receipt("@biksouv/1", "posted to Telegram")
    assert peer.taken == [{"method": "sendMessage", "text": "*Vélos* <b>&</b> [x](y)", "files": {}}]


def test_a_picture_goes_with_its_caption(peer: TelegramPeer) -> None:
    sent(peer, peer.message())

    (post,) = peer.taken
    assert (post["method"], post["text"]) == ("sendPhoto", TEXT)
    assert post["files"]["photo"].startswith(b"\xff\xd8\xff")  # a JPEG


def test_a_video_goes_as_it_is(peer: TelegramPeer, tmp_path: Path) -> None:
    (tmp_path / "ride.mp4").write_bytes(b"moving pictures")

    sent(peer, peer.message(content=content("Roulez", ("ride.mp4", ""))))

    assert peer.taken == [{"method": "sendVideo", "text": "Roulez", "files": {"video": b"moving pictures"}}]


def test_several_media_go_as_one_group_with_one_caption(peer: TelegramPeer, tmp_path: Path) -> None:
    (tmp_path / "ride.mp4").write_bytes(b"moving pictures")

    receipt = sent(peer, peer.message(content=content("Tout", *ONE, ("ride.mp4", ""), *ONE)))

    assert receipt == Receipt("@biksouv/1", "posted to Telegram")
    (post,) = peer.taken
    assert (post["method"], post["text"], sorted(post["files"])) == (
        "sendMediaGroup",
        "Tout",
        ["file0", "file1", "file2"],
    )
    assert post["files"]["file1"] == b"moving pictures"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (content("x" * 4097), "a text of 4,097 characters: expected at most 4,096"),
        (content("💐" * 2049), "a text of 4,098 characters: expected at most 4,096"),
        (content("x" * 1025, *ONE), "a text of 1,025 characters: expected at most 1,024 beside media"),
        (content("x", *ONE * 11), "11 media in one post: Telegram takes at most 10"),
        (content(" "), "a post without text and media"),
        (content("x", ("gone.png", "")), "there is no file 'gone.png'"),
    ],
)
def test_what_telegram_does_not_take_is_refused_before_the_mark(peer: TelegramPeer, said: Content, words: str) -> None:
    mark = Mark()

    refused = sent(peer, peer.message(content=said), mark=mark)

    assert isinstance(refused, Refused)
    assert refused.message.startswith(words)
    assert (mark.calls, peer.taken) == (0, [])


def test_the_longest_text_and_caption_go(peer: TelegramPeer) -> None:
    for said in (content("💐" * 2048), content("x" * 1024, *ONE), content("", *ONE)):
        assert isinstance(sent(peer, peer.message(content=said)), Receipt)


@pytest.mark.parametrize(
    ("status", "description", "kind", "words"),
    [
        (401, "Unauthorized", ChannelDown, "Telegram answered 401 Unauthorized"),
        (404, "Not Found", ChannelDown, "Telegram answered 404 Not Found"),
        (400, "Bad Request: chat not found", ChannelDown, "Telegram answered 400 Bad Request: chat not found"),
        (400, "Bad Request: not enough rights to send photos to the chat", ChannelDown, "Telegram answered 400"),
        (403, "Forbidden: bot was kicked from the channel chat", ChannelDown, "Telegram answered 403 Forbidden"),
        (400, "Bad Request: PHOTO_INVALID_DIMENSIONS", Refused, "Telegram answered 400 Bad Request: PHOTO_INVALID"),
        (413, "Request Entity Too Large", Refused, "Telegram answered 413 Request Entity Too Large"),
        (429, "Too Many Requests", NotSent, "Telegram answered 429 Too Many Requests"),
        (500, "Internal Server Error", Unknown, "Telegram answered 500: it may have taken the message"),
    ],
)
def test_an_error_says_what_follows(
    peer: TelegramPeer, status: int, description: str, kind: type[Exception], words: str
) -> None:
    peer.answer = lambda request: no(status, description)  # type: ignore[method-assign]

    found = sent(peer, peer.message())

    assert type(found) is kind
    assert isinstance(found, ChannelDown | NotSent | Refused | Unknown)
    assert found.message.startswith(words)


def test_a_bot_that_was_thrown_out_says_what_to_mend(peer: TelegramPeer) -> None:
    peer.answer = lambda request: no(403, "Forbidden: bot was kicked")  # type: ignore[method-assign]

    found = sent(peer, peer.message())

    assert isinstance(found, ChannelDown)
    assert found.remedy == "mend `chat` of the account, and let the bot write there"


def test_telegram_says_in_the_answer_how_long_to_wait(peer: TelegramPeer) -> None:
    peer.answer = lambda request: no(429, "Too Many Requests: retry after 35", retry_after=35)  # type: ignore[method-assign]

    found = sent(peer, peer.message())

    assert isinstance(found, NotSent)
    assert found.retry_at == WENT + timedelta(seconds=35)


def test_a_group_that_became_a_large_one_says_its_new_number(peer: TelegramPeer) -> None:
    words = "Bad Request: group chat was upgraded to a supergroup chat"
    peer.answer = lambda request: no(400, words, migrate_to_chat_id=-1001234567890)  # type: ignore[method-assign]

    found = sent(peer, peer.message())

    assert isinstance(found, ChannelDown)
    assert found.remedy == "the group has another number now: set `chat` of the account to -1001234567890"


@pytest.mark.parametrize(
    "body", [{}, [], {"ok": True}, {"ok": True, "result": {}}, {"ok": True, "result": []}, {"ok": "true", "result": 1}]
)
def test_a_yes_without_a_number_is_no_yes(peer: TelegramPeer, body: object) -> None:
    peer.answer = lambda request: Reply(200, body)  # type: ignore[method-assign]

    assert isinstance(sent(peer, peer.message()), Unknown)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"token": "canary/../x"}, "cannot read CAMPAIGN_ACCOUNTS__TELEGRAM__TOKEN"),
        ({"token": f"{TOKEN}?a=1"}, "cannot read CAMPAIGN_ACCOUNTS__TELEGRAM__TOKEN"),
        ({"token": ""}, "the account of telegram has no token"),
        ({"chat": "biksouv"}, "cannot read CAMPAIGN_ACCOUNTS__TELEGRAM__CHAT"),
    ],
)
def test_an_account_that_cannot_be_used_says_which_field_and_not_what_it_held(
    peer: TelegramPeer, fields: dict[str, str], words: str
) -> None:
    error = sent(peer, peer.message(), **fields)

    assert isinstance(error, NoAccount)
    assert error.message.startswith(words)
    assert "canary" not in repr(error)


def test_a_far_end_that_repeats_the_path_does_not_make_us_show_the_token(
    peer: TelegramPeer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    peer.answer = lambda request: no(400, f"Bad Request: no method {request.path}")  # type: ignore[method-assign]

    found = sent(peer, peer.message())

    assert isinstance(found, Refused)
    assert "canary" not in repr(found) + str(found) + caplog.text


def test_nobody_pretends_to_know_what_became_of_a_post(peer: TelegramPeer) -> None:
    assert not isinstance(peer.channel(1), Settles)


def test_a_picture_that_is_too_large_is_made_smaller(peer: TelegramPeer, tmp_path: Path) -> None:
    (tmp_path / "wide.png").write_bytes(picture("PNG", (5000, 40)))

    sent(peer, peer.message(content=content("x", ("wide.png", ""))))

    from io import BytesIO

    from PIL import Image

    with Image.open(BytesIO(peer.taken[0]["files"]["photo"])) as image:
        assert (image.format, image.size) == ("JPEG", (4096, 33))
