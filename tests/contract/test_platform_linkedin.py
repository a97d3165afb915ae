"""What LinkedIn is asked to post, what its errors mean, and when a post that may have gone counts as sent."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from channel_peers import Mark
from hypothesis import given
from hypothesis import strategies as st
from peer_linkedin import AUTHOR, TOKEN, LinkedInPeer, no, repeat
from platform_peers import TEXT, WENT, picture
from platform_sending import minutes, sent, settled
from support.http_peer import Reply

from campaigns.rendering import Content
from scheduler.channels.base import Evidence, Found, Receipt
from scheduler.channels.platforms.linkedin import little, plain
from scheduler.errors import ChannelDown, NoAccount, NotSent, Refused, Unknown

WORDS = Content("", TEXT)
FIRST = "urn:li:share:7400000000000000000"


@pytest.fixture
def peer(tmp_path: Path) -> LinkedInPeer:
    return LinkedInPeer(tmp_path)


def posts(peer: LinkedInPeer) -> list[dict[str, Any]]:
    """Return the posts that LinkedIn was asked to publish."""
    return [one.json for one in peer.requests if (one.method, one.route) == ("POST", "/rest/posts")]


# --- what is posted ---------------------------------------------------------------------------------------------------


def test_a_text_is_posted_in_the_name_of_its_author_to_everybody(peer: LinkedInPeer) -> None:
    receipt = sent(peer, peer.message(content=Content("", "Ouvert dimanche")))

    assert receipt == Receipt(FIRST, f"https://www.linkedin.com/feed/update/{FIRST}")
    assert posts(peer) == [
        {
            "author": AUTHOR,
            "commentary": "Ouvert dimanche",
            "visibility": "PUBLIC",
            "distribution": {
                "feedDistribution": "MAIN_FEED",
                "targetEntities": [],
                "thirdPartyDistributionChannels": [],
            },
            "lifecycleState": "PUBLISHED",
            "isReshareDisabledByAuthor": False,
        }
    ]
    assert peer.requests[0].headers["linkedin-version"] == "202605"


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("Roses (rouges) & lys", r"Roses \(rouges\) & lys"),
        ("a|b {c} @d [e] <f> * _ ~ \\", r"a\|b \{c\} \@d \[e\] \<f\> \* \_ \~ \\"),
        ("Pour la #Saint_Valentin !", r"Pour la #Saint\_Valentin !"),
        ("Le n#1 et #1, # et C#", r"Le n\#1 et \#1, \# et C\#"),
        ("#fleurs #Fleurs", "#fleurs #Fleurs"),
        ("https://shop.example/a_b#fleurs #fleurs", r"https://shop.example/a\_b\#fleurs #fleurs"),
        ("https://shop.example/?#fleurs", r"https://shop.example/?\#fleurs"),
        ("le C#mineur & Cie", r"le C\#mineur & Cie"),
        ("@[Acme](urn:li:organization:1)", r"\@\[Acme\]\(urn:li:organization:1\)"),
    ],
)
def test_hashtags_stay_and_nothing_else_is_a_sign_for_linkedin(text: str, written: str) -> None:
    assert little(text) == written
    assert plain(written) == text


@given(st.text(st.sampled_from("ab 1é#@_|{}[]()<>*~\\\n/:.https"), max_size=60))
def test_any_text_comes_back_as_it_was_written(text: str) -> None:
    assert plain(little(text)) == text
    assert re.search(r"(?<!\\)(?:\\\\)*[|{}@\[\]()<>*_~]", little(text)) is None


@pytest.mark.parametrize(
    ("commentary", "words"),
    [
        (r"Pour la {hashtag|\#|Saint\_Valentin} !", "Pour la #Saint_Valentin !"),
        ("Avec @[Léa \\(BikSouv\\)](urn:li:person:ab-C1)", "Avec Léa (BikSouv)"),
        ("une ligne\nund noch eine", "une ligne\nund noch eine"),
    ],
)
def test_what_linkedin_gives_back_is_read_as_its_readers_see_it(commentary: str, words: str) -> None:
    assert plain(commentary) == words


def test_a_picture_goes_first_with_its_description(peer: LinkedInPeer) -> None:
    sent(peer, peer.message())

    assert [(one.method, one.route.split("/")[1]) for one in peer.requests] == [
        ("POST", "rest"),
        ("PUT", "dms-uploads"),
        ("POST", "rest"),
    ]
    assert peer.uploaded == {"C00001": picture()}
    assert peer.requests[1].headers["content-type"] == "image/png"
    assert posts(peer)[0]["content"] == {"media": {"id": "urn:li:image:C00001", "altText": "Un bouquet de roses"}}


def test_several_pictures_are_one_post(peer: LinkedInPeer) -> None:
    sent(peer, peer.message(content=Content("", TEXT, media=(("bouquet.png", "Roses"), ("bouquet.png", "")))))

    assert posts(peer)[0]["content"] == {
        "multiImage": {"images": [{"id": "urn:li:image:C00001", "altText": "Roses"}, {"id": "urn:li:image:C00003"}]}
    }


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (Content("", "x" * 3001), "the text has 3,001 characters: LinkedIn takes at most 3,000"),
        (Content("", " \n"), "a post without text and pictures"),
        (Content("", "x", media=(("bouquet.png", ""),) * 21), "21 pictures in one post: LinkedIn takes at most 20"),
        (Content("", "x", media=(("film.mp4", ""),)), "film.mp4 is a video: to LinkedIn only pictures go"),
    ],
)
def test_what_linkedin_would_not_take_is_refused_before_anything_leaves(
    peer: LinkedInPeer, content: Content, words: str
) -> None:
    (peer.folder / "film.mp4").write_bytes(b"film")
    mark = Mark()

    error = sent(peer, peer.message(content=content), mark=mark)

    assert isinstance(error, Refused)
    assert error.message == words
    assert (mark.calls, peer.requests) == (0, [])


@pytest.mark.parametrize(
    "host",
    [
        "https://uploads.example.org",
        "http://www.linkedin.com",
        "https://www.linkedin.com.example.org",
        "https://www.linkedin.com@uploads.example.org",
        "http://127.0.0.1:1",
        "",
    ],
)
def test_the_token_goes_to_linkedin_alone(peer: LinkedInPeer, host: str) -> None:
    usual, mark = peer.answer, Mark()

    def answer(request: Any) -> Reply:
        reply = usual(request)
        given: Any = reply.json
        given["value"]["uploadUrl"] = f"{host}/dms-uploads/C1"
        return reply

    peer.answer = answer  # type: ignore[method-assign]

    error = sent(peer, peer.message(), mark=mark)

    assert isinstance(error, NotSent)
    assert error.message == "LinkedIn answered without the place to hand a picture over at"
    assert mark.calls == 0


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"author": "urn:li:company:1"}, "cannot read CAMPAIGN_ACCOUNTS__LINKEDIN__AUTHOR"),
        ({"author": ""}, "the account of linkedin has no author"),
        ({"version": "202613"}, "cannot read CAMPAIGN_ACCOUNTS__LINKEDIN__VERSION"),
        ({"token": ""}, "the account of linkedin has no token"),
        ({"endpoint": "http://api.linkedin.com"}, "cannot use CAMPAIGN_ACCOUNTS__LINKEDIN__ENDPOINT"),
    ],
)
def test_an_account_that_cannot_be_used_says_which_field(
    peer: LinkedInPeer, fields: dict[str, str], words: str
) -> None:
    error = sent(peer, peer.message(), **fields)

    assert isinstance(error, NoAccount)
    assert error.message.startswith(words)


# --- what its answers mean --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "kind", "remedy"),
    [
        (no(401, "Invalid access token"), ChannelDown, "make a new token: LinkedIn's last 60 days"),
        (no(403, "Not enough permissions"), ChannelDown, "give the token the right w_organization_social"),
        (no(426, "Requested version 20220101 is not active", code="NONEXISTENT_VERSION"), ChannelDown, "set `version`"),
        (no(400, "Version missing", code="VERSION_MISSING"), ChannelDown, "set `version`"),
        (no(404, "Resource not found"), ChannelDown, "mend `endpoint`"),
        (no(400, "commentary is not valid little text"), Refused, ""),
        (no(422, "Post is too long"), Refused, ""),
        (no(429, "Too many requests"), NotSent, ""),
        (no(500, "Internal Server Error"), Unknown, ""),
        (Reply(201), Unknown, ""),
        (Reply(201, headers={"x-restli-id": "urn:li:person:1"}), Unknown, ""),
    ],
)
def test_an_answer_says_what_follows(peer: LinkedInPeer, reply: Reply, kind: type[Exception], remedy: str) -> None:
    peer.answer = lambda request: reply  # type: ignore[method-assign]

    error = sent(peer, peer.message(content=WORDS))

    assert isinstance(error, ChannelDown | Refused | NotSent | Unknown)
    assert isinstance(error, kind)
    assert error.remedy.startswith(remedy)
    assert bool(error.remedy) == bool(remedy)


def test_what_is_used_up_for_a_day_waits_for_the_next_one_in_utc(peer: LinkedInPeer) -> None:
    peer.answer = lambda request: no(  # type: ignore[method-assign]
        429, "Resource level throttle MEMBER DAY limit for calls to this resource is reached"
    )

    error = sent(peer, peer.message(content=WORDS))

    assert isinstance(error, NotSent)
    assert error.retry_at == datetime(2027, 2, 12, 0, 5, tzinfo=UTC)


def test_a_repeat_of_what_went_in_an_earlier_attempt_is_that_post(peer: LinkedInPeer) -> None:
    there = peer.add(TEXT, after=timedelta(seconds=3))
    peer.clock.advance(timedelta(minutes=40))

    receipt = sent(peer, peer.message(content=WORDS))

    assert receipt == Receipt(there["id"], f"https://www.linkedin.com/feed/update/{FIRST}, where it stood already")
    assert len(peer.taken) == 1


def test_a_repeat_of_an_older_post_is_refused_once_that_is_certain(peer: LinkedInPeer) -> None:
    peer.add(TEXT, after=timedelta(hours=-5))
    message = peer.message(content=WORDS)

    early = sent(peer, message)
    peer.clock.advance(timedelta(minutes=30))
    late = sent(peer, message)

    assert isinstance(early, Unknown)
    assert isinstance(late, Refused)
    assert late.message == f"LinkedIn takes it for a repeat of {FIRST}"
    assert late.remedy.startswith("change a word")


@pytest.mark.parametrize(
    ("minutes", "kind"), [(0, Unknown), (45, Refused)], ids=["it may not be listed yet", "it would be listed by now"]
)
def test_a_post_that_linkedin_names_but_does_not_list_is_not_taken_for_sent(
    peer: LinkedInPeer, minutes: int, kind: type[Exception]
) -> None:
    usual = peer.answer
    peer.answer = lambda request: (  # type: ignore[method-assign]
        usual(request) if request.method == "GET" else repeat("urn:li:share:7431329065766260736")
    )
    peer.clock.advance(timedelta(minutes=minutes))

    assert isinstance(sent(peer, peer.message(content=WORDS)), kind)


def test_a_repeat_that_nobody_may_look_up_is_for_a_person(peer: LinkedInPeer) -> None:
    peer.add(TEXT)
    peer.may_read = False
    peer.clock.advance(timedelta(hours=2))

    error = sent(peer, peer.message(content=WORDS))

    assert isinstance(error, Unknown)
    assert error.message == (
        f"LinkedIn takes it for a repeat of {FIRST}: it cannot be told yet whether that is this one"
    )
    assert error.remedy == "look at the account"


# --- what became of it ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "listed"),
    [
        (TEXT, TEXT),
        ("Voir https://shop.example/saint-valentin?a=1, merci", "Voir https://lnkd.in/eXy7, merci"),
        ("Pour la #Fête (50 %)", r"Pour la {hashtag|\#|Fête} \(50 %\)"),
        ("deux  lignes\nici", "deux lignes\n\nici"),
    ],
)
def test_a_post_that_went_is_found_by_its_words(peer: LinkedInPeer, written: str, listed: str) -> None:
    peer.add("Autre chose, un autre jour, pour une autre raison", after=minutes(-0.5))
    there = peer.add(listed, after=minutes(0.1))
    peer.clock.advance(minutes(2))

    found = settled(peer, peer.message(content=Content("", written)))

    assert found == Evidence(Found.SENT, f"stands at https://www.linkedin.com/feed/update/{there['id']}", there["id"])


@pytest.mark.parametrize(
    ("others", "words"),
    [
        (lambda peer: peer.add(TEXT, after=minutes(-3)), "not among the 0 posts that LinkedIn lists"),
        (lambda peer: peer.add("Autre chose", after=minutes(1)), "not among the 1 posts that LinkedIn lists"),
        (lambda peer: None, "not among the 0 posts that LinkedIn lists"),
    ],
    ids=["before", "other words", "nothing"],
)
def test_a_post_that_is_not_listed_in_half_an_hour_did_not_go(
    peer: LinkedInPeer, others: Callable[[LinkedInPeer], object], words: str
) -> None:
    others(peer)
    peer.clock.advance(minutes(2))
    early = settled(peer, peer.message(content=WORDS))
    peer.clock.advance(minutes(28))
    late = settled(peer, peer.message(content=WORDS))

    assert isinstance(early, Evidence)
    assert isinstance(late, Evidence)
    assert (early.found, early.look_at) == (Found.OPEN, WENT + minutes(12))
    assert (late.found, late.look_at) == (Found.NOT_SENT, None)
    assert late.words.startswith(words)


def test_a_post_that_is_listed_late_is_found_all_the_same(peer: LinkedInPeer) -> None:
    peer.lag = minutes(20)
    there = peer.add(TEXT)
    found = []
    for _ in range(3):
        peer.clock.advance(minutes(7))
        found.append(settled(peer, peer.message(content=WORDS)))

    assert [one.found for one in found if isinstance(one, Evidence)] == [Found.OPEN, Found.OPEN, Found.SENT]
    assert isinstance(found[2], Evidence)
    assert found[2].provider_id == there["id"]


def test_all_pages_are_looked_through(peer: LinkedInPeer) -> None:
    there = peer.add(TEXT, after=minutes(0.1))
    for number in range(60):
        peer.add(f"{number} " + "autre " * 9, after=minutes(0.2))
    peer.clock.advance(minutes(2))

    found = settled(peer, peer.message(content=WORDS))

    assert isinstance(found, Evidence)
    assert (found.found, found.provider_id) == (Found.SENT, there["id"])


def test_too_many_posts_to_look_through_are_for_a_person(peer: LinkedInPeer) -> None:
    for number in range(301):
        peer.add(f"{number} " + "autre " * 9, after=minutes(0.2))
    peer.clock.advance(minutes(40))

    assert settled(peer, peer.message(content=WORDS)) == Evidence(
        Found.OPEN, "the account has posted more than 300 times since: look there"
    )


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, {}),
        Reply(200, {"elements": [{}]}),
        Reply(200, {"elements": [{"id": FIRST, "publishedAt": "soon"}]}),
        Reply(200, {"elements": ["x"]}),
        Reply(500, {}),
        no(401, "Expired"),
    ],
    ids=lambda reply: json.dumps(reply.json)[:30],
)
def test_an_answer_that_does_not_say_settles_nothing(peer: LinkedInPeer, reply: Reply) -> None:
    peer.answer = lambda request: reply  # type: ignore[method-assign]

    assert isinstance(settled(peer, peer.message(content=WORDS)), NotSent | ChannelDown)


def test_the_token_stands_in_no_words(peer: LinkedInPeer) -> None:
    peer.answer = lambda request: no(403, f"the token {TOKEN} may not")  # type: ignore[method-assign]

    error = sent(peer, peer.message(content=WORDS))

    assert isinstance(error, ChannelDown)
    assert error.message == "LinkedIn answered 403 (the token <secret> may not)"
