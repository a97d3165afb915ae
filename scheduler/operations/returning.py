"""What follows from mails that come back: who gets no more mail, what a person did, which campaign has to stop.

Whoever can write to the bounce mailbox can write anything: only a stamp, an unsubscribe link or a Message-ID of ours
has an effect, on the person whose mail it was and on no other. A provider that proved to be it is believed
which mail it means. Each mail that was sent has each effect once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice

from scheduler import bounced, health
from scheduler.bounced import BOUNCED
from scheduler.catalog import Catalog
from scheduler.channels.email.replies import ReplyClass
from scheduler.channels.email.returned import BY_MAIL, Kind, Notice, Returned, of_mailbox
from scheduler.channels.naming import print_of
from scheduler.operations import opting
from scheduler.operations.effects import Effect, Outcome, Paused, Report, discreet
from scheduler.operations.happenings import SKEW
from scheduler.store import events, people, plans, reader, returned, standings
from scheduler.store.database import Connection, Store, bump
from scheduler.store.people import forgotten
from scheduler.store.reader import DeliveryRecord
from scheduler.tokens import Keyring, Purpose, Stamp, TokenError

# A mailbox that only ever says `not now` is dead too: after so many mails in a row, the first and the last of them at
# least so far apart, no more is written to it.
SOFT_IN_A_ROW = 5
SOFT_OVER = timedelta(days=14)

SOFT_REASON = f"bounce: {SOFT_IN_A_ROW} mails in a row came back"
COMPLAINED = "complaint"

_REFUSED_US = "came back, refused us"  # beside a mail for which its campaign was paused
_CHUNK = 50  # mails a transaction: the daemon waits for it
# What says something of the mailbox, when it is said often enough; the rest is about us, the mail or the moment.
_OF_THE_MAILBOX = frozenset({ReplyClass.MAILBOX_FULL, ReplyClass.PERMANENT_OTHER, ReplyClass.TEMPORARY})


class _Undo(Exception):
    """Rolls a transaction back that only looked what would happen."""


def take_in(
    store: Store, catalog: Catalog, keys: Keyring, mails: Iterable[tuple[int, Returned]], *, now: datetime, keep: bool
) -> Report:
    """Let mails have their effect, each once however often it is read; without `keep` only say what it would be.

    They go in transactions of fifty, so that the daemon can work meanwhile; what one of them did stands when a later
    one fails.
    """
    report = Report()
    seen: set[str] = set()
    waiting = iter(mails)
    while chunk := list(islice(waiting, _CHUNK)):
        work = _Work(catalog, keys, now, report, seen, keep)
        try:
            with store.begin() as conn:
                work.do(conn, chunk)
                if not keep:
                    raise _Undo
        except _Undo:
            continue
    return report


@dataclass(slots=True)
class _Work:
    """One transaction's mails."""

    catalog: Catalog
    keys: Keyring
    now: datetime
    report: Report
    seen: set[str]
    keep: bool

    def do(self, conn: Connection, chunk: Sequence[tuple[int, Returned]]) -> None:
        """Let each mail have its effect. Lock: everybody they are about, in the order of their ids."""
        asked = {key for _, mail in chunk if not any(self._stamps(mail)) for key in mail.message_ids}
        by_key = returned.deliveries_of(conn, asked)
        looked = [(number, mail, self._about(conn, mail, by_key)) for number, mail in chunk]
        standings.lock(conn, {about.contact for _, _, about in looked if about is not None and about.contact})
        made = [self._take(conn, number, mail, about) for number, mail, about in looked]
        self.report.effects += made
        complained = [one.campaign for one in made if one.outcome is Outcome.COMPLAINT and one.campaign]
        for campaign in dict.fromkeys(complained):
            self._weigh_complaints(conn, campaign)
        returned.count_foreign(conn, sum(one.outcome is Outcome.NOT_OURS for one in made))
        if any(one.outcome in _CHANGES for one in made):
            bump(conn)

    def _about(self, conn: Connection, mail: Returned, by_key: Mapping[str, int]) -> _About | None:
        if mail.kind in _SAYS_ITSELF:
            return None
        found = self._proven(conn, mail, by_key)
        return None if found is None else _About(*found, people.find(conn, f"#{found[0].contact}"))

    def _take(self, conn: Connection, number: int, mail: Returned, about: _About | None) -> Effect:
        if mail.kind in _SAYS_ITSELF:
            return Effect(number, _SAYS_ITSELF[mail.kind], said=mail.note)
        if about is None:
            return Effect(number, Outcome.NOT_OURS)
        if about.contact is None:
            return Effect(number, Outcome.FORMER, about.delivery.campaign, about.delivery.touch)
        case = _Case(number, about.delivery, about.contact, _own_address(conn, about.contact), mail)
        if mail.kind is Kind.BOUNCE:
            return self._bounced(conn, case, about.stamp)
        if mail.kind is Kind.COMPLAINT:
            return self._stop_marketing(conn, case, Outcome.COMPLAINT, COMPLAINED, "complaint")
        if mail.kind is Kind.OPT_OUT:
            return self._stop_marketing(conn, case, Outcome.OPT_OUT, "unsubscribed", "unsubscribe")
        return case.effect(_NOTHING[mail.kind])

    def _stamps(self, mail: Returned) -> Iterator[Stamp]:
        for text in mail.stamps:
            try:
                yield self.keys.read_stamp(text)
            except TokenError:
                continue

    def _proven(
        self, conn: Connection, mail: Returned, by_key: Mapping[str, int]
    ) -> tuple[DeliveryRecord, Stamp | None] | None:
        """Return the mail of ours that this is about, by the best proof there is; None without any."""
        if mail.named is not None:
            return _named(conn, *mail.named)
        for stamp in self._stamps(mail):
            if (delivery := _mail_of_ours(conn, stamp.delivery)) is not None:
                return delivery, stamp
        for text in mail.links:
            try:
                token = self.keys.read(Purpose.UNSUBSCRIBE, text, now=self.now)
            except TokenError:
                continue
            _, answered = opting.answered(conn, token)
            if answered is not None and (delivery := _mail_of_ours(conn, answered.id)) is not None:
                return delivery, None
        for key in mail.message_ids:
            if key in by_key and (delivery := _mail_of_ours(conn, by_key[key])) is not None:
                return delivery, None
        return None

    def _bounced(self, conn: Connection, case: _Case, stamp: Stamp | None) -> Effect:
        aliases = [value for kind, value in people.aliases(conn, case.contact) if kind == "email"]
        address = self._address(case, stamp, aliases)
        notice = of_mailbox(case.mail.notices, address)
        case.notice = notice
        if notice.meaning is ReplyClass.ACCEPTED:
            return case.effect(Outcome.DELIVERED)
        if notice.meaning.is_ours:
            return self._ours(conn, case)
        if notice.meaning is not ReplyClass.DEAD_ADDRESS:
            is_present = address is not None and address == case.address
            return self._soft(conn, case) if is_present else case.effect(Outcome.FORMER)
        if address is None:
            return case.effect(Outcome.FORMER)
        if address != case.address:
            forgotten.remember(conn, [("email", address)], [forgotten.Stop(people.MAIL, BOUNCED, self.now)])
            return case.effect(Outcome.FORMER)
        if not self._is_news(conn, key := _key(case, Outcome.DEAD)):
            return case.effect(Outcome.KNOWN)
        stopped = self._stop_mail(conn, case, BOUNCED)
        self._happen(conn, case, key, BOUNCED)
        returned.note(conn, case.delivery.id, f"came back: {notice.status or 'dead address'}".rstrip())
        return case.effect(Outcome.DEAD, stopped=stopped)

    def _address(self, case: _Case, stamp: Stamp | None, aliases: Sequence[str]) -> str | None:
        """Return which mailbox the mail went to; None for one that is not known as the person's any more."""
        own = [each for each in (case.address, *aliases) if each]
        if stamp is not None:
            return next((each for each in own if self.keys.is_for(stamp, each)), None)
        named = [each for notice in case.mail.notices for each in notice.addresses]
        if case.mail.named is not None and named:
            return named[0]  # the provider knows to whom it was given
        return next((each for each in own if each in named), case.address)

    def _soft(self, conn: Connection, case: _Case) -> Effect:
        if not self._is_news(conn, key := _key(case, Outcome.SOFT)):
            return case.effect(Outcome.KNOWN)
        self._happen(conn, case, key, BOUNCED)
        returned.note(conn, case.delivery.id, f"came back: {case.words}")
        if not self._is_too_many(conn, case):
            return case.effect(Outcome.SOFT)
        return case.effect(Outcome.SOFT, stopped=self._stop_mail(conn, case, SOFT_REASON))

    def _stop_mail(self, conn: Connection, case: _Case, reason: str) -> str | None:
        """Write no more mail to the person's mailbox, now or when it comes back to them; return what is new of that."""
        assert case.address is not None
        new = bounced.stop_mail(conn, case.contact, case.address, reason, at=self.now)
        return people.MAIL if new else None

    def _is_too_many(self, conn: Connection, case: _Case) -> bool:
        """Whether the last mails to this person all came back, over long enough."""
        if case.delivery.sent_at is None:
            return False
        mails = returned.mails_until(conn, case.contact, case.delivery.sent_at, limit=SOFT_IN_A_ROW)
        if len(mails) < SOFT_IN_A_ROW or mails[0].sent_at - mails[-1].sent_at < SOFT_OVER:
            return False
        known = events.since(conn, case.contact, (BOUNCED,), mails[-1].sent_at)
        back = {one.facts.get("message") for one in known if one.facts.get("class") in _OF_THE_MAILBOX}
        return all(mail.delivery in back for mail in mails)

    def _ours(self, conn: Connection, case: _Case) -> Effect:
        """Pause the campaign, once for each mail that came back for it: one reader cannot hold it up twice."""
        known = _REFUSED_US in case.delivery.reason or not self._is_first(_key(case, Outcome.OURS))
        if known or not returned.remember_refusal(conn, case.delivery.id):
            return case.effect(Outcome.KNOWN)
        returned.note(conn, case.delivery.id, f"{_REFUSED_US}: {case.words}")
        server = f" {discreet(case.notice.text[: bounced.LONGEST_WORDS]).rstrip('. ')}" if case.notice.text else ""
        self._pause(conn, case.delivery.campaign, f"a mail came back that refuses the sender, not the person:{server}")
        return case.effect(Outcome.OURS)

    def _stop_marketing(self, conn: Connection, case: _Case, outcome: Outcome, reason: str, name: str) -> Effect:
        if not self._is_news(conn, key := self._key_of_word(conn, case, outcome)):
            return case.effect(Outcome.KNOWN)
        new = people.suppress(conn, case.contact, scope="marketing", reason=reason, at=self.now)
        self._happen(conn, case, key, name)
        how = BY_MAIL if case.mail.note == BY_MAIL else "at the provider"
        returned.note(conn, case.delivery.id, "called spam" if name == "complaint" else f"unsubscribed {how}")
        return case.effect(outcome, stopped="marketing" if new else None)

    def _key_of_word(self, conn: Connection, case: _Case, outcome: Outcome) -> str:
        """Return the key of what a person said; who came back and writes anew about the same mail says it anew.

        A mail that is read again was written before it was read first, by a clock that may be a little fast.
        """
        key = _key(case, outcome)
        first = events.of_key(conn, key) if outcome is Outcome.OPT_OUT and case.mail.at is not None else None
        if first is None or case.mail.at is None or case.mail.at <= first.at + SKEW:
            return key
        return f"{key}:{case.mail.at.isoformat()}"

    def _is_news(self, conn: Connection, key: str) -> bool:
        return self._is_first(key) and not events.known(conn, key)

    def _is_first(self, key: str) -> bool:
        """Whether this run has not met it before: what is only looked at leaves no other trace."""
        known = key in self.seen
        self.seen.add(key)
        return not known

    def _happen(self, conn: Connection, case: _Case, key: str, name: str) -> None:
        """Store what came back as an event of the person, and let the campaigns in force answer it."""
        about, more = (case.delivery.campaign, case.delivery.touch, case.delivery.id), {}
        if name == BOUNCED:
            said = case.notice.text[: bounced.LONGEST_WORDS]
            more = {"class": case.notice.meaning.value, "status": case.notice.status, "said": said}
        bounced.happen(conn, self.catalog, key, case.contact, name, about, more, now=self.now)

    def _weigh_complaints(self, conn: Connection, campaign: str) -> None:
        since = self.now - health.COMPLAINTS_WITHIN
        keys = bounced.keys(Outcome.COMPLAINT.value)
        counts = returned.complaints(conn, campaign, since, keys), returned.mails_sent(conn, campaign, since)
        if (why := health.complained(*counts)) is not None:
            self._pause(conn, campaign, why)
        elif health.complains_much(*counts):
            self.report.complained[campaign] = counts

    def _pause(self, conn: Connection, campaign: str, why: str) -> None:
        if plans.campaign_state(conn, campaign) != "running" or any(
            one.campaign == campaign for one in self.report.paused
        ):
            return
        plans.pause_campaign(conn, campaign, paused=True)
        detail = f"{why}: mend it, then campaign resume {campaign}"
        plans.audit(conn, at=self.now, who="bounces", action="pause", subject=campaign, detail=detail)
        self.report.paused.append(Paused(campaign, why))


@dataclass(frozen=True, slots=True)
class _About:
    """The mail of ours that one is about, by which stamp, and whose it was; None: they are not here any more."""

    delivery: DeliveryRecord
    stamp: Stamp | None
    contact: int | None


@dataclass(slots=True)
class _Case:
    """A mail that came back, of whom, and what the server said of their mailbox."""

    number: int
    delivery: DeliveryRecord
    contact: int
    address: str | None
    mail: Returned
    notice: Notice = field(default_factory=lambda: Notice(ReplyClass.TEMPORARY))

    @property
    def words(self) -> str:
        """The class in words, and the status code."""
        return f"{self.notice.meaning.value.replace('_', ' ')} {self.notice.status}".rstrip()

    def effect(self, outcome: Outcome, *, stopped: str | None = None) -> Effect:
        """Return what became of it."""
        bounced = self.mail.kind is Kind.BOUNCE
        return Effect(
            self.number,
            outcome,
            self.delivery.campaign,
            self.delivery.touch,
            self.contact,
            self.address,
            self.notice.meaning if bounced else None,
            self.notice.status,
            self.notice.text if bounced else self.mail.note,
            stopped,
        )


_CHANGES = frozenset({Outcome.DEAD, Outcome.SOFT, Outcome.OURS, Outcome.COMPLAINT, Outcome.OPT_OUT})
_SAYS_ITSELF = {Kind.UNREADABLE: Outcome.UNREADABLE, Kind.AUTO_REPLY: Outcome.AUTO_REPLY}
_NOTHING = {
    Kind.DELAYED: Outcome.DELAYED,
    Kind.DELIVERED: Outcome.DELIVERED,
    Kind.NOT_SPAM: Outcome.NOT_SPAM,
    Kind.OTHER: Outcome.OTHER,
}


def _key(case: _Case, outcome: Outcome) -> str:
    return f"{bounced.keys(outcome.value)}{case.delivery.id}"


def _mail_of_ours(conn: Connection, delivery: int) -> DeliveryRecord | None:
    found = reader.delivery(conn, delivery) if delivery else None
    return found if found is not None and found.channel == "email" and found.contact is not None else None


def _named(conn: Connection, delivery: int, key_print: str) -> tuple[DeliveryRecord, None] | None:
    found = _mail_of_ours(conn, delivery)
    known = found is not None and any(print_of(one.key) == key_print for one in reader.attempts(conn, delivery))
    return (found, None) if found is not None and known else None


def _own_address(conn: Connection, contact: int) -> str | None:
    row = people.contact(conn, contact)
    return row.email if row is not None else None
