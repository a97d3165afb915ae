"""What Slack is asked to post, what its errors mean, and how a message that may have been posted is found again."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from channel_peers import Mark
from peer_slack import CHANNEL, TOKEN, SlackPeer
from platform_peers import TEXT, WENT
from platform_sending import sent, settled
from slack_sdk.web import WebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse
from slack_sdk.web.slack_response import SlackResponse
from support.http_peer import Reply, Request

from campaigns.rendering import Content
from scheduler.channels.base import Evidence, Found, Receipt
from scheduler.errors import ChannelDown, NoAccount, NotSent, Refused, Unknown


@pytest.fixture
def peer(tmp_path: Path) -> SlackPeer:
    return SlackPeer(tmp_path)


def test_a_message_goes_with_its_key_and_comes_back_with_its_moment(peer: SlackPeer) -> None:
    receipt = sent(peer, peer.message(key="k1"))

    assert receipt == Receipt("C0123456789:1802336400.000000", "posted to Slack")
    assert peer.taken[0]["metadata"] == {"event_type": "campaign_message", "event_payload": {"key": "k1"}}


def test_nothing_in_a_text_is_a_sign_for_slack(peer: SlackPeer) -> None:
    sent(peer, peer.message(content=Content("", "<!channel> Léa & <https://evil.example|Ion>")))

    assert peer.taken[0]["text"] == "&lt;!channel&gt; Léa &amp; &lt;https://evil.example|Ion&gt;"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (Content("", " "), "a message without text"),
        (Content("", "x" * 40_001), "a message of 40,001 characters: expected at most 40,000"),
        (Content("", "<" * 10_001), "a message of 40,004 characters: expected at most 40,000"),
        (Content("", "x", media=(("a.png", "a"),)), "a message to Slack carries no pictures here"),
    ],
)
def test_what_slack_would_cut_is_refused_before_the_mark(peer: SlackPeer, content: Content, words: str) -> None:
    mark = Mark()

    refused = sent(peer, peer.message(content=content), mark=mark)

    assert isinstance(refused, Refused)
    assert (refused.message, mark.calls) == (words, 0)


@pytest.mark.parametrize("channel", ["#general", "general", "C1", "c0123456789", "C0123456789;"])
def test_a_channel_is_named_by_its_id(peer: SlackPeer, channel: str) -> None:
    error = sent(peer, peer.message(), channel=channel)

    assert isinstance(error, NoAccount)
    assert error.message.startswith("cannot read CAMPAIGN_ACCOUNTS__SLACK__CHANNEL")


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        ("invalid_auth", ChannelDown, "Slack answered 200 invalid_auth"),
        ("channel_not_found", ChannelDown, "Slack answered 200 channel_not_found"),
        ("is_archived", ChannelDown, "Slack answered 200 is_archived"),
        ("not_in_channel", ChannelDown, "Slack answered 200 not_in_channel"),
        ("ratelimited", NotSent, "Slack answered 200 ratelimited"),
        ("request_timeout", NotSent, "Slack answered 200 request_timeout"),
        ("msg_too_long", Refused, "Slack answered 200 msg_too_long"),
        ("something_new", Refused, "Slack answered 200 something_new"),
        ("fatal_error", Unknown, "Slack answered 200 fatal_error: it may have taken the message"),
        ("internal_error", Unknown, "Slack answered 200 internal_error: it may have taken the message"),
        ("", Unknown, "Slack answered 200: it may have taken the message"),
        ("Not A Name", Unknown, "Slack answered 200: it may have taken the message"),
    ],
)
def test_a_no_with_status_200_says_what_follows(peer: SlackPeer, error: str, kind: type[Exception], words: str) -> None:
    peer.answer = lambda request: Reply(200, {"ok": False, "error": error})  # type: ignore[method-assign]

    found = sent(peer, peer.message())

    assert type(found) is kind
    assert isinstance(found, ChannelDown | NotSent | Refused | Unknown)
    assert found.message == words


@pytest.mark.parametrize(
    "body", [{}, [], {"ok": 1}, {"ok": True}, {"ok": True, "ts": "x"}, {"ok": "true", "ts": "1.2"}]
)
def test_a_yes_without_a_moment_is_no_yes(peer: SlackPeer, body: object) -> None:
    peer.answer = lambda request: Reply(200, body)  # type: ignore[method-assign]

    assert isinstance(sent(peer, peer.message()), Unknown)


def test_a_message_is_found_by_its_key_on_the_last_page(peer: SlackPeer) -> None:
    sent(peer, peer.message(key="k1"))
    for number in range(5):
        sent(peer, peer.message(key=f"other {number}"))
    peer.page = 2

    found = settled(peer, peer.message(key="k1"))

    assert found == Evidence(
        Found.SENT, "the channel's history has it at 09:00:00 UTC, by its key", "C0123456789:1802336400.000000"
    )


def test_the_same_words_under_another_key_are_another_message(peer: SlackPeer) -> None:
    sent(peer, peer.message(key="k1"))

    assert settled(peer, peer.message(key="k2")) == Evidence(
        Found.NOT_SENT, "the channel's history has no such message"
    )


def test_where_slack_shows_no_metadata_the_words_tell(peer: SlackPeer) -> None:
    peer.shows_metadata = False
    sent(peer, peer.message(key="k1", content=Content("", "Vélos & co: <prêts>")))
    peer.taken[0]["text"] = "Vélos &amp; co: &lt;prêts&gt;"

    found = settled(peer, peer.message(key="k1", content=Content("", "Vélos & co: <prêts>\n")))

    assert isinstance(found, Evidence)
    assert (found.found, found.words[-12:]) == (Found.SENT, "by its words")


@pytest.mark.parametrize("after", [timedelta(minutes=-3), timedelta(minutes=11)])
def test_what_was_posted_at_another_time_is_another_message(peer: SlackPeer, after: timedelta) -> None:
    sent(peer, peer.message(key="k1"))

    found = settled(peer, peer.message(key="k1"), started_at=WENT - after)

    assert isinstance(found, Evidence)
    assert found.found is Found.NOT_SENT


def test_a_history_that_does_not_end_is_for_a_person(peer: SlackPeer) -> None:
    peer.page = 1
    for number in range(11):
        sent(peer, peer.message(key=f"other {number}"))

    assert settled(peer, peer.message(key="k1")) == Evidence(
        Found.OPEN, "the channel has more than 2,000 messages of that time"
    )


@pytest.mark.parametrize(
    "answer",
    [
        Reply(200, {"ok": True}),
        Reply(200, {"ok": False, "error": "fatal_error"}),
        Reply(200, {"ok": False, "error": "missing_scope"}),
        Reply(429, {}),
        Reply(500, {}),
    ],
)
def test_an_answer_that_does_not_say_settles_nothing(peer: SlackPeer, answer: Reply) -> None:
    peer.answer = lambda request: answer  # type: ignore[method-assign]

    assert isinstance(settled(peer, peer.message()), NotSent | ChannelDown)


def test_slacks_own_library_reads_the_far_end_as_we_do(peer: SlackPeer) -> None:
    """The library is the judge of the fake: it would raise SlackApiError for an answer that is not as Slack's."""

    async def scenario() -> tuple[SlackResponse | AsyncSlackResponse, SlackResponse | AsyncSlackResponse]:
        async with peer.serve() as port:
            client = WebClient(token=TOKEN, base_url=f"http://127.0.0.1:{port}/api/")
            posted = await asyncio.to_thread(client.chat_postMessage, channel=CHANNEL, text=TEXT)
            ours = peer.channel(port)
            await ours.send(peer.message(key="k1"), Mark())
            await ours.close()
            times = {"oldest": "0", "latest": "9999999999"}
            shown = await asyncio.to_thread(
                client.conversations_history, channel=CHANNEL, include_all_metadata=True, **times
            )
            return posted, shown

    json_only = peer.answer

    def answer(request: Request) -> Reply:
        """Take the library's forms too."""
        if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            fields = dict(request.form)
            if "oldest" in fields:
                return peer._history({**fields, "include_all_metadata": "true"})
        return json_only(request)

    peer.answer = answer  # type: ignore[method-assign]
    posted, shown = asyncio.run(scenario())

    assert posted["ok"] is True
    assert [one["text"] for one in shown["messages"]] == [TEXT, TEXT]
    assert shown["messages"][0]["metadata"]["event_payload"] == {"key": "k1"}
