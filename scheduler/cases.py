"""A claim with what it is about: the campaign it follows, its stage and its touch; no rules here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from campaigns.definition import Stage, Touch
from scheduler import runs
from scheduler.catalog import InForce
from scheduler.delivery import State
from scheduler.errors import Withheld
from scheduler.store import corrections
from scheduler.store.corrections import WrongMessage
from scheduler.store.database import Connection
from scheduler.store.ledger import Claim


@dataclass(frozen=True, slots=True)
class Case:
    """A claim with what it is about: the campaign in force, its stage and its touch."""

    claim: Claim
    campaign: InForce
    stage: Stage
    touch: Touch

    @property
    def edition(self) -> tuple[str, str]:
        """The campaign and edition it belongs to."""
        return self.claim.campaign, self.claim.edition

    @property
    def key(self) -> tuple[str, ...]:
        """What makes its message the one it is; nobody gets two with the same key."""
        claim = self.claim
        return claim.campaign, claim.edition, claim.touch, claim.recipient, claim.occurrence

    @property
    def name(self) -> str:
        """What people call its touch: `campaign/touch`."""
        return f"{self.claim.campaign}/{self.campaign.name_of(self.touch.id)}"


def case_of(campaign: InForce | None, claim: Claim) -> Case:
    """Return the case of a claim as its campaign has it now; Withheld where the touch is no longer there."""
    found = campaign.find(claim.touch) if campaign is not None else None
    if campaign is None or found is None:
        raise Withheld(State.CANCELLED, "the touch is no longer in the campaign")
    stage, touch = found
    # An edit may have changed these since the row was planned; the attempt mark stores them.
    now = (touch.channel[0], stage.id, runs.is_marketing(touch))
    if now != (claim.channel, claim.stage, claim.marketing):
        claim = replace(claim, channel=now[0], stage=now[1], marketing=now[2])
    return Case(claim, campaign, stage, touch)


def wrong_messages(conn: Connection, cases: Sequence[Case]) -> dict[tuple[str, ...], WrongMessage]:
    """Return for each case that is a correction the wrong message it follows, by the case's key; the others have none.

    Who was sent no wrong words has none either.
    """
    asked: dict[tuple[InForce, str], list[Case]] = {}
    for case in cases:
        if case.touch.corrects is not None and case.claim.contact is not None:
            asked.setdefault((case.campaign, case.touch.id), []).append(case)
    found: dict[tuple[str, ...], WrongMessage] = {}
    for (campaign, _), same in asked.items():
        wrong = campaign.wrong_words(conn, same[0].touch)
        assert wrong is not None
        contacts = {case.claim.contact for case in same if case.claim.contact is not None}
        theirs = corrections.wrong_messages(conn, wrong, contacts)
        found |= {case.key: theirs[case.claim.contact] for case in same if case.claim.contact in theirs}
    return found
