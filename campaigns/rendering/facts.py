"""The plain data a template may see: contact, event, campaign, stage, touch, offer, links; nothing else, no objects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from email.utils import parseaddr
from typing import TYPE_CHECKING

from campaigns.plain import PlainFacts, clean, from_json, plain

if TYPE_CHECKING:
    from campaigns.definition import Campaign, Persona, Stage, Touch
    from campaigns.timeline import PlannedOffer

# Facts every contact has, empty where unknown, so that `{{ contact.first_name }}` is about people and not about data.
STANDARD_FACTS = ("first_name", "last_name", "city", "language")


def persona_contact(persona: Persona) -> dict[str, object]:
    """Return the persona as a contact's facts, for previews and rehearsals: what her `contact:` says, plain."""
    return _mapping(persona.contact)


def facts(
    campaign: Campaign,
    stage: Stage,
    touch: Touch,
    *,
    contact: Mapping[str, object] | None,
    event: Mapping[str, object] | None,
    offer: PlannedOffer | None,
    now: datetime,
    zone: str,
    unsubscribe: str | None,
    confirm: str | None = None,
    preferences: str | None = None,
    edition: str | None = None,
    occasion_on: date | None = None,
    common: Mapping[str, object] | None = None,
) -> PlainFacts:
    """Return everything a template may see, as plain JSON-able data.

    Moments are ISO 8601 text in `zone`, the reader's; `touch.timezone` names it, so that the filters write dates in
    it. `contact` and `event` are empty without a person or an event; what is null in them is not there, and one product
    stands in a list of one. `edition` and `occasion_on` come from the
    timeline; left out, they are those of `now`. `unsubscribe` and `confirm` are the links that marketing and the mail
    that confirms a sign-up bear, `preferences` the one to the reader's own page. `common` is `common_facts` of the same
    campaign, where many messages share it. Names a template uses and nobody knows are an error at rendering.
    """
    if edition is None or (occasion_on is None and campaign.occasion is not None):
        edition, occasion_on = _edition(campaign, now, edition)
    made = {
        "contact": _contact(contact),
        "event": _event(event, zone),
        "campaign": common if common is not None else common_facts(campaign, edition, occasion_on),
        "stage": {"id": stage.id, "kind": str(stage.kind), "does": stage.does},
        "touch": {
            "id": touch.id,
            "channel": touch.channel[0],
            "purpose": str(touch.purpose),
            "timezone": zone,
            "now": _local(now, zone),
        },
        "offer": _offer(campaign, touch, offer, zone),
        "links": _links(unsubscribe, confirm, preferences),
    }
    return PlainFacts(made)


def with_own(
    facts: PlainFacts,
    event: Mapping[str, object] | None,
    unsubscribe: str | None,
    confirm: str | None,
    preferences: str | None,
    *,
    zone: str,
) -> PlainFacts:
    """Return what `facts` made without an event or a link as it is with these, for a reader in the same zone."""
    own_links = _links(unsubscribe, confirm, preferences)
    return PlainFacts({**facts, "event": _event(event, zone), "links": own_links})


def _links(unsubscribe: str | None, confirm: str | None, preferences: str | None) -> dict[str, object]:
    named = (("unsubscribe", unsubscribe), ("confirm", confirm), ("preferences", preferences))
    return {name: clean(link) for name, link in named if link is not None}


def with_person(facts: Mapping[str, object], stored: bytes, over: Mapping[str, object]) -> PlainFacts:
    """Return what `facts` makes for nobody as it is for a person, of whom is known what `stored` says and `over` says.

    `stored` is JSON in UTF-8, an object; what `over` says of the same name stands over it. Raises: ValueError for what
    is no JSON, RenderError for what `plain` refuses.
    """
    known = {} if stored == b"{}" else from_json(stored.decode(errors="surrogatepass"))
    return PlainFacts({**facts, "contact": _contact({**known, **over})})


def _mapping(value: Mapping[str, object]) -> dict[str, object]:
    done = _filled(plain(value))
    assert isinstance(done, dict)
    return done


def _filled(value: object) -> object:
    """Return plain data without what is nothing: a shop that writes `"price": null` says that it knows of none."""
    if isinstance(value, dict):
        return {
            key: _filled(item) if isinstance(item, (dict, list)) else item
            for key, item in value.items()
            if item is not None
        }
    if isinstance(value, list):
        return [_filled(item) for item in value if item is not None]
    return value


def _several(found: dict[str, object], key: str) -> None:
    """Take one product where a list of them is meant as a list of one."""
    if isinstance(found.get(key), dict):
        found[key] = [found[key]]


def _contact(contact: Mapping[str, object] | None) -> dict[str, object]:
    if contact is None:
        return {}
    found = _mapping(contact)
    _several(found, "products")
    for key in STANDARD_FACTS:
        found.setdefault(key, "")
    found.setdefault("name", " ".join(str(found[key]) for key in ("first_name", "last_name") if found[key]))
    return found


def _event(event: Mapping[str, object] | None, zone: str) -> dict[str, object]:
    if event is None:
        return {}
    localised = {
        key: _local(value, zone) if isinstance(value, datetime) and value.tzinfo else value
        for key, value in event.items()
    }
    found = _mapping(localised)
    _several(found, "items")
    return found


def common_facts(campaign: Campaign, edition: str, occasion_on: date | None) -> dict[str, object]:
    """Return what is said of a campaign to everybody: the section `campaign` of `facts`."""
    sender, address = parseaddr(campaign.senders.email or "")
    known = {
        "id": campaign.id,
        "title": campaign.title or campaign.id,
        "edition": edition,
        "language": campaign.language,
        "country": campaign.country,
        "timezone": campaign.zone,
        "occasion": None if occasion_on is None else occasion_on.isoformat(),
        "sender": sender or address or campaign.title or campaign.id,
        "postal_address": campaign.senders.postal_address,
    }
    return _mapping(known)


def _offer(campaign: Campaign, touch: Touch, offer: PlannedOffer | None, zone: str) -> dict[str, object]:
    if touch.offer is None:
        return {}
    written = campaign.offers[touch.offer]
    found: dict[str, object] = {"code": written.code or touch.offer, "terms": written.terms}
    if offer is not None and offer.starts_at is not None:
        found["starts"] = _local(offer.starts_at, zone)
    if offer is not None and offer.ends_at is not None:
        found["until"] = _local(offer.ends_at, zone)
    return _mapping(found)


def _local(moment: datetime, zone: str) -> str:
    from campaigns.timing import zones

    return zones.local(moment, zone).isoformat()


def _edition(campaign: Campaign, now: datetime, edition: str | None) -> tuple[str, date | None]:
    """Return the edition and its occasion's day: of the edition given, else of the one that `now` belongs to."""
    from campaigns.planner.setting import setting

    asked = now if edition is None else datetime(int(edition), 1, 1, 12, tzinfo=now.tzinfo)
    found = setting(campaign, asked)
    return edition or found.edition, found.occasion_on


def known_names(sections: Iterable[str] = ()) -> frozenset[str]:
    """Return the names at the top of a template's data, with those of `sections` besides."""
    return frozenset({"contact", "event", "campaign", "stage", "touch", "offer", "links", *sections})
