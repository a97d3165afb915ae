"""What X is asked to post, how its tokens are renewed, what its errors mean, and when a post counts as sent."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from channel_peers import Mark
from peer_x import BASIC, CLIENT, REFRESH, TOKEN, XPeer, no
from platform_peers import TEXT, WENT, picture
from platform_sending import minutes, sent, settled, spoken
from support.http_peer import Reply, Request

from campaigns.rendering import Content
from scheduler.channels.base import Channel, Evidence, Found, Receipt
from scheduler.channels.platforms.tokens import Kept, MemoryKeeper
from scheduler.errors import ChannelDown, NoAccount, NotSent, Refused, SchedulerError, Unknown

WORDS = Content("", TEXT)
FIRST = "1900000000000000000"
ANEW = "authorize the app anew, with offline.access, and set both tokens"


@pytest.fixture
def peer(tmp_path: Path) -> XPeer:
    return XPeer(tmp_path)


# --- what is posted ---------------------------------------------------------------------------------------------------


def test_a_text_is_posted_with_the_token(peer: XPeer) -> None:
    receipt = sent(peer, peer.message(content=WORDS))

    assert receipt == Receipt(FIRST, f"https://x.com/i/status/{FIRST}")
    assert [(one.method, one.route, one.json) for one in peer.requests] == [("POST", "/2/tweets", {"text": TEXT})]
    assert peer.requests[0].headers["authorization"] == f"Bearer {TOKEN}"


def test_pictures_go_first_with_their_descriptions(peer: XPeer) -> None:
    sent(peer, peer.message(content=Content("", "", media=(("bouquet.png", "Roses"), ("bouquet.png", "")))))

    assert [one.route for one in peer.requests] == [
        "/2/media/upload",
        "/2/media/metadata",
        "/2/media/upload",
        "/2/tweets",
    ]
    assert peer.uploaded["1800000000000000000"] == {
        "media_category": b"tweet_image",
        "media_type": b"image/png",
        "media": picture(),
    }
    assert peer.described == {"1800000000000000000": "Roses"}
    assert peer.requests[-1].json == {"media": {"media_ids": ["1800000000000000000", "1800000000000000001"]}}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (Content("", "x" * 281), "the text has 281 characters as X counts them: expected at most 280"),
        (Content("", "花" * 141), "the text has 282 characters as X counts them: expected at most 280"),
        (Content("", "\n"), "a post without text and pictures"),
        (Content("", "x", media=(("bouquet.png", ""),) * 5), "5 pictures in one post: X takes at most 4"),
        (
            Content("", "x", media=(("bouquet.png", "a" * 1001),)),
            "the description of bouquet.png has 1,001 characters: X takes at most 1,000",
        ),
        (Content("", "x", media=(("film.mp4", ""),)), "film.mp4 is a video: to X only pictures go"),
    ],
)
def test_what_x_would_not_take_is_refused_before_anything_leaves(peer: XPeer, content: Content, words: str) -> None:
    (peer.folder / "film.mp4").write_bytes(b"film")
    mark = Mark()

    error = sent(peer, peer.message(content=content), mark=mark)

    assert isinstance(error, Refused)
    assert error.message == words
    assert (mark.calls, peer.requests) == (0, [])


def test_a_link_counts_as_23_and_an_account_that_pays_may_say_more(peer: XPeer) -> None:
    linked = sent(peer, peer.message(content=Content("", "x" * 256 + " https://shop.example/" + "a" * 200)))
    long = sent(peer, peer.message(content=Content("", "y" * 4000)), characters="25000")

    assert isinstance(linked, Receipt)
    assert isinstance(long, Receipt)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"token": "", "refresh_token": ""}, "the account of x has no token"),
        ({"client_id": ""}, "the account of x has no client_id"),
        ({"client_id": "a b"}, "cannot read CAMPAIGN_ACCOUNTS__X__CLIENT_ID"),
        ({"characters": "many"}, "cannot read CAMPAIGN_ACCOUNTS__X__CHARACTERS"),
        ({"endpoint": "http://api.x.com"}, "cannot use CAMPAIGN_ACCOUNTS__X__ENDPOINT"),
    ],
)
def test_an_account_that_cannot_be_used_says_which_field(peer: XPeer, fields: dict[str, str], words: str) -> None:
    error = sent(peer, peer.message(), **fields)

    assert isinstance(error, NoAccount)
    assert error.message.startswith(words)


# --- tokens -----------------------------------------------------------------------------------------------------------


def test_a_token_that_x_takes_no_longer_is_renewed_for_the_next_attempt(peer: XPeer) -> None:
    peer.token = "another-by-now"
    message = peer.message(content=WORDS)

    first, second = sent(peer, message), sent(peer, message)

    assert isinstance(first, NotSent)
    assert isinstance(second, Receipt)
    trade = next(one for one in peer.requests if one.route == "/2/oauth2/token")
    assert dict(trade.form) == {"grant_type": "refresh_token", "refresh_token": REFRESH, "client_id": CLIENT}
    assert trade.headers["authorization"] == f"Basic {BASIC}"
    kept = peer.keeper.get("x")
    assert kept is not None
    assert dataclasses.replace(kept, source="") == Kept(
        "canary-of-the-x-token-1", "canary-of-the-x-refresh-1", WENT + timedelta(hours=2)
    )


def test_tokens_are_traded_again_two_minutes_before_their_end(peer: XPeer) -> None:
    message, trades = peer.message(content=WORDS), []
    for number, wait in enumerate([0, 117.9, 0.1, 60]):
        peer.clock.advance(minutes(wait))
        text = Content("", f"{TEXT} {number}")
        assert isinstance(sent(peer, dataclasses.replace(message, content=text), token=""), Receipt)
        trades.append(peer.trades)

    assert trades == [1, 1, 2, 2]


def test_where_x_does_not_say_how_long_a_token_lasts_it_is_two_hours(peer: XPeer) -> None:
    usual = peer.answer

    def answer(request: Request) -> Reply:
        reply = usual(request)
        given: Any = reply.json
        given.pop("expires_in", None)
        return reply

    peer.answer = answer  # type: ignore[method-assign]
    sent(peer, peer.message(content=WORDS), token="")

    kept = peer.keeper.get("x")
    assert kept is not None
    assert kept.expires_at == WENT + timedelta(hours=2)


def test_a_public_app_shows_its_id_alone(peer: XPeer) -> None:
    sent(peer, peer.message(content=WORDS), token="", client_secret="")

    assert "authorization" not in peer.requests[0].headers
    assert dict(peer.requests[0].form)["client_id"] == CLIENT


def test_what_x_will_not_renew_needs_a_person(peer: XPeer) -> None:
    peer.refresh = "used by somebody else"
    mark = Mark()

    error = sent(peer, peer.message(content=WORDS), mark, token="")

    assert isinstance(error, ChannelDown)
    assert error.message == ("the token cannot be renewed: X answered 400 (Value passed for the token was invalid.)")
    assert (error.remedy, mark.calls) == (ANEW, 0)


def test_a_token_that_nothing_renews_needs_a_person(peer: XPeer) -> None:
    peer.token = "another-by-now"

    error = sent(peer, peer.message(content=WORDS), refresh_token="", client_id="", client_secret="")

    assert isinstance(error, ChannelDown)
    assert (error.message, error.remedy) == ("X does not take the token", ANEW)


def test_a_new_token_that_x_does_not_take_is_not_renewed_again_and_again(peer: XPeer) -> None:
    usual = peer.answer
    peer.answer = lambda request: (  # type: ignore[method-assign]
        no(401, "Unauthorized") if request.route == "/2/tweets" else usual(request)
    )
    message = peer.message(content=WORDS)

    async def twice(channel: Channel) -> list[type[Exception]]:
        found: list[type[Exception]] = []
        for _ in range(4):
            try:
                await channel.send(message, Mark())
            except (NotSent, ChannelDown) as error:
                found.append(type(error))
        return found

    found = spoken(peer, twice)

    assert isinstance(found, list)
    assert issubclass(found[0], NotSent)
    assert found[1:] == [ChannelDown, ChannelDown, ChannelDown]
    assert peer.trades == 1


def test_other_tokens_in_the_settings_take_the_place_of_what_was_kept(peer: XPeer) -> None:
    sent(peer, peer.message(content=WORDS), token="")
    peer.token = "a-new-grant"

    receipt = sent(peer, peer.message(content=Content("", "Autre chose")), token="a-new-grant", refresh_token="newer")

    assert isinstance(receipt, Receipt)
    assert peer.trades == 1


class FullDisk(MemoryKeeper):
    """A keeper that cannot write."""

    def put(self, account: str, kept: Kept) -> None:
        raise SchedulerError("cannot keep the renewed token: no space left on device", remedy="make room")


def test_tokens_that_cannot_be_written_serve_as_long_as_the_process_lives(
    peer: XPeer, caplog: pytest.LogCaptureFixture
) -> None:
    peer.keeper = FullDisk()

    async def twice(channel: Channel) -> list[Receipt]:
        return [await channel.send(peer.message(content=Content("", f"{TEXT} {n}")), Mark()) for n in range(2)]

    found = spoken(peer, twice, token="")

    assert isinstance(found, list)
    assert (len(found), peer.trades) == (2, 1)
    assert caplog.messages == ["cannot keep the renewed token: no space left on device; make room"] * 2


def test_of_two_posts_at_once_one_renews(peer: XPeer) -> None:
    async def both(channel: Channel) -> list[Receipt]:
        posts = (peer.message(content=Content("", f"{TEXT} {number}")) for number in range(2))
        return await asyncio.gather(*(channel.send(post, Mark()) for post in posts))

    found = spoken(peer, both, token="")

    assert isinstance(found, list)
    assert (len(found), peer.trades) == (2, 1)


@pytest.mark.parametrize(
    "body", [{}, {"access_token": ""}, {"access_token": "a b", "refresh_token": "c"}, {"access_token": "x" * 4097}]
)
def test_a_trade_without_a_token_is_tried_again(peer: XPeer, body: object) -> None:
    peer.answer = lambda request: Reply(200, body)  # type: ignore[method-assign]

    error = sent(peer, peer.message(content=WORDS), token="")

    assert isinstance(error, NotSent)
    assert error.message == "X answered without a token"


# --- what its answers mean --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "kind", "remedy"),
    [
        (no(402, "CreditsDepleted"), ChannelDown, "add credits at console.x.com"),
        (no(403, "You are not permitted to perform this action."), ChannelDown, "give the app the rights tweet.read"),
        (no(400, "Your media IDs are invalid."), Refused, ""),
        (no(429, "Too Many Requests"), NotSent, ""),
        (no(503, "Service Unavailable"), Unknown, ""),
        (Reply(201, {}), Unknown, ""),
        (Reply(201, {"data": {"id": "x"}}), Unknown, ""),
        (Reply(201, {"data": []}), Unknown, ""),
    ],
)
def test_an_answer_says_what_follows(peer: XPeer, reply: Reply, kind: type[Exception], remedy: str) -> None:
    peer.answer = lambda request: reply  # type: ignore[method-assign]

    error = sent(peer, peer.message(content=WORDS))

    assert isinstance(error, ChannelDown | Refused | NotSent | Unknown)
    assert isinstance(error, kind)
    assert error.remedy.startswith(remedy)
    assert bool(error.remedy) == bool(remedy)


@pytest.mark.parametrize(
    ("headers", "retry_at"),
    [
        ({"x_rate_limit_remaining": "0", "x_rate_limit_reset": "1802337000"}, WENT + minutes(10)),
        (
            {
                "x_rate_limit_remaining": "99",
                "x_rate_limit_reset": "1802337000",
                "x_user_limit_24hour_remaining": "0",
                "x_user_limit_24hour_reset": "1802372400",
            },
            WENT + timedelta(hours=10),
        ),
        ({"x_rate_limit_remaining": "0", "x_rate_limit_reset": "99999999999"}, WENT + timedelta(hours=24)),
        ({"x_rate_limit_remaining": "0", "x_rate_limit_reset": "soon"}, None),
        ({"x_rate_limit_remaining": "3", "x_rate_limit_reset": "1802337000"}, None),
    ],
)
def test_the_limit_that_is_used_up_says_when(peer: XPeer, headers: dict[str, str], retry_at: datetime | None) -> None:
    peer.answer = lambda request: no(429, "Too Many Requests", **headers)  # type: ignore[method-assign]

    error = sent(peer, peer.message(content=WORDS))

    assert isinstance(error, NotSent)
    assert error.retry_at == retry_at


def test_a_repeat_of_what_went_in_an_earlier_attempt_is_that_post(peer: XPeer) -> None:
    there = peer.add(TEXT, after=minutes(0.1))
    peer.clock.advance(minutes(6))

    receipt = sent(peer, peer.message(content=WORDS))

    assert receipt == Receipt(there["id"], f"https://x.com/i/status/{FIRST}, where it stood already")
    assert len(peer.taken) == 1


def test_a_repeat_of_an_older_post_is_refused_once_that_is_certain(peer: XPeer) -> None:
    peer.add(TEXT, after=timedelta(hours=-5))
    message = peer.message(content=WORDS)

    early = sent(peer, message)
    peer.clock.advance(minutes(5))
    late = sent(peer, message)

    assert isinstance(early, Unknown)
    assert isinstance(late, Refused)
    assert late.message == "X takes it for a repeat of a post of the account"


# --- what became of it ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "pictures"),
    [
        (TEXT, 0),
        (TEXT, 2),
        ("", 1),
        ("Roses & lys < 20 € > tout", 0),
        ("Voir https://shop.example/?a=1&b=2, puis https://shop.example/b.", 1),
    ],
)
def test_a_post_that_went_is_found_by_its_words_and_pictures(peer: XPeer, text: str, pictures: int) -> None:
    peer.add("Autre chose", after=minutes(-0.5))
    there = peer.add(text, after=minutes(0.1), pictures=pictures)
    peer.clock.advance(minutes(5))

    found = settled(peer, peer.message(content=Content("", text, media=(("bouquet.png", ""),) * pictures)))

    words = f"stands at https://x.com/i/status/{there['id']}; X bills this look (2 posts and the account)"
    assert found == Evidence(Found.SENT, words, there["id"])
    assert peer.requests[-1].query["start_time"] == "2027-02-11T08:58:00Z"


def test_a_long_post_is_found_by_all_of_its_words(peer: XPeer) -> None:
    there = peer.add("y" * 270)
    there["note_tweet"] = {"text": "y" * 4000}
    peer.clock.advance(minutes(5))

    found = settled(peer, peer.message(content=Content("", "y" * 4000)))

    assert isinstance(found, Evidence)
    assert found.found is Found.SENT


@pytest.mark.parametrize(
    ("others", "number"),
    [
        (lambda peer: peer.add(TEXT, after=minutes(-3)), 0),
        (lambda peer: peer.add("Autre chose", after=minutes(1)), 1),
        (lambda peer: None, 0),
    ],
    ids=["before", "other words", "nothing"],
)
def test_a_post_that_is_not_on_the_timeline_did_not_go(
    peer: XPeer, others: Callable[[XPeer], object], number: int
) -> None:
    others(peer)
    peer.clock.advance(minutes(5))

    found = settled(peer, peer.message(content=WORDS))

    words = f"not among the {number} posts that X lists of the account since then"
    assert found == Evidence(Found.NOT_SENT, f"{words}; X bills this look ({number} posts and the account)")


def test_all_pages_are_looked_through_and_too_many_are_for_a_person(peer: XPeer) -> None:
    there = peer.add(TEXT, after=minutes(0.1))
    for number in range(7):
        peer.add(f"{number} autres", after=minutes(0.2))
    peer.clock.advance(minutes(5))
    peer.page = 3
    whole = settled(peer, peer.message(content=WORDS))
    peer.page = 1
    cut = settled(peer, peer.message(content=WORDS))

    assert isinstance(whole, Evidence)
    assert isinstance(cut, Evidence)
    assert (whole.found, whole.provider_id) == (Found.SENT, there["id"])
    assert (cut.found, cut.look_at) == (Found.OPEN, None)


def test_a_look_renews_the_token_too(peer: XPeer) -> None:
    peer.add(TEXT)
    peer.token = "another-by-now"

    first, second = settled(peer, peer.message(content=WORDS)), settled(peer, peer.message(content=WORDS))

    assert isinstance(first, NotSent)
    assert isinstance(second, Evidence)
    assert second.found is Found.SENT


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"meta": {"result_count": 3}},
        {"data": [{}], "meta": {"result_count": 1}},
        {"data": [{"id": FIRST, "created_at": "2027-02-11T09:00:00"}], "meta": {"result_count": 1}},
        {"data": "x", "meta": {"result_count": 1}},
        {"data": ["x"], "meta": {"result_count": 1}},
    ],
    ids=json.dumps,
)
def test_an_answer_that_does_not_say_settles_nothing(peer: XPeer, body: object) -> None:
    usual = peer.answer

    def answer(request: Request) -> Reply:
        return Reply(200, body) if request.route.endswith("/tweets") else usual(request)

    peer.answer = answer  # type: ignore[method-assign]

    assert isinstance(settled(peer, peer.message(content=WORDS)), NotSent)


def test_no_token_stands_in_any_words(peer: XPeer) -> None:
    said = []
    for secret in (TOKEN, REFRESH, "canary-of-the-x-token-1", "canary-of-the-x-refresh-1", BASIC):
        usual = peer.answer
        peer.answer = lambda request, secret=secret, usual=usual: (  # type: ignore[method-assign,misc]
            usual(request) if "oauth2" in request.route else no(400, f"the token {secret} is odd")
        )
        said.append(str(sent(peer, peer.message(content=WORDS), token="" if secret != TOKEN else TOKEN)))
        peer.answer = usual  # type: ignore[method-assign]

    assert said == ["X answered 400 (the token <secret> is odd)"] * 5
