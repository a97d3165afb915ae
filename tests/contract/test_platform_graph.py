"""What Meta's answers mean on all three networks, and Meta's own client against the same far ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from facebook_business.adobjects.iguser import IGUser
from facebook_business.adobjects.page import Page
from facebook_business.adobjects.pagepost import PagePost
from facebook_business.api import FacebookAdsApi
from facebook_business.exceptions import FacebookRequestError
from facebook_business.session import FacebookSession
from graph_sending import ALL, answer, marked, sent, settled, through, with_media
from peer_graph import APP_SECRET, CDN, PAGE, TOKEN, USER, FacebookPeer, GraphPeer, InstagramPeer
from platform_peers import WENT

from scheduler.channels.base import Receipt
from scheduler.errors import ChannelDown, NoAccount, NotSent, Refused, Unknown


@pytest.mark.parametrize("make", ALL)
def test_every_request_proves_to_be_the_apps_when_its_secret_is_set(make: type[GraphPeer], tmp_path: Path) -> None:
    peer = make(tmp_path)
    peer.app_secret = APP_SECRET

    assert isinstance(sent(peer, peer.message()), Exception)
    assert isinstance(sent(peer, peer.message(), app_secret=APP_SECRET), Receipt)


@pytest.mark.parametrize("make", ALL)
@pytest.mark.parametrize(
    ("code", "subcode", "status", "expected"),
    [
        (1, 0, 500, Unknown),
        (2, 0, 400, Unknown),  # they answered so and had posted
        (4, 2207051, 400, Unknown),
        (100, 33, 400, Unknown),
        (4, 0, 400, NotSent),
        (32, 0, 403, NotSent),
        (80001, 0, 400, NotSent),
        (9, 2207042, 400, NotSent),
        (9007, 2207027, 400, NotSent),
        (10, 0, 403, ChannelDown),
        (190, 463, 401, ChannelDown),
        (200, 0, 403, ChannelDown),
        (368, 0, 400, ChannelDown),
        (36003, 2207009, 400, Refused),
        (506, 0, 400, Refused),
        (100, 0, 400, Refused),
        (987654, 0, 400, Refused),
        (987654, 0, 503, Unknown),
    ],
)
def test_a_code_means_what_metas_pages_say(
    make: type[GraphPeer], code: int, subcode: int, status: int, expected: type, tmp_path: Path
) -> None:
    peer = make(tmp_path)

    outcome = sent(peer, peer.message(), answer(peer, code, subcode, status))

    assert type(outcome) is expected
    assert (f"({code}/{subcode})" if subcode else f"({code})") in str(outcome)
    assert peer.published() == []


@pytest.mark.parametrize("make", ALL)
def test_an_error_that_meta_calls_passing_may_have_been_a_post(make: type[GraphPeer], tmp_path: Path) -> None:
    peer = make(tmp_path)

    assert isinstance(sent(peer, peer.message(), answer(peer, 987654, is_transient=True)), Unknown)


@pytest.mark.parametrize("make", ALL)
def test_the_token_stands_in_no_words_even_where_meta_repeats_it(make: type[GraphPeer], tmp_path: Path) -> None:
    peer = make(tmp_path)

    sent(peer, peer.message())  # where tokens are renewed, this was done here

    outcome = sent(peer, peer.message(), answer(peer, 987654, error_user_msg=f"bad {TOKEN} of lea@example.org"))

    assert str(outcome).endswith("(987654) bad <secret> of <address>")


@pytest.mark.parametrize("make", ALL)
def test_an_account_that_meta_has_nearly_shut_out_rests(make: type[GraphPeer], tmp_path: Path) -> None:
    peer = make(tmp_path)
    usage = {"1": [{"type": "pages", "call_count": 96, "total_time": 3, "estimated_time_to_regain_access": 45}]}
    peer.headers = {"X-Business-Use-Case-Usage": json.dumps(usage)}

    async def scenario() -> list[object]:
        found: list[object] = []
        async with through(peer) as proxy:
            channel = peer.channel(proxy.port)
            for _ in range(2):
                try:
                    found.append(type(await channel.send(peer.message(), marked)))
                except NotSent as error:
                    found.append(error.retry_at)
            peer.clock.advance(timedelta(minutes=45))
            found.append(type(await channel.send(peer.message(), marked)))
            await channel.close()
        return found

    assert asyncio.run(scenario()) == [Receipt, WENT + timedelta(minutes=45), Receipt]


@pytest.mark.parametrize("make", ALL)
@pytest.mark.parametrize("usage", ["", "[]", "{", '{"1": 5}', '{"1": [5]}', '{"call_count": "x"}', "[" * 9000])
def test_usage_that_cannot_be_read_stops_nothing(make: type[GraphPeer], usage: str, tmp_path: Path) -> None:
    peer = make(tmp_path)
    peer.headers = {"X-App-Usage": usage, "X-Business-Use-Case-Usage": usage}

    assert isinstance(sent(peer, peer.message()), Receipt)


@pytest.mark.parametrize("make", ALL)
def test_a_field_that_cannot_be_one_is_named(make: type[GraphPeer], tmp_path: Path) -> None:
    peer = make(tmp_path)

    outcome = sent(peer, peer.message(), **{"page" if peer.name == "facebook" else "user": "../me"})

    assert isinstance(outcome, NoAccount)
    assert peer.given == []


# Meta's own client against the same far end


def driven(peer: GraphPeer, work: Callable[[FacebookAdsApi], Any], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let Meta's client do something at the far end."""

    async def scenario() -> Any:
        async with peer.serve() as port:
            monkeypatch.setattr(FacebookSession, "GRAPH", f"http://127.0.0.1:{port}")
            api = FacebookAdsApi(FacebookSession(access_token=TOKEN, app_secret=APP_SECRET))
            api._session.requests.trust_env = False
            try:
                return await asyncio.to_thread(work, api)
            finally:
                api._session.requests.close()

    return asyncio.run(scenario())


def test_metas_client_publishes_a_draft_at_our_far_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    peer = FacebookPeer(tmp_path)
    peer.app_secret = APP_SECRET

    def work(api: FacebookAdsApi) -> tuple[list[str], bool, list[str]]:
        page = Page(PAGE, api=api)
        given = {"message": "Bonjour", "published": False, "unpublished_content_type": "DRAFT"}
        draft = page.create_feed(params=given)
        before = peer.published()
        post = PagePost(draft["id"], api=api)
        post.api_update(params={"is_published": True})
        shown = post.api_get(fields=["is_published"])["is_published"]
        return before, shown, [each["message"] for each in page.get_published_posts(fields=["message"])]

    assert driven(peer, work, monkeypatch) == ([], True, ["Bonjour"])


def test_metas_client_publishes_a_container_at_our_far_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    peer = InstagramPeer(tmp_path)

    def work(api: FacebookAdsApi) -> tuple[int, list[str]]:
        user = IGUser(USER, api=api)
        made = user.create_media(params={"image_url": f"{CDN}/bouquet.jpg", "caption": "Bonjour"})
        user.create_media_publish(params={"creation_id": made["id"]})
        [limit] = user.get_content_publishing_limit(fields=["quota_usage", "config"])
        return limit["quota_usage"], [each["caption"] for each in user.get_media(fields=["caption"])]

    assert driven(peer, work, monkeypatch) == (1, ["Bonjour"])


def test_a_slip_that_metas_client_lets_through_is_refused_at_our_far_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    peer = FacebookPeer(tmp_path)

    def work(api: FacebookAdsApi) -> str:
        with pytest.raises(FacebookRequestError) as refused:
            Page(PAGE, api=api).create_feed(params={"mesage": "Bonjour"})
        return str(refused.value.api_error_message())

    assert driven(peer, work, monkeypatch) == "(#100) Param mesage is not one of the parameters"


@pytest.mark.parametrize("make", ALL)
def test_nothing_we_ask_is_unknown_to_metas_tables(make: type[GraphPeer], tmp_path: Path) -> None:
    peer = make(tmp_path)
    (tmp_path / "film.mp4").write_bytes(b"\0\0\0\x18ftypmp42")

    for media in ((), (("bouquet.jpg", "a"),), (("bouquet.jpg", ""), ("bouquet.jpg", "a")), (("film.mp4", "a"),)):
        sent(peer, with_media(peer, *media, text="Voilà https://biksouv.example"))
    for thing in list(peer.things.values()):
        if thing.kind in ("post", "video", "container"):
            settled(peer, f"video:{thing.id}" if thing.kind == "video" else thing.id)

    assert peer.refused == []
    assert len(peer.given) > 10
