"""From a case to its message: facts of person and event, offer, and the key fixed at the first attempt."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from functools import cached_property, partial

from campaigns import rendering
from campaigns.definition import Touch
from campaigns.rendering import Content
from campaigns.timeline import PlannedTouch
from campaigns.timing.model import Event
from scheduler.channels.base import Above, Message, Recipient
from scheduler.circumstances import Case, Circumstances
from scheduler.rendering.base import Person
from scheduler.rendering.tracked import Letter
from scheduler.store.ledger import Claim
from scheduler.store.people import MEASUREMENT
from scheduler.store.standings import Standing
from scheduler.tokens import Links, Token

# How long the link of a sign-up's mail holds: a week, and the three days after which the mail is not sent any more.
CONFIRM_WITHIN = timedelta(days=10)
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,250}@[!-;=?-~]{1,250}>\Z")  # printable ASCII without angle brackets


class _Told(Mapping[str, object]):
    """What a message was told about, worked out when somebody asks: of a mail nobody does."""

    def __init__(self, tell: Callable[[], dict[str, object]]) -> None:
        self._tell = tell

    @cached_property
    def _known(self) -> dict[str, object]:
        return self._tell()

    def __getitem__(self, name: str) -> object:
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)


def facts(here: Circumstances, case: Case, *, links: Links) -> dict[str, object]:
    """Return everything the touch's template may see, as plain data; without the person, see `person`."""
    zone = here.zone(case)
    key = (case.campaign, case.claim.edition, case.touch.id, zone)
    shared = here.sections.get(key)
    if shared is None:
        shared = here.sections[key] = rendering.facts(
            case.campaign.campaign,
            case.stage,
            case.touch,
            contact=None,
            event=None,
            offer=here.offer(case),
            now=here.now,
            zone=zone,
            unsubscribe=None,
            edition=case.claim.edition,
            occasion_on=here.timeline(case).occasion_on,
            common=here.common_facts(case),
        )
    own_links = (unsubscribe(case, links), confirm(here, case, links), _preferences(case, links))
    return rendering.with_own(shared, event_facts(here, case), *own_links, zone=zone)


def person(here: Circumstances, case: Case) -> Person | None:
    """Return the person as the ledger has them, for the template; None for a message to nobody."""
    if case.claim.contact is None:
        return None
    return Person(*here.standing(case).unread(here.today(here.zone(case))))


def event_facts(here: Circumstances, case: Case) -> dict[str, object] | None:
    """Return the event that started the run; None where there is none."""
    run = here.runs.get(case.claim.run) if case.claim.run is not None else None
    if run is None:
        return None
    happened = here.events[run.event]
    return {**happened.facts, "name": happened.name, "at": happened.at}


def unsubscribe(case: Case, links: Links) -> str | None:
    """Return the opt-out address of a marketing message: the person's own link, else the file's; None for all others.

    The same at every attempt, as the message is.
    """
    claim = case.claim
    if not claim.marketing or claim.contact is None:
        return None
    return links.unsubscribe(Token(claim.contact, claim.id), case.campaign.campaign.senders.unsubscribe)


def unsubscribe_mail(case: Case, way_out: str | None, links: Links) -> str | None:
    """Return the file's own address for opt-outs by mail where the way out is a link; None where there is no second."""
    claim, own = case.claim, case.campaign.campaign.senders.unsubscribe
    linked = way_out is not None and way_out.startswith("https:")
    if not linked or claim.contact is None or own is None or not own.startswith("mailto:"):
        return None
    return links.unsubscribe_mail(Token(claim.contact, claim.id), own)


def confirm(here: Circumstances, case: Case, links: Links) -> str | None:
    """Return where the person confirms the sign-up that this message answers; None for all other messages."""
    claim = case.claim
    run = here.runs.get(claim.run) if claim.run is not None else None
    if run is None or claim.contact is None or not case.touch.confirms:
        return None
    return links.confirm(Token(claim.contact, claim.id), until=here.events[run.event].received_at + CONFIRM_WITHIN)


def _preferences(case: Case, links: Links) -> str | None:
    """Return where the person chooses what they get; None where no template of the campaign asks for it."""
    claim = case.claim
    if claim.contact is None or not case.campaign.has_preferences:
        return None
    return links.preferences(Token(claim.contact, claim.id))


def is_measured(here: Circumstances, case: Case) -> bool:
    """Whether the campaign measures its mails, and the person agreed: silence is no consent to being watched."""
    definition, claim = case.campaign.campaign, case.claim
    if definition.tracking != "on" or claim.channel != "email" or claim.contact is None:
        return False
    return bool(here.standing(case).consents.get(MEASUREMENT))


def letter(here: Circumstances, case: Case, content: Content) -> Letter | None:
    """Return a mail as it is to be measured; None where it is not."""
    if not is_measured(here, case) or content.html is None:
        return None
    definition, claim, standing = case.campaign.campaign, case.claim, here.standing(case)
    words = (standing.address(name) for name in ("email", "phone", "ref"))
    way_out = definition.senders.unsubscribe
    own = frozenset() if way_out is None else frozenset({way_out})
    return Letter(claim.campaign, claim.touch, claim.id, content, tuple(filter(None, words)), own)


def compose(here: Circumstances, case: Case, content: Content, *, key: str, links: Links) -> Message:
    """Put a message together; its key and Date are those of the first attempt, `key` and now where there was none."""
    claim, definition = case.claim, case.campaign.campaign
    first = here.first_attempts.get(claim.id)
    standing = here.standing(case) if claim.contact is not None else None
    today = here.today(here.zone(case))
    way_out = unsubscribe(case, links)
    recipient = None if claim.contact is None or standing is None else _recipient(claim.contact, standing)
    return Message(
        delivery_id=claim.id,
        key=first.key if first is not None else key,
        campaign=claim.campaign,
        edition=claim.edition,
        touch=claim.touch,
        stage=claim.stage,
        channel=claim.channel,
        purpose=case.touch.purpose.value,
        occurrence=claim.occurrence,
        created_at=first.created_at if first is not None else here.now,
        due_at=claim.due_at,
        content=content,
        recipient=recipient,
        account=definition.accounts.get(claim.channel),
        sender=definition.senders.sms if claim.channel == "sms" else definition.senders.email,
        reply_to=definition.senders.reply_to,
        unsubscribe=way_out,
        unsubscribe_mail=unsubscribe_mail(case, way_out, links),
        return_path=_return_path(case, recipient, links),
        media_url=definition.media_url,
        post_as=case.touch.post_as or "",
        answers=_answers(here, case),
        above=_above(here, case),
        expires_at=claim.expires_at,
        facts=_Told(partial(_told, claim, standing, today, event_facts(here, case))),
    )


def why(here: Circumstances, case: Case) -> str:
    """Return the reason that is stored with a message that was sent: why it, and why then."""
    planned = here.timeline(case).touch(case.touch.id)
    parts = [_started_by(case.touch, planned) if planned.trigger is not None else "", planned.reason]
    run = here.runs.get(case.claim.run) if case.claim.run is not None else None
    if run is not None:
        parts.append(run.reason)  # of an open one: what it expects, and from what
    if case.touch.approval == "required":
        parts.append(here.touch_state(case.claim).approved_note)
    return "; ".join(part for part in parts if part)


def _told(claim: Claim, standing: Standing | None, today: date, event: dict[str, object] | None) -> dict[str, object]:
    return {
        "contact": None if standing is None else standing.facts(today),
        "event": event,
        "campaign": {"id": claim.campaign, "edition": claim.edition},
    }


def _answers(here: Circumstances, case: Case) -> str | None:
    """Return the Message-ID of the mail that a correction follows; None where it is not known for certain.

    It is where the mail server was ours: providers may write their own.
    """
    wrong = here.wrong_message(case)
    if wrong is None or case.claim.channel != "email" or wrong.channel != "email":
        return None
    return wrong.provider_id if _MESSAGE_ID.match(wrong.provider_id) else None


def _above(here: Circumstances, case: Case) -> Above | None:
    if case.touch.hangs_on is None:
        return None
    names = ["" if post is None else post.provider_id for post in here.above(case)]
    return Above(names[0], names[-1])


def _return_path(case: Case, recipient: Recipient | None, links: Links) -> str | None:
    """Return where what comes back of a mail goes, known by its stamp as this very mail; None for all others."""
    if case.claim.channel != "email" or recipient is None or not recipient.email:
        return None
    return links.return_path(case.claim.id, recipient.email)


def _recipient(contact: int, standing: Standing) -> Recipient:
    return Recipient(contact, standing.name(), standing.address("email") or None, standing.address("phone") or None)


def _started_by(touch: Touch, planned: PlannedTouch) -> str:
    """Return what an event touch answers and how long after: `purchase +5 min`, `between purchase and delivered`."""
    second = touch.when.second if touch.when is not None else None
    if planned.delay == "between" and isinstance(second, Event):
        return f"between {planned.trigger} and {second.name}"
    return f"{planned.after or planned.trigger} {planned.delay}".strip()
