"""The dry run on a screen: every message in time order, then the counts and what was withheld and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from scheduler.cli import exits, findings, review
from scheduler.cli.options import Session, read_moment
from scheduler.cli.output import Screen, Span
from scheduler.cli.wording import count, moment
from scheduler.delivery import State

if TYPE_CHECKING:
    from scheduler.project import LoadedCampaign
    from scheduler.rehearsal import Rehearsal, RehearsedMessage

_WITHHELD = (State.SUPPRESSED, State.EXPIRED, State.CANCELLED, State.HELD, State.FAILED, State.UNKNOWN)


def run(
    session: Session,
    files: Sequence[str],
    *,
    contacts: Path | None,
    events: Path | None,
    start: str | None,
    until: str | None,
    seed: int,
    outbox: Path | None,
) -> int:
    """Rehearse campaign files and show what would happen; a message that fails ends with code 1."""
    from scheduler import contacts_csv, events_file, rehearsal
    from scheduler.operations import applying

    choices = review.chosen(session, files)
    loaded = [session.project.load(choice.path) for choice in choices]
    zone = loaded[0].campaign.zone
    now = session.now(zone)
    refused = False
    for choice, one in zip(choices, loaded, strict=True):
        found = review.review_of_file(choice, one, now).findings
        if errors := applying.refusals(one.campaign, found):
            findings.show(session.screen, errors)
            refused = True
    if refused:
        return exits.FAILED
    begins = read_moment(start, zone) if start else rehearsal.start_of(loaded, now)
    people = None
    if contacts is not None:
        people = contacts_csv.read(contacts, country=loaded[0].campaign.country).people
    played = None
    if events is not None:
        from campaigns.timing import zones

        with events.open(encoding="utf-8-sig") as lines:
            played = events_file.read(lines, source=str(events), zone=zone, start=zones.local(begins, zone).date())
    result = rehearsal.rehearse(
        loaded,
        contacts=people,
        events=played,
        start=begins,
        until=read_moment(until, zone) if until else None,
        seed=seed,
    )
    if outbox is not None:
        rehearsal.write_outbox(result, outbox)
    _show(session, choices, loaded, result)
    failed = any(message.state is State.FAILED for message in result.messages)
    return exits.FAILED if failed else exits.DONE


def _show(session: Session, choices: Sequence[review.Choice], loaded: Sequence[LoadedCampaign], result: Rehearsal) -> None:
    screen = session.screen
    if session.json:
        for message in result.messages:
            screen.record(document(message))
        return
    if session.plain:
        screen.rows(
            [
                [m.at.isoformat(), m.campaign, m.touch, m.channel, m.contact, m.state.value, _headline(m), m.reason]
                for m in result.messages
            ]
        )
        return
    _heading(screen, loaded, result)
    withheld = [message for message in result.messages if message.state in _WITHHELD]
    for message in result.messages:
        if message.state not in _WITHHELD:
            _block(screen, message, several=len(loaded) > 1)
    _tally(screen, result, withheld)
    first = next((message for message in result.messages if message.content is not None), None)
    steps = [(f"campaign apply {choices[0].argument}", "put it on the schedule")]
    if first is not None:
        name = choices[0].touch(first.campaign, first.touch)
        steps.insert(0, (f"campaign preview {name}", "read a message whole"))
    screen.steps(steps)


def document(message: RehearsedMessage) -> dict[str, object]:
    """Return one message in the keys of the contract."""
    return {
        "at": message.at,
        "campaign": message.campaign,
        "touch": message.touch,
        "stage": message.stage,
        "channel": message.channel,
        "contact": message.contact,
        "state": message.state.value,
        "reason": message.reason,
        "subject": message.content.subject if message.content else None,
        "text": message.content.text if message.content else None,
        "html": message.content.html if message.content else None,
    }


def _heading(screen: Screen, loaded: Sequence[LoadedCampaign], result: Rehearsal) -> None:
    names = ", ".join(one.campaign.title or one.campaign.id for one in loaded)
    who = count(result.people, "persona" if result.personas else "contact")
    screen.line(Span(f"Rehearsal of {names}", "title"))
    screen.line(
        f"{moment(result.starts_at, year=True)} to {moment(result.ends_at, year=True)} · {result.zone} · {who} · "
        "nothing is sent"
    )
    if result.silent:
        screen.line(Span("no event started ", "faint"), Span(", ".join(result.silent), "faint"))
    screen.line("")


def _block(screen: Screen, message: RehearsedMessage, *, several: bool) -> None:
    name = f"{message.campaign}/{message.touch}" if several else message.touch
    screen.line(
        Span(f"{moment(message.at, align=True)}  ", "strong"),
        f"{message.channel:<10} ",
        Span(f"{name:<20} ", "command"),
        message.contact or "everybody",
    )
    screen.line("                  ", _headline(message))
    screen.line("                  ", Span(message.reason, "faint"))


def _headline(message: RehearsedMessage) -> str:
    """The subject, else the first words."""
    if message.content is None:
        return ""
    if message.content.subject:
        return message.content.subject
    line = next((line.strip() for line in message.content.text.splitlines() if line.strip()), "")
    return line if len(line) <= 66 else line[:65].rstrip() + "…"


def _tally(screen: Screen, result: Rehearsal, withheld: Sequence[RehearsedMessage]) -> None:
    screen.line("")
    counts = result.counts()
    channels = sorted({channel for channel, _ in counts})
    rows = [
        [channel, *(f"{counts[channel, state]} {state.value}" for state in State if counts[channel, state])]
        for channel in channels
    ]
    screen.columns(rows or [["nothing would go"]])
    if withheld:
        screen.line("")
        screen.line("Not sent, and why")
        reasons = Counter((message.touch, message.state.value, message.reason) for message in withheld)
        screen.columns(
            [
                [f"{number:>4}", touch, state, Span(reason, "faint")]
                for (touch, state, reason), number in reasons.items()
            ]
        )
    sent = sum(message.state is State.SENT for message in result.messages)
    screen.line("")
    screen.line(
        Span("Rehearsed: ", "strong"),
        f"{count(sent, 'message')} would go, {len(withheld)} withheld. Nothing has been sent.",
    )
