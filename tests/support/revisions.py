"""Campaigns in force without a store: what a renderer is handed, from a few touches and templates."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime

from campaigns.loader import restore
from campaigns.rendering import facts
from scheduler.catalog import InForce
from scheduler.rendering.base import Job
from scheduler.store.plans import RevisionRecord

NOW = datetime(2027, 1, 21, 8, 30, tzinfo=UTC)
HEAD: Mapping[str, object] = {
    "campaign": "shop",
    "language": "en",
    "country": "FR",
    "timezone": "Europe/Paris",
    "senders": {
        "email": "The Shop <hello@shop.example>",
        "postal_address": "12 rue des Lilas, 75011 Paris",
        "unsubscribe": "mailto:stop@shop.example",
    },
}


def mail(name: str, **keys: object) -> dict[str, object]:
    """Return a mail of this id, with a plain subject unless told otherwise."""
    return {"id": name, "channel": "email", "subject": "Hello"} | keys


def revision(
    *touches: Mapping[str, object], templates: Mapping[str, str] = {}, number: int = 1, **keys: object
) -> InForce:
    """Return a revision of a campaign with these touches, as the catalogue hands it out."""
    stages = [{"stage": "s", "kind": "loyalty", "touches": list(touches)}]
    record = RevisionRecord(
        campaign="shop",
        number=number,
        edition="2027",
        definition=restore({**HEAD, "stages": stages, **keys}).model_dump(mode="json", by_alias=True),
        timeline={},
        templates=templates,
        source="shop.yaml",
        source_hash="",
        plan_hash="",
        tzdata="",
        project="",
        applied_at=NOW,
    )
    return InForce(record, NOW)


def job(campaign: InForce, touch: str, **contact: object) -> Job:
    """Return the job of rendering a touch for a person of these facts."""
    stage, found = campaign.find(touch) or next(iter(campaign.campaign.touches()))
    given = facts(
        campaign.campaign,
        stage,
        found,
        contact=contact,
        event=None,
        offer=None,
        now=NOW,
        zone="Europe/Paris",
        unsubscribe="mailto:stop@shop.example",
        edition="2027",
        occasion_on=date(2027, 2, 14),
    )
    return Job(campaign, touch, given)
