"""`campaign reconcile`: what may or may not have gone, what far ends show of it, and a person's word on the rest."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import click

from scheduler.cli import confirm, database, exits, telling
from scheduler.cli.frame import CampaignCommand
from scheduler.cli.options import Session, common
from scheduler.cli.output import Span
from scheduler.cli.wording import count
from scheduler.delivery import State
from scheduler.errors import AttentionError, SchedulerError

if TYPE_CHECKING:
    from scheduler.operations.settler import Answer, Settler
    from scheduler.operations.settling import Unsettled
    from scheduler.store.database import Store

_STYLES = {"sent": "good", "not sent": "warning", "open": "faint", "": "faint"}
_BECAME = {State.SENT: "sent", State.RETRY_WAIT: "to be sent again"}


@dataclass(frozen=True, slots=True)
class Line:
    """A message with what its far end showed: `found` is sent, not sent or open, empty where nobody answered.

    `answer` is what may settle it; `look_at` is when it is asked again by itself, None when a person decides.
    """

    one: Unsettled
    found: str
    words: str
    answer: Answer | None = None
    look_at: datetime | None = None

    @property
    def tells(self) -> bool:
        """Whether it is evident what became of the message."""
        return self.answer is not None and self.answer.tells


@click.command(
    "reconcile",
    cls=CampaignCommand,
    examples=(
        ("campaign reconcile", "look it up, then settle what is evident"),
        ("campaign reconcile --yes --json", "without a question, for a program"),
        ("campaign reconcile 17 --sent --note 'she has it'", "your word, where nothing tells"),
        ("campaign reconcile 17 --not-sent --note 'not there'", "sent again, with the same key"),
    ),
)
@click.argument("name", required=False, metavar="[NAME|MESSAGE]", help="One campaign, campaign/touch, or message.")
@click.option("--yes", "-y", is_flag=True, help="Settle what is evident without asking.")
@click.option("--sent", is_flag=True, help="You know that this message went.")
@click.option("--not-sent", is_flag=True, help="You know that it did not: it is sent again.")
@click.option("--give-up", is_flag=True, help="It did not go, and shall not go any more.")
@click.option("--note", default="", metavar="TEXT", help="How you know; kept with the message and in the audit trail.")
@click.option("--show-contacts", is_flag=True, help="Addresses and numbers in full.")
@database.option
@common
def command(
    session: Session,
    *,
    name: str | None,
    yes: bool,
    sent: bool,
    not_sent: bool,
    give_up: bool,
    note: str,
    show_contacts: bool,
    url: str | None,
) -> int:
    """Find out what became of messages nobody knows the outcome of; code 3 while some of them wait for you.

    Channels that can look at their far end are asked; what is evident is settled, with the evidence.
    """
    said = [word for word, given in (("sent", sent), ("not sent", not_sent), ("given up", give_up)) if given]
    message = _number(name)
    if len(said) > 1:
        raise click.UsageError("--sent, --not-sent and --give-up exclude each other: choose one")
    if said and message is None:
        raise click.UsageError("say which message: campaign reconcile MESSAGE --sent, with its number of the list")
    if said and not note.strip():
        raise click.UsageError("say how you know: --note TEXT")
    if note and not said:
        raise click.UsageError("--note goes with --sent, --not-sent or --give-up")
    with database.opened(session, url) as store:
        if said and message is not None:
            _say(session, store, message, said[0], note.strip())
            return exits.DONE
        chosen = _chosen(store, name, message)
        if not chosen:
            _nothing(session)
            return exits.DONE
        return asyncio.run(_with_channels(session, store, chosen, yes=yes, show=show_contacts))


def _number(name: str | None) -> int | None:
    """Return the number of a message, `17` or `#17`; None for what names a campaign."""
    digits = (name or "").removeprefix("#")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 19 else None


def _chosen(store: Store, name: str | None, message: int | None) -> list[Unsettled]:
    from scheduler.cli.log import named
    from scheduler.operations import settling, watching

    if message is not None:
        found = [one for one in settling.unsettled(store) if one.record.id == message]
        if not found:
            raise _not_unknown(store, message)
        return found
    campaign, touch = named(name, watching.zones(store))
    return settling.unsettled(store, campaign=campaign, touch=touch)


def _not_unknown(store: Store, message: int) -> SchedulerError:
    from scheduler.operations import settling

    state = settling.state_of(store, message)
    what = "is not there" if state is None else f"is {state}, not unknown"
    return SchedulerError(f"message {message} {what}", remedy="see what is unknown: campaign reconcile")


# --- a person's word --------------------------------------------------------------------------------------------------


def _say(session: Session, store: Store, message: int, said: str, note: str) -> None:
    """Settle one message by what a person knows."""
    from scheduler.catalog import Catalog
    from scheduler.operations import settling

    now, who = telling.now(session, store), database.who()
    settled = settling.settle_unknown(
        store,
        Catalog(),
        message,
        went=said == "sent",
        again=said == "not sent",
        reason=f"{who} says {said}: {note}",
        now=now,
        who=who,
    )
    if not settled:
        raise _not_unknown(store, message)
    state = settling.state_of(store, message)
    if session.json:
        session.screen.json({"message": message, "state": state})
        return
    became = {State.SENT: "is noted as sent", State.RETRY_WAIT: "is sent again", State.FAILED: "is given up"}
    session.screen.line(f"Message {message} {became.get(state, f'is {state}') if state else 'is gone'}.")


# --- what far ends show -----------------------------------------------------------------------------------------------


async def _with_channels(session: Session, store: Store, chosen: Sequence[Unsettled], *, yes: bool, show: bool) -> int:
    """Do it with the channels of this project."""
    from scheduler import bootstrap
    from scheduler.clock import SystemClock

    clock = SystemClock() if session.now_text is None else session.clock(telling.zone_of(store))
    system = bootstrap.live(store, database.settings(session), clock=clock)
    try:
        return await reconcile(session, store, system.settler, chosen, clock.now(), yes=yes, show=show)
    finally:
        for channel in system.channels.values():
            await channel.close()
        await system.renderer.close()
        system.writer.close()


async def reconcile(
    session: Session,
    store: Store,
    settler: Settler,
    chosen: Sequence[Unsettled],
    now: datetime,
    *,
    yes: bool,
    show: bool = False,
) -> int:
    """Ask what can be asked now, show what was found, settle what is evident; return the exit code."""
    from scheduler.operations import watching

    zones = watching.zones(store)
    lines = await _ask(store, settler, chosen, now, zones)
    evident = [line for line in lines if line.tells]
    settled: dict[int, State] = {}
    refused: AttentionError | None = None
    if not session.json and not session.plain:
        _screen(session, lines, zones, show=show)
    if evident:
        try:
            confirm.yes(session, f"Settle {count(len(evident), 'message')} so?", given=yes)
        except AttentionError as error:
            refused = error
        else:
            settled = await _settle(settler, evident)
    left = [line for line in lines if not line.tells and line.look_at is None]
    if session.json:
        session.screen.json(_document(lines, settled, zones, show=show))
    elif session.plain:
        session.screen.rows([_row(line, settled, zones, show=show) for line in lines])
    else:
        _close(session, settled, left)
    if refused is not None:
        raise refused
    return exits.ATTENTION if left else exits.DONE


async def _ask(
    store: Store, settler: Settler, chosen: Sequence[Unsettled], now: datetime, zones: Mapping[str, str]
) -> list[Line]:
    from scheduler.operations import settling

    channels = settler.channels
    asked: dict[int, Answer] = {}
    early: dict[int, datetime] = {}
    for one in chosen:
        question = one.question
        channel = channels.get(question.channel)
        if channel is None:
            continue
        may_at = question.ended_at + channel.settles_after
        if may_at > now:
            early[question.delivery] = may_at
        elif (answer := await settler.ask(channel, question)) is not None:
            asked[question.delivery] = answer
    fresh = {one.record.id: one.question for one in settling.unsettled(store)}
    lines = []
    for one in chosen:
        number = one.record.id
        question = fresh.get(number, one.question)
        if number not in fresh:
            lines.append(Line(one, "", "settled meanwhile: campaign log", look_at=now))
        elif question.channel not in channels:
            lines.append(Line(one, "", f"{question.channel} cannot be asked here"))
        elif number in early:
            when = telling.told(early[number], zones.get(one.record.campaign))
            lines.append(Line(one, "", f"{question.channel} can tell from {when} on", look_at=early[number]))
        else:
            # Asked just now; by another process where it is not ours.
            lines.append(Line(one, question.found, question.words, asked.get(number), question.next_at))
    return lines


async def _settle(settler: Settler, evident: Sequence[Line]) -> dict[int, State]:
    settled = {}
    for line in evident:
        assert line.answer is not None
        state = await settler.settle(line.answer, who=database.who())
        if state is not None:
            settled[line.one.record.id] = state
    return settled


# --- how it is told ---------------------------------------------------------------------------------------------------


def _nothing(session: Session) -> None:
    if session.json:
        session.screen.json({"unknown": [], "settled": {}, "left": 0})
    elif not session.plain:
        session.screen.line("every message is known to have gone, or not")


def _screen(session: Session, lines: Sequence[Line], zones: Mapping[str, str], *, show: bool) -> None:
    screen = session.screen
    screen.line(f"{count(len(lines), 'message')} may or may not have gone")
    for line in lines:
        record = line.one.record
        zone = zones.get(record.campaign)
        screen.line("")
        screen.line(
            Span(f"{record.id:>5}  ", "strong"),
            f"{telling.told(line.one.question.started_at, zone)}  {record.campaign}/{record.touch}",
            Span(f"  {record.channel} {_who(line, show)}".rstrip(), "faint"),
        )
        if record.reason:
            screen.paragraph("       ", Span(record.reason, "faint"), indent=7)
        found = line.found or "not known"
        again = ""
        if not line.tells and line.found == "open" and line.look_at is not None:
            again = f"; looked up again {telling.told(line.look_at, zone)}"
        provider_id = _provider_id(line)
        name = f", {provider_id}" if provider_id else ""
        screen.paragraph(
            "       ", Span(found, _STYLES.get(line.found, "warning")), f": {line.words}{name}{again}", indent=7
        )
    screen.line("")


def _close(session: Session, settled: Mapping[int, State], left: Sequence[Line]) -> None:
    screen = session.screen
    numbers = Counter(_BECAME.get(state, state.value) for state in settled.values())
    done = ", ".join(f"{number} {word}" for word, number in numbers.items())
    waits = f"{count(len(left), 'message waits', 'messages wait')} for you" if left else ""
    screen.line(". ".join(part for part in (f"Settled: {done}" if done else "", waits) if part) or "nothing is settled")
    if left:
        first = left[0].one.record.id
        screen.steps(
            [
                (f"campaign reconcile {first} --sent --note TEXT", "you know that it went"),
                (f"campaign reconcile {first} --not-sent --note TEXT", "you know that it did not"),
            ]
        )


def _row(line: Line, settled: Mapping[int, State], zones: Mapping[str, str], *, show: bool) -> list[object]:
    record = line.one.record
    at = telling.local(line.one.question.started_at, zones.get(record.campaign)).isoformat()
    state = settled.get(record.id, State.UNKNOWN).value
    who = _who(line, show)
    return [record.id, at, record.campaign, record.touch, record.channel, who, state, line.found, line.words]


def _document(
    lines: Sequence[Line], settled: Mapping[int, State], zones: Mapping[str, str], *, show: bool
) -> dict[str, object]:
    return {
        "unknown": [_one(line, settled, zones, show=show) for line in lines],
        "settled": Counter(state.value for state in settled.values()),
        "left": sum(not line.tells and line.look_at is None for line in lines),
    }


def _one(line: Line, settled: Mapping[int, State], zones: Mapping[str, str], *, show: bool) -> dict[str, object]:
    record = line.one.record
    zone = zones.get(record.campaign)
    return {
        "message": record.id,
        "campaign": record.campaign,
        "edition": record.edition,
        "touch": record.touch,
        "channel": record.channel,
        "contact": _who(line, show) or None,
        "attempted_at": telling.local(line.one.question.started_at, zone),
        "reason": record.reason,
        "found": line.found or None,
        "evidence": line.words,
        "provider_id": _provider_id(line) or None,
        "look_at": None if line.tells or line.look_at is None else telling.local(line.look_at, zone),
        "state": settled.get(record.id, State.UNKNOWN).value,
    }


def _provider_id(line: Line) -> str:
    evidence = line.answer.evidence if line.answer is not None else None
    return "" if evidence is None else evidence.provider_id


def _who(line: Line, show: bool) -> str:
    return telling.masked(line.one.record.email or line.one.record.phone, show=show)
