"""A small French campaign and ways to render one of its touches; shared by the tests of rendering."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime

from campaigns.definition import Campaign
from campaigns.loader import restore
from campaigns.rendering import Content, Renderer, facts
from campaigns.timeline import PlannedOffer

NOW = datetime(2027, 1, 21, 8, 30, tzinfo=UTC)
LEA: dict[str, object] = {"first_name": "Léa", "last_name": "Martin", "email": "lea@example.org", "age": 29}
STOP = "mailto:stop@biksouv.example"
AMOUR30 = PlannedOffer(
    code="AMOUR30",
    starts_at=datetime(2027, 1, 21, 9, 0, tzinfo=UTC),
    ends_at=datetime(2027, 2, 7, 22, 59, 59, tzinfo=UTC),
    says="until 7 February",
)


def campaign(*touches: Mapping[str, object], **keys: object) -> Campaign:
    """Return a campaign of one stage with these touches; `keys` replace those of the file."""
    written: dict[str, object] = {
        "campaign": "valentines",
        "title": "Saint-Valentin",
        "language": "fr",
        "country": "FR",
        "timezone": "Europe/Paris",
        "senders": {
            "email": "BikSouv & Pro <bonjour@biksouv.example>",
            "postal_address": "12 rue des Lilas, 75011 Paris",
            "unsubscribe": STOP,
        },
        "offers": {"AMOUR30": {"terms": "-30 % et livraison offerte", "until": {"date": "02-07"}}},
        "stages": [{"stage": "conversion", "kind": "conversion", "touches": list(touches)}],
    }
    return restore(written | keys)


def mail(**keys: object) -> dict[str, object]:
    """Return a marketing mail; without a subject of its own it has a plain one."""
    return {"id": "offer-email", "channel": "email", "subject": "Bonjour"} | keys


def render(
    touch: Mapping[str, object],
    templates: Mapping[str, str] = {},
    *,
    contact: Mapping[str, object] | None = LEA,
    event: Mapping[str, object] | None = None,
    offer: PlannedOffer | None = AMOUR30,
    unsubscribe: str | None = STOP,
    zone: str = "Europe/Paris",
    **keys: object,
) -> Content:
    """Render one touch in a campaign of its own."""
    made = campaign(touch, **keys)
    ((stage, only),) = made.touches()
    given = facts(
        made,
        stage,
        only,
        contact=contact,
        event=event,
        offer=offer,
        now=NOW,
        zone=zone,
        unsubscribe=unsubscribe,
        edition="2027",
        occasion_on=date(2027, 2, 14),
    )
    return Renderer(made, templates).render(only, given)


def body_of(content: Content) -> str:
    """Return the text part without its footer."""
    return content.text.partition("\n\n————————")[0]
