"""Which template of WhatsApp a text is, what it is asked to send, and what its answers mean."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from channel_peers import Mark
from peer_graph import error as meta
from peer_whatsapp import NUMBER, TOKEN, WhatsAppPeer, template
from platform_peers import TEXT, WENT
from platform_sending import sent
from support.http_peer import Reply

from campaigns.rendering import Content
from scheduler.channels.base import Message, Receipt, Recipient, Settles
from scheduler.errors import ChannelDown, NoAccount, NotSent, OptedOut, Refused, Unknown

READY = "Bonjour Léa, votre vélo vous attend jusqu’à samedi. À bientôt !"


@pytest.fixture
def peer(tmp_path: Path) -> WhatsAppPeer:
    return WhatsAppPeer(tmp_path)


def says(peer: WhatsAppPeer, text: str, **changes: Any) -> Message:
    return peer.message(content=Content("", text), **changes)


def test_a_text_goes_as_the_template_that_it_is_with_its_gaps_filled(peer: WhatsAppPeer) -> None:
    receipt = sent(peer, says(peer, READY))

    assert receipt == Receipt(
        "wamid.HBgLMzM2MTIzNDU2NzgVAgARGBI0000AA==", "the template 'order_ready' (fr), accepted by WhatsApp"
    )
    assert peer.requests[-1].json == {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": "+33612345678",
        "type": "template",
        "template": {
            "name": "order_ready",
            "language": {"code": "fr"},
            "components": [
                {
                    "type": "body",
                    "parameters": [
                        {"type": "text", "text": "Léa"},
                        {"type": "text", "text": "vélo"},
                        {"type": "text", "text": "samedi"},
                    ],
                }
            ],
        },
        "biz_opaque_callback_data": "1-435cdbd557a00db7",
    }


def test_a_text_without_gaps_carries_no_parameters(peer: WhatsAppPeer) -> None:
    sent(peer, says(peer, TEXT))

    assert peer.requests[-1].json["template"] == {"name": "bouquet", "language": {"code": "fr"}}


@pytest.mark.parametrize(
    ("body", "text", "values"),
    [
        (
            "Bonjour {{1}}, à {{2}} !",
            "Bonjour Léa, chère cliente, à lundi !",
            {"1": "Léa, chère cliente", "2": "lundi"},
        ),
        ("Du {{1}} au {{2}} : {{1}} !", "Du 3 au 5 : 3 !", {"1": "3", "2": "5"}),
        ("Bonjour {{ 1 }}.\r\nOuvert  \r\n", "Bonjour Léa.\nOuvert", {"1": "Léa"}),
        ("La f\u00eate de {{1}}.", "La fe\u0302te de Léa.", {"1": "Léa"}),
        ("{{1}}{{2}}.", "ab.", {"1": "a", "2": "b"}),
        ("Le {{2}}, le {{3}} et le {{1}} !", "Le b, le c et le a !", {"1": "a", "2": "b", "3": "c"}),
        ("Prix (50 %) : {{1}} €.*", "Prix (50 %) : 3 €.*", {"1": "3"}),
    ],
)
def test_the_gaps_hold_what_stands_between_the_words(
    peer: WhatsAppPeer, body: str, text: str, values: dict[str, str]
) -> None:
    peer.templates = [template("one", body)]

    receipt = sent(peer, says(peer, text))

    assert isinstance(receipt, Receipt)
    asked = peer.requests[-1].json["template"]["components"][0]["parameters"]
    assert [one["text"] for one in asked] == list(values.values())


def test_named_gaps_are_filled_by_name(peer: WhatsAppPeer) -> None:
    peer.templates = [template("named", "Bonjour {{first_name}} !", parameter_format="NAMED")]

    sent(peer, says(peer, "Bonjour Léa !"))

    assert peer.taken[0]["values"] == {"first_name": "Léa"}


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        (
            READY.replace("Bonjour", "Salut"),
            "write it word for word as it was approved: the nearest is 'order_ready' (fr)",
        ),
        (READY + " PS", "write it word for word as it was approved: the nearest is 'order_ready' (fr)"),
        ("Bonjour , votre vélo vous attend jusqu’à samedi. À bientôt !", "write it word for word as it was approved"),
        ("x", "write it word for word as it was approved"),
        (TEXT + ".", "write it word for word as it was approved: the nearest is 'bouquet' (fr)"),
    ],
)
def test_a_text_that_is_no_template_is_refused_before_the_mark(peer: WhatsAppPeer, text: str, remedy: str) -> None:
    mark = Mark()

    error = sent(peer, says(peer, text), mark=mark)

    assert isinstance(error, Refused)
    assert error.message == "the text is none of the 2 templates of the account"
    assert error.remedy.startswith(remedy)
    assert (mark.calls, peer.taken) == (0, [])


def test_the_same_gap_with_two_values_is_no_template(peer: WhatsAppPeer) -> None:
    peer.templates = [template("one", "Du {{1}} au {{2}} : {{1}} !")]

    assert isinstance(sent(peer, says(peer, "Du 3 au 5 : 4 !")), Refused)


@pytest.mark.parametrize("value", ["deux\nlignes", "a\tb", "cinq     blancs"])
def test_a_value_that_whatsapp_would_not_take_is_refused_before_the_mark(peer: WhatsAppPeer, value: str) -> None:
    mark = Mark()

    error = sent(peer, says(peer, READY.replace("vélo", value)), mark=mark)

    assert isinstance(error, Refused)
    assert error.message.startswith("what stands in the gap 2 of the template 'order_ready' (fr) has a line break")
    assert mark.calls == 0


@pytest.mark.parametrize(
    ("status", "words"),
    [("PENDING", "pending"), ("PAUSED", "paused"), ("IN_APPEAL", "in appeal"), ("", "not approved")],
)
def test_a_template_that_is_not_approved_is_waited_for(peer: WhatsAppPeer, status: str, words: str) -> None:
    peer.templates[0]["status"] = status
    mark = Mark()

    error = sent(peer, says(peer, READY), mark=mark)

    assert isinstance(error, NotSent)
    assert error.message == f"the template 'order_ready' (fr) is {words} at WhatsApp"
    assert mark.calls == 0


@pytest.mark.parametrize(
    ("others", "name"),
    [
        ([template("a_loose", "{{1}} bientôt !")], "order_ready"),
        ([template("a_pending", READY, status="PENDING")], "order_ready"),
        (
            [
                template(
                    "z_marketing",
                    "Bonjour {{1}}, votre {{2}} vous attend jusqu’à {{3}}. À bientôt !",
                    category="MARKETING",
                )
            ],
            "z_marketing",
        ),
        ([template("exact", READY)], "exact"),
    ],
    ids=["fewer gaps", "approved", "of its purpose", "no gaps"],
)
def test_of_several_templates_that_fit_the_closest_is_taken(
    peer: WhatsAppPeer, others: list[dict[str, Any]], name: str
) -> None:
    peer.templates += others

    sent(peer, says(peer, READY))

    assert peer.taken[0]["template"] == (name, "fr")


@pytest.mark.parametrize(
    "odd",
    [
        template("odd", READY, also=[{"type": "HEADER", "format": "IMAGE"}]),
        template("odd", READY, also=[{"type": "HEADER", "format": "TEXT", "text": "Pour {{1}}"}]),
        template("odd", READY, also=[{"type": "BUTTONS", "buttons": [{"type": "URL", "url": "https://a/{{1}}"}]}]),
        template("odd", READY, also=[{"type": "BUTTONS", "buttons": [{"type": "COPY_CODE"}]}]),
        template("odd", READY, also=[{"type": "CAROUSEL"}]),
        template("odd", READY, category="AUTHENTICATION"),
        template("../odd", READY),
        "odd",
    ],
    ids=["picture", "gap above", "gap in a button", "code", "carousel", "log-in", "name", "no template"],
)
def test_templates_that_need_more_than_a_text_are_none_of_ours(peer: WhatsAppPeer, odd: Any) -> None:
    peer.templates = [odd]

    error = sent(peer, says(peer, READY))

    assert isinstance(error, Refused)
    assert error.message == "the text is none of the 0 templates of the account"


def test_fixed_parts_around_a_text_are_no_hindrance(peer: WhatsAppPeer) -> None:
    buttons = [{"type": "URL", "url": "https://shop.example"}, {"type": "QUICK_REPLY"}, {"type": "PHONE_NUMBER"}]
    also = [{"type": "HEADER", "format": "TEXT", "text": "BikSouv"}, {"type": "FOOTER", "text": "Stop"}]
    peer.templates = [template("whole", READY, also=[*also, {"type": "BUTTONS", "buttons": buttons}])]

    assert isinstance(sent(peer, says(peer, READY)), Receipt)


def test_the_list_of_templates_is_read_page_by_page_and_believed_for_an_hour(peer: WhatsAppPeer) -> None:
    peer.page = 1

    sent(peer, says(peer, TEXT), says(peer, READY))

    assert [one.method for one in peer.requests] == ["GET", "GET", "POST", "POST"]


def test_a_text_that_fits_nothing_known_is_looked_for_once_more(peer: WhatsAppPeer) -> None:
    new = template("new", "Tout neuf.")

    async def scenario() -> Receipt:
        async with peer.serve() as port:
            channel = peer.channel(port)
            await channel.send(says(peer, TEXT), Mark())
            peer.templates.append(new)
            peer.clock.advance(timedelta(minutes=1))
            receipt = await channel.send(says(peer, "Tout neuf."), Mark())
            await channel.close()
            return receipt

    assert isinstance(asyncio.run(scenario()), Receipt)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"recipient": None}, "no number to write to"),
        ({"recipient": Recipient(7, phone=None)}, "no number to write to"),
        ({"recipient": Recipient(7, phone="0612345678")}, "the number is not an international one (E.164)"),
        ({"content": Content("", TEXT, media=(("a.jpg", ""),))}, "a message to WhatsApp carries no pictures here"),
    ],
)
def test_what_cannot_be_sent_is_refused_before_anything_leaves(
    peer: WhatsAppPeer, changes: dict[str, Any], words: str
) -> None:
    error = sent(peer, peer.message(**changes))

    assert isinstance(error, Refused)
    assert (error.message, peer.requests) == (words, [])


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"phone_number_id": "+33612345678"}, "cannot read CAMPAIGN_ACCOUNTS__WHATSAPP__PHONE_NUMBER_ID"),
        ({"business_account": ""}, "the account of whatsapp has no business_account"),
        ({"token": ""}, "the account of whatsapp has no token"),
    ],
)
def test_an_account_that_cannot_be_used_says_which_field(
    peer: WhatsAppPeer, fields: dict[str, str], words: str
) -> None:
    error = sent(peer, says(peer, TEXT), **fields)

    assert isinstance(error, NoAccount)
    assert error.message.startswith(words)


@pytest.mark.parametrize(
    ("reply", "kind", "words"),
    [
        (meta(131050), OptedOut, "WhatsApp answered 400 (131050) the person stopped marketing of this sender"),
        (meta(131026), Refused, "WhatsApp answered 400 (131026) the number has no WhatsApp, or one that is too old"),
        (meta(132000), Refused, "WhatsApp answered 400 (132000) the template has another number of parameters"),
        (meta(130429, status=429), NotSent, "WhatsApp answered 429 (130429) too many messages at once"),
        (meta(131031), ChannelDown, "WhatsApp answered 400 (131031) the account is locked"),
        (meta(190, status=401), ChannelDown, "WhatsApp answered 401 (190)"),
        (meta(4), NotSent, "WhatsApp answered 400 (4)"),
        (meta(131999), Refused, "WhatsApp answered 400 (131999)"),
        (meta(131000, status=500), Unknown, "WhatsApp answered 500 (131000): it may have taken the message"),
        (meta(1), Unknown, "WhatsApp answered 400 (1): it may have taken the message"),
        (Reply(200, {}), Unknown, "WhatsApp answered without the id of the message: it may have taken the message"),
        (Reply(200, {"messages": [{"id": "x"}]}), Unknown, "WhatsApp answered without the id of the message"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_an_answer_says_what_follows_and_never_the_number(
    peer: WhatsAppPeer, reply: Reply, kind: type[Exception], words: str
) -> None:
    usual = peer.answer
    told: Any = reply.json
    if "error" in told:
        told["error"]["message"] = f"(#{told['error']['code']}) {NUMBER} and {TOKEN}"
        told["error"]["error_user_msg"] = NUMBER
    peer.answer = lambda request: reply if request.method == "POST" else usual(request)  # type: ignore[method-assign]

    error = sent(peer, says(peer, TEXT))

    assert type(error) is kind
    assert error.message.startswith(words)
    assert NUMBER not in repr(error)


def test_a_person_who_has_had_enough_marketing_is_asked_again_in_a_day(peer: WhatsAppPeer) -> None:
    usual = peer.answer
    peer.answer = lambda request: meta(131049) if request.method == "POST" else usual(request)  # type: ignore[method-assign]

    error = sent(peer, says(peer, TEXT))

    assert isinstance(error, NotSent)
    assert error.retry_at == WENT + timedelta(hours=24)


@pytest.mark.parametrize("body", [{}, {"data": {}}, []])
def test_without_the_list_of_templates_nothing_goes(peer: WhatsAppPeer, body: object) -> None:
    peer.answer = lambda request: Reply(200, body)  # type: ignore[method-assign]
    mark = Mark()

    error = sent(peer, says(peer, TEXT), mark=mark)

    assert isinstance(error, NotSent)
    assert (error.message, mark.calls) == ("WhatsApp answered without its templates", 0)


def test_nothing_at_whatsapp_tells_what_became_of_a_message(peer: WhatsAppPeer) -> None:
    assert not isinstance(peer.channel(1), Settles)
