"""What templates may see: plain data, moments in the reader's zone, nothing else."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from rendering_world import AMOUR30, LEA, NOW, STOP, campaign, mail

from campaigns.definition import Persona
from campaigns.errors import RenderError
from campaigns.plain import plain
from campaigns.rendering import facts, persona_contact


def of(touch: dict[str, object], **given: object) -> dict[str, object]:
    made = campaign(touch)
    ((stage, only),) = made.touches()
    arguments: dict[str, object] = {
        "contact": LEA,
        "event": None,
        "offer": AMOUR30,
        "now": NOW,
        "zone": "Europe/Paris",
        "unsubscribe": STOP,
        "edition": "2027",
        "occasion_on": date(2027, 2, 14),
    }
    return facts(made, stage, only, **(arguments | given))  # type: ignore[arg-type]


def test_facts_are_the_seven_groups_and_can_be_written_as_json() -> None:
    found = of(mail(text="x", offer="AMOUR30"))

    assert json.loads(json.dumps(found)) == {
        "contact": {
            "first_name": "Léa",
            "last_name": "Martin",
            "email": "lea@example.org",
            "age": 29,
            "city": "",
            "language": "",
            "name": "Léa Martin",
        },
        "event": {},
        "campaign": {
            "id": "valentines",
            "title": "Saint-Valentin",
            "edition": "2027",
            "language": "fr",
            "country": "FR",
            "timezone": "Europe/Paris",
            "occasion": "2027-02-14",
            "sender": "BikSouv & Pro",
            "postal_address": "12 rue des Lilas, 75011 Paris",
        },
        "stage": {"id": "conversion", "kind": "conversion", "does": ""},
        "touch": {
            "id": "offer-email",
            "channel": "email",
            "purpose": "marketing",
            "timezone": "Europe/Paris",
            "now": "2027-01-21T09:30:00+01:00",
        },
        "offer": {
            "code": "AMOUR30",
            "terms": "-30 % et livraison offerte",
            "starts": "2027-01-21T10:00:00+01:00",
            "until": "2027-02-07T23:59:59+01:00",
        },
        "links": {"unsubscribe": "mailto:stop@biksouv.example"},
    }


def test_moments_of_an_event_are_in_the_readers_zone() -> None:
    event = {"name": "purchase", "at": datetime(2027, 1, 20, 12, 0, tzinfo=UTC), "amount": Decimal("890.50")}

    found = of(mail(text="x", on="purchase"), event=event, zone="Europe/Moscow")

    assert found["event"] == {"name": "purchase", "at": "2027-01-20T15:00:00+03:00", "amount": 890.5}


def test_what_is_null_is_not_there_at_any_depth() -> None:
    ring = {"name": "Ring", "price": None, "tags": ["or", None], "box": {"size": None, "colour": "red"}}

    found = of(mail(text="x", on="purchase"), contact={"city": None, "products": [ring]}, event={"items": [ring, None]})

    known = {"name": "Ring", "tags": ["or"], "box": {"colour": "red"}}
    assert found["event"] == {"items": [known]}
    assert found["contact"] == {
        "products": [known],
        "first_name": "",
        "last_name": "",
        "city": "",
        "language": "",
        "name": "",
    }


def test_one_product_stands_in_a_list_of_one() -> None:
    ring = {"name": "Ring", "price": 20}

    found = of(mail(text="x", on="purchase"), contact={"products": ring}, event={"items": ring, "box": ring})

    assert found["event"] == {"items": [ring], "box": ring}
    assert isinstance(found["contact"], dict)
    assert found["contact"]["products"] == [ring]


def test_post_knows_no_contact_and_no_link() -> None:
    found = of({"id": "p", "channel": "instagram", "text": "x"}, contact=None, unsubscribe=None)

    assert (found["contact"], found["links"], found["offer"]) == ({}, {}, {})


def test_edition_and_occasion_left_out_are_those_of_the_moment() -> None:
    made = campaign(mail(text="x"), occasion="saint-valentin")
    ((stage, touch),) = made.touches()

    found = facts(
        made, stage, touch, contact=LEA, event=None, offer=None, now=NOW, zone="Europe/Paris", unsubscribe=STOP
    )

    assert isinstance(found["campaign"], dict)
    assert (found["campaign"]["edition"], found["campaign"]["occasion"]) == ("2027", "2027-02-14")


def test_occasion_of_a_given_edition_is_its_own_after_the_day_too() -> None:
    made = campaign(mail(text="x"), occasion="saint-valentin")
    ((stage, touch),) = made.touches()
    later = datetime(2027, 3, 1, 9, 0, tzinfo=UTC)

    found = facts(
        made,
        stage,
        touch,
        contact=LEA,
        event=None,
        offer=None,
        now=later,
        zone="Europe/Paris",
        unsubscribe=STOP,
        edition="2027",
    )

    assert isinstance(found["campaign"], dict)
    assert found["campaign"]["occasion"] == "2027-02-14"


def test_persona_is_a_contact_with_her_facts() -> None:
    persona = Persona.model_validate({"contact": {"first_name": "Léa", "age": 29, "consent": ["marketing"]}})

    assert persona_contact(persona) == {"first_name": "Léa", "age": 29, "consent": ["marketing"]}


def test_objects_are_no_facts() -> None:
    with pytest.raises(RenderError, match="expected text, a number, a list or a mapping as a fact, got object"):
        plain({"a": object()})


def test_facts_nested_without_end_are_refused() -> None:
    nested: dict[str, object] = {}
    nested["a"] = nested

    with pytest.raises(RenderError, match="nested at most 20 levels deep"):
        plain(nested)


def test_control_characters_are_dropped_and_line_ends_made_one() -> None:
    assert plain("a\x00b\r\nc\rd\u202ee\tf\x85g") == "ab\nc\nde\tfg"
