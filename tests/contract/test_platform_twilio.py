"""What Twilio is asked to send, what its error codes mean, and how an SMS that may have gone is found again."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from channel_peers import Mark
from peer_twilio import NUMBER, SID, TwilioPeer, fault
from platform_peers import TEXT, WENT
from platform_sending import sent, settled
from support.http_peer import Reply, Request

from campaigns.rendering import Content
from scheduler.channels.base import Evidence, Found, Receipt, Recipient
from scheduler.errors import ChannelDown, NoAccount, NotSent, OptedOut, Refused, Unknown

SERVICE = "MG" + "2c" * 16


@pytest.fixture
def peer(tmp_path: Path) -> TwilioPeer:
    return TwilioPeer(tmp_path)


def form(peer: TwilioPeer) -> dict[str, str]:
    """Return the fields of the last SMS that Twilio was asked to send."""
    last = [request for request in peer.requests if request.method == "POST"][-1]
    assert last.headers["content-type"] == "application/x-www-form-urlencoded"
    return dict(last.form)


def test_an_sms_is_asked_for_by_number_words_sender_and_end(peer: TwilioPeer) -> None:
    receipt = sent(peer, peer.message(expires_at=WENT + timedelta(minutes=50)))

    assert receipt == Receipt("SM" + "0" * 32, "queued by Twilio")
    assert form(peer) == {"To": "+33612345678", "Body": TEXT, "From": "+33700000000", "ValidityPeriod": "3000"}


@pytest.mark.parametrize(
    ("left", "period"), [(timedelta(days=2), "36000"), (timedelta(seconds=-3), "1"), (timedelta(hours=1), "3600")]
)
def test_an_sms_waits_in_the_queue_no_longer_than_ten_hours_nor_than_it_is_good_for(
    peer: TwilioPeer, left: timedelta, period: str
) -> None:
    sent(peer, peer.message(expires_at=WENT + left))

    assert form(peer)["ValidityPeriod"] == period


def test_without_an_end_the_queue_keeps_its_own_time(peer: TwilioPeer) -> None:
    sent(peer, peer.message())

    assert "ValidityPeriod" not in form(peer)


def test_the_sender_of_the_campaign_goes_before_that_of_the_account(peer: TwilioPeer) -> None:
    sent(peer, peer.message(sender="BikSouv"))

    assert form(peer)["From"] == "BikSouv"


def test_a_messaging_service_chooses_the_sender_unless_the_campaign_does(peer: TwilioPeer) -> None:
    sent(peer, peer.message(), messaging_service_sid=SERVICE)
    chosen = form(peer)
    sent(peer, peer.message(sender="BikSouv"), messaging_service_sid=SERVICE)

    assert (chosen["MessagingServiceSid"], chosen.get("From")) == (SERVICE, None)
    assert (form(peer)["MessagingServiceSid"], form(peer)["From"]) == (SERVICE, "BikSouv")


def test_a_status_callback_names_the_delivery(peer: TwilioPeer) -> None:
    sent(peer, peer.message(delivery_id=17), status_callback="https://news.biksouv.example/in/sms/sms")

    assert form(peer)["StatusCallback"] == "https://news.biksouv.example/in/sms/sms?message=17"


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ({"recipient": Recipient(7, phone=None)}, "no number to send an SMS to"),
        ({"recipient": None}, "no number to send an SMS to"),
        ({"recipient": Recipient(7, phone="0612345678")}, "the number is not an international one (E.164)"),
        ({"recipient": Recipient(7, phone="+33612345678\n")}, "the number is not an international one (E.164)"),
        ({"recipient": Recipient(7, phone="+٣٣٦١٢٣٤٥٦٧٨")}, "the number is not an international one (E.164)"),
        ({"content": Content("", "  \n")}, "an SMS without text"),
        ({"content": Content("", "x" * 1601)}, "an SMS of 1,601 characters: expected at most 1,600"),
        ({"content": Content("", "x", media=(("a.jpg", "a"),))}, "an SMS carries no pictures"),
    ],
)
def test_what_cannot_be_an_sms_is_refused_before_the_mark(
    peer: TwilioPeer, message: dict[str, Any], words: str
) -> None:
    mark = Mark()

    refused = sent(peer, peer.message(**message), mark=mark)

    assert isinstance(refused, Refused)
    assert refused.message == words
    assert (mark.calls, peer.requests) == (0, [])


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"account_sid": "AC12"}, "cannot read CAMPAIGN_ACCOUNTS__SMS__ACCOUNT_SID"),
        ({"api_key": "AC" + "1b" * 16}, "cannot read CAMPAIGN_ACCOUNTS__SMS__API_KEY"),
        ({"api_secret": ""}, "the account of sms has no api_secret"),
        ({"messaging_service_sid": "service"}, "cannot read CAMPAIGN_ACCOUNTS__SMS__MESSAGING_SERVICE_SID"),
        ({"status_callback": "not an address"}, "cannot read CAMPAIGN_ACCOUNTS__SMS__STATUS_CALLBACK"),
        ({"endpoint": "http://api.example.org"}, "cannot use CAMPAIGN_ACCOUNTS__SMS__ENDPOINT"),
        ({"from": ""}, "nobody said who this SMS is from"),
    ],
)
def test_an_account_that_cannot_be_used_says_which_field(peer: TwilioPeer, fields: dict[str, str], words: str) -> None:
    error = sent(peer, peer.message(), **fields)

    assert isinstance(error, (NoAccount, Refused))
    assert error.message.startswith(words)
    assert peer.requests == []


def test_without_an_api_key_the_auth_token_is_the_password(peer: TwilioPeer) -> None:
    sent(peer, peer.message(), api_key="", api_secret="", auth_token="canary-of-the-auth-token")

    assert peer.requests[0].headers["authorization"] == (
        "Basic QUMwYTBhMGEwYTBhMGEwYTBhMGEwYTBhMGEwYTBhMGEwYTpjYW5hcnktb2YtdGhlLWF1dGgtdG9rZW4="
    )


@pytest.mark.parametrize(
    ("status", "code", "kind", "words"),
    [
        (400, 21211, Refused, "Twilio answered 400 code 21211: the number is not valid"),
        (400, 21614, Refused, "Twilio answered 400 code 21614: the number is no mobile one"),
        (400, 21610, OptedOut, "Twilio answered 400 code 21610: the person replied STOP"),
        (401, 20003, ChannelDown, "Twilio answered 401 code 20003: the credentials are not accepted"),
        (400, 21606, ChannelDown, "Twilio answered 400 code 21606: the sender is no number of the account"),
        (429, 20429, NotSent, "Twilio answered 429 code 20429: too many requests"),
        (400, 21611, NotSent, "Twilio answered 400 code 21611: the queue of the sender is full"),
        (400, 29999, Refused, "Twilio answered 400 code 29999"),
        (403, 29998, ChannelDown, "Twilio answered 403 code 29998"),
        (500, 20500, Unknown, "Twilio answered 500: it may have taken the message"),
        (503, 20503, Unknown, "Twilio answered 503: it may have taken the message"),
    ],
)
def test_an_error_code_says_what_follows_and_never_the_number(
    peer: TwilioPeer, status: int, code: int, kind: type[Exception], words: str
) -> None:
    peer.answer = lambda request: fault(status, code)  # type: ignore[method-assign]

    error = sent(peer, peer.message())

    assert type(error) is kind
    assert isinstance(error, Refused | ChannelDown | NotSent | Unknown)
    assert error.message.startswith(words)
    assert NUMBER not in repr(error)


@pytest.mark.parametrize("body", [{}, {"sid": ""}, {"sid": "SM12"}, {"sid": 7}, []])
def test_a_yes_without_an_id_is_no_yes(peer: TwilioPeer, body: object) -> None:
    peer.answer = lambda request: Reply(201, body)  # type: ignore[method-assign]

    assert isinstance(sent(peer, peer.message()), Unknown)


# --- what became of it ------------------------------------------------------------------------------------------------


def minutes(number: float) -> datetime:
    return WENT + timedelta(minutes=number)


def test_an_sms_that_went_is_found_by_its_words_though_it_waits_in_the_queue(peer: TwilioPeer) -> None:
    peer.add("Autre chose", minutes(0))
    there = peer.add(TEXT, minutes(0.1))

    found = settled(peer, peer.message())

    assert found == Evidence(Found.SENT, "Twilio lists it at 09:00:06 UTC: queued", there["sid"])
    assert peer.requests[0].query == {"To": NUMBER, "PageSize": "200"}


@pytest.mark.parametrize(
    "words", [f"Sent from your Twilio trial account - {TEXT}", f" {TEXT}\n", TEXT.replace(" ", "  ")]
)
def test_what_twilio_does_to_the_words_is_left_out(peer: TwilioPeer, words: str) -> None:
    there = peer.add(words, minutes(0.1))

    found = settled(peer, peer.message())

    assert isinstance(found, Evidence)
    assert (found.found, found.provider_id) == (Found.SENT, there["sid"])


@pytest.mark.parametrize(
    "others",
    [
        lambda peer: peer.add(TEXT, minutes(-3)),
        lambda peer: peer.add(TEXT, minutes(11)),
        lambda peer: peer.add(TEXT, minutes(0), to="+33600000000"),
        lambda peer: peer.add(TEXT, minutes(0), direction="inbound"),
        lambda peer: peer.add("Autre chose", minutes(0)),
        lambda peer: None,
    ],
    ids=["before", "after", "to somebody else", "a reply", "other words", "nothing"],
)
def test_an_sms_that_is_not_among_all_that_went_there_did_not_go(
    peer: TwilioPeer, others: Callable[[TwilioPeer], object]
) -> None:
    others(peer)

    assert settled(peer, peer.message()) == Evidence(Found.NOT_SENT, "Twilio lists no such SMS to this number")


def test_of_two_that_fit_it_is_the_first(peer: TwilioPeer) -> None:
    first = peer.add(TEXT, minutes(0.1))
    peer.add(TEXT, minutes(4))

    assert settled(peer, peer.message()) == Evidence(
        Found.SENT, "Twilio lists it at 09:00:06 UTC: queued, the first of 2 that fit", first["sid"]
    )


def test_the_whole_list_is_looked_through_page_by_page(peer: TwilioPeer) -> None:
    there = peer.add(TEXT, minutes(0))
    for number in range(130):
        peer.add(f"Autre chose {number}", minutes(60))

    found = settled(peer, peer.message())

    assert isinstance(found, Evidence)
    assert (found.found, found.provider_id) == (Found.SENT, there["sid"])
    assert len(peer.requests) == 3


def test_a_list_that_does_not_end_is_for_a_person(peer: TwilioPeer) -> None:
    peer.page = 1
    for number in range(11):
        peer.add(f"Autre chose {number}", minutes(60))

    found = settled(peer, peer.message())

    assert found == Evidence(Found.OPEN, "Twilio lists more than 2,000 SMS to this number")


def test_with_other_words_in_the_campaign_by_now_nobody_guesses(peer: TwilioPeer) -> None:
    peer.add("Les mots d’avant", minutes(0))

    found = settled(peer, peer.message(), same_words=False)

    assert isinstance(found, Evidence)
    assert (found.found, found.look_at) == (Found.OPEN, None)


def test_where_twilio_keeps_no_words_nobody_guesses(peer: TwilioPeer) -> None:
    peer.add("", minutes(0))

    found = settled(peer, peer.message())

    assert isinstance(found, Evidence)
    assert found.found is Found.OPEN


def test_a_person_with_another_number_now_is_not_looked_up_by_it(peer: TwilioPeer) -> None:
    class Keeps(Mark):
        handle = ""

        async def __call__(self, handle: str = "") -> None:
            self.handle = handle

    mark = Keeps()
    sent(peer, peer.message(), mark=mark)
    moved = peer.message(recipient=Recipient(7, phone="+33700000001"))

    found = settled(peer, moved, handle=mark.handle)
    same = settled(peer, peer.message(), handle=mark.handle)

    assert found == Evidence(Found.OPEN, "the person has another number now than the SMS went to")
    assert isinstance(same, Evidence)
    assert same.found is Found.SENT
    assert len(mark.handle) == 4


@pytest.mark.parametrize(
    "answer",
    [
        Reply(200, {}),
        Reply(200, {"messages": [{"sid": "SM1", "date_created": "gestern"}]}),
        Reply(200, {"messages": [], "next_page_uri": "https://elsewhere.example/"}),
        Reply(500, {}),
        Reply(429, {}),
    ],
)
def test_an_answer_that_does_not_say_settles_nothing(peer: TwilioPeer, answer: Reply) -> None:
    peer.answer = lambda request: answer  # type: ignore[method-assign]

    assert isinstance(settled(peer, peer.message()), NotSent)


# --- judged by Twilio's own description of its interface --------------------------------------------------------------

DESCRIPTION = json.loads((Path(__file__).parent / "twilio" / "messages.openapi.json").read_text())
MESSAGES = DESCRIPTION["paths"]["/2010-04-01/Accounts/{AccountSid}/Messages.json"]


def mistakes(request: Request) -> list[str]:
    """Return what Twilio's description has against a request."""
    sid = re.fullmatch("/2010-04-01/Accounts/([^/]+)/Messages.json", request.route)
    if sid is None:
        return ["the path"]
    if request.method == "GET":
        known = {one["name"]: one["schema"] for one in MESSAGES["get"]["parameters"] if one["in"] == "query"}
        given = list(request.query.items())
    else:
        content = MESSAGES["post"]["requestBody"]["content"]
        schema = content[request.headers["content-type"]]["schema"]
        known, given = schema["properties"], request.form
        missing = set(schema["required"]) - {name for name, _ in given}
        given += [(name, "") for name in missing]
    path = next(one["schema"] for one in MESSAGES["get"]["parameters"] if one["in"] == "path")
    known, given = {**known, "AccountSid": path}, [*given, ("AccountSid", sid[1])]
    return [name for name, value in given if name not in known or not value or not fits(value, known[name])]


def fits(value: str, schema: dict[str, Any]) -> bool:
    if schema["type"] == "integer":
        return value.isdigit() and schema.get("minimum", 1) <= int(value) <= schema.get("maximum", 36_000)
    is_long = schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", 1_600)
    is_uri = schema.get("format") != "uri" or re.match(r"https?://[a-z0-9.-]+/", value)
    return bool(is_long and is_uri and re.search(schema.get("pattern", ""), value))


def test_every_request_is_as_twilios_description_has_it(peer: TwilioPeer) -> None:
    everything = {"messaging_service_sid": SERVICE, "status_callback": "https://news.biksouv.example/in/sms/sms"}
    sent(peer, peer.message(sender="BikSouv", expires_at=WENT + timedelta(hours=1)), **everything)
    settled(peer, peer.message())

    assert [request.method for request in peer.requests] == ["POST", "GET"]
    assert [len(form(peer)), len(peer.requests[1].query)] == [6, 2]
    assert [mistakes(request) for request in peer.requests] == [[], []]


def test_the_judge_has_something_against_a_request_that_is_wrong() -> None:
    head = {"content-type": "application/x-www-form-urlencoded"}
    path = f"/2010-04-01/Accounts/{SID}/Messages.json"

    assert mistakes(Request("POST", path, head, b"Body=x&MessagingServiceSid=MG1&Subject=y")) == [
        "MessagingServiceSid",
        "Subject",
        "To",
    ]
    assert mistakes(Request("GET", f"{path}?PageSize=2000&To=%2B1", head, b"")) == ["PageSize"]
