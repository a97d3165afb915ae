"""The dry run on a screen: every message in time order, then the counts and what was withheld and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from campaigns.definition import TASKS
from scheduler.cli import database, exits, refusal, review
from scheduler.cli.options import Session, read_moment
from scheduler.cli.output import Cell, Screen, Span, clipped, display_width
from scheduler.cli.telling import local
from scheduler.cli.wording import count, moment
from scheduler.delivery import State

if TYPE_CHECKING:
    from scheduler.contacts_csv import ContactsFile
    from scheduler.project import LoadedCampaign
    from scheduler.rehearsal import Rehearsal, RehearsedMessage

_WITHHELD = (State.SUPPRESSED, State.EXPIRED, State.CANCELLED, State.HELD, State.FAILED, State.UNKNOWN)
_BAD = (State.FAILED, State.UNKNOWN)
_INDENT = " " * 18
_LONGEST_LINE = 66
_REFUSED_SHOWN = 3


def run(
    session: Session,
    files: Sequence[str],
    *,
    contacts: Path | None = None,
    events: Path | None = None,
    start: str | None = None,
    until: str | None = None,
    seed: int = 0,
    outbox: Path | None = None,
) -> int:
    """Rehearse campaign files and show what would happen; a message that fails ends with code 1.

    Raises: DefinitionError with every mistake of the campaigns and the events.
    """
    from scheduler import contacts_csv, events_file, rehearsal
    from scheduler.errors import SchedulerError

    choices = review.chosen(session, files)
    loaded = review.load_all(session, choices)
    _refuse_twice(loaded)
    zone = loaded[0].campaign.zone
    now = session.now(zone)
    public = database.public_url(session)
    refusal.refuse(
        review.review_of_file(choice, one, now, public_url=public) for choice, one in zip(choices, loaded, strict=True)
    )
    begins = read_moment(start, zone) if start else rehearsal.start_of(loaded, now)
    ends = read_moment(until, zone) if until else None
    if ends is not None and ends < begins:
        raise click.BadParameter(
            f"{until!r} lies before the start of the rehearsal, {moment(local(begins, zone), year=True)}",
            param_hint="--until",
        )
    people = None
    if contacts is not None:
        file = contacts_csv.read(contacts, country=loaded[0].campaign.country)
        _warn_of_refused(session.screen, file)
        people = file.people
    played = None
    if events is not None:
        played = events_file.read_file(events, zone=zone, start=local(begins, zone).date())
    result = rehearsal.rehearse(loaded, contacts=people, events=played, start=begins, until=ends, seed=seed)
    if outbox is not None:
        try:
            rehearsal.write_outbox(result, outbox)
        except OSError as error:
            raise SchedulerError(f"cannot write to {outbox}: {(error.strerror or str(error)).lower()}") from None
    _show(session, choices, loaded, result, outbox)
    return exits.FAILED if any(message.state in _BAD for message in result.messages) else exits.DONE


def _refuse_twice(loaded: Sequence[LoadedCampaign]) -> None:
    """Check that no two files are the same campaign."""
    from scheduler.errors import SchedulerError

    seen: dict[str, Path] = {}
    for one in loaded:
        if one.campaign.id in seen:
            raise SchedulerError(
                f"{seen[one.campaign.id]} and {one.path} are both the campaign {one.campaign.id!r}",
                remedy="give each its own `campaign:`",
            )
        seen[one.campaign.id] = one.path


def _warn_of_refused(screen: Screen, file: ContactsFile) -> None:
    for refused in file.refused[:_REFUSED_SHOWN]:
        screen.warn(Span("! ", "warning"), f"{file.path}:{refused.line}: {refused.reason}; left out")
    if len(file.refused) > _REFUSED_SHOWN:
        screen.warn(f"  and {len(file.refused) - _REFUSED_SHOWN} more rows: campaign contacts import --dry-run")


def document(message: RehearsedMessage) -> dict[str, object]:
    """Return one message in the keys of the contract."""
    content = message.content
    return {
        "at": message.at,
        "campaign": message.campaign,
        "touch": message.touch,
        "stage": message.stage,
        "channel": message.channel,
        "by_hand": message.by_hand,
        "contact": message.contact,
        "state": message.state.value,
        "reason": message.reason,
        "subject": content.subject or None if content else None,
        "text": content.text if content else None,
        "html": content.html if content else None,
    }


def _show(
    session: Session,
    choices: Sequence[review.Choice],
    loaded: Sequence[LoadedCampaign],
    result: Rehearsal,
    outbox: Path | None,
) -> None:
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
    _blocks(screen, result, [message for message in result.messages if message.state not in _WITHHELD], loaded)
    _tally(screen, result, withheld, loaded)
    if outbox is not None:
        screen.say(f"every message is a file in {outbox}: open {outbox / 'index.html'}")
    screen.steps(_steps(choices, loaded, result))


def _steps(
    choices: Sequence[review.Choice], loaded: Sequence[LoadedCampaign], result: Rehearsal
) -> list[tuple[str, str]]:
    steps = [(f"campaign apply {' '.join(choice.argument for choice in choices)}", "put it on the schedule")]
    first = next((message for message in result.messages if message.content is not None), None)
    if first is not None:
        owner = next(n for n, one in enumerate(loaded) if one.campaign.id == first.campaign)
        name = choices[owner].touch(first.campaign, first.touch)
        steps.insert(0, (f"campaign preview {name}", "read a message whole"))
    return steps


def _heading(screen: Screen, loaded: Sequence[LoadedCampaign], result: Rehearsal) -> None:
    names = ", ".join(one.campaign.title or one.campaign.id for one in loaded)
    who = count(result.people, "persona" if result.personas else "contact")
    zones = " and ".join(dict.fromkeys(one.campaign.zone for one in loaded))
    screen.line(Span(f"Rehearsal of {names}", "title"), ": nothing is sent")
    screen.line(f"{moment(result.starts_at, year=True)} to {moment(result.ends_at, year=True)} · {zones} · {who}")
    screen.line("")


def _blocks(
    screen: Screen, result: Rehearsal, messages: Sequence[RehearsedMessage], loaded: Sequence[LoadedCampaign]
) -> None:
    """Write a block for each message that would go: when, by what, to whom; what it says; why then."""
    several = len(loaded) > 1
    names = {id(one): f"{one.campaign}/{one.touch}" if several else one.touch for one in messages}
    wide = max((display_width(name) for name in names.values()), default=0)
    channel = max((len(one.way) for one in messages), default=0)
    year = result.starts_at.year if result.starts_at.year == result.ends_at.year else None
    own_zones = {one.campaign.id for one in loaded if one.campaign.timezone == "contact"}
    for message in messages:
        if message.at.year != year:
            year = message.at.year
            screen.line(Span(str(year), "faint"))
        name = names[id(message)]
        screen.line(
            Span(f"{moment(message.at, align=True)}  ", "strong"),
            f"{message.way:<{channel}}  ",
            Span(name + " " * (wide - display_width(name)), "command"),
            f"  {message.contact or ('the shop' if message.channel in TASKS else 'everybody')}{_form(message)}",
            Span(_own_time(message) if message.campaign in own_zones else "", "faint"),
        )
        if headline := _headline(message):
            screen.line(_INDENT, headline)
        for file, alt in message.content.media if message.content else ():
            screen.line(_INDENT, Span(clipped(f"{file}  {alt}".rstrip(), _LONGEST_LINE), "faint"))
        if message.reason:
            screen.paragraph(_INDENT, Span(message.reason, "faint"), indent=len(_INDENT))


def _form(message: RehearsedMessage) -> str:
    """Return what a post is posted as, where the campaign says it."""
    form = message.message.post_as if message.message is not None else ""
    return f", as a {form}" if form else ""


def _own_time(message: RehearsedMessage) -> str:
    """Return the person's own time of day where it is another than the campaign's."""
    contact = message.message.facts.get("contact") if message.message is not None else None
    zone = contact.get("timezone") if isinstance(contact, dict) else None
    if not zone:
        return ""
    own = local(message.at, str(zone))
    return "" if own.utcoffset() == message.at.utcoffset() else f"  ({moment(own)} {zone})"


def _headline(message: RehearsedMessage) -> str:
    """The subject, else the first words."""
    if message.content is None:
        return ""
    if message.content.subject:
        return message.content.subject
    line = next((line.strip() for line in message.content.text.splitlines() if line.strip()), "")
    return clipped(line, _LONGEST_LINE)


def _tally(
    screen: Screen, result: Rehearsal, withheld: Sequence[RehearsedMessage], loaded: Sequence[LoadedCampaign]
) -> None:
    screen.line("")
    counts = result.counts()
    rows: list[list[Cell]] = [
        [channel, ", ".join(f"{counts[channel, state]} {state.value}" for state in State if counts[channel, state])]
        for channel in sorted({channel for channel, _ in counts})
    ]
    screen.columns(rows or [["nothing would go"]])
    if withheld:
        screen.line("")
        screen.line("Not sent, and why")
        reasons = Counter((message.touch, message.state, message.reason) for message in withheld)
        table: list[list[Cell]] = [
            [
                f"{number:>4}",
                touch,
                Span(state.value, "error" if state in _BAD else "warning"),
                Span(reason, "faint"),
            ]
            for (touch, state, reason), number in reasons.items()
        ]
        screen.columns(table)
    if result.silent:
        screen.line("")
        screen.paragraph("No event started ", Span(", ".join(result.silent), "faint"), indent=2)
    corrections = [touch.id for one in loaded for _, touch in one.campaign.touches() if touch.corrects is not None]
    if corrections:
        screen.line("")
        names = Span(", ".join(corrections), "faint")
        screen.paragraph("Nobody was sent wrong words here, so nothing corrects them: ", names, indent=2)
    sent = sum(message.state is State.SENT for message in result.messages)
    screen.line("")
    screen.line(
        Span("Rehearsed: ", "strong"),
        f"{count(sent, 'message')} would go, {len(withheld)} withheld. Nothing has been sent.",
    )
