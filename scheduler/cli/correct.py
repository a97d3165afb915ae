"""`campaign correct`: what was sent of a touch, and a correction to exactly those who were sent the wrong words."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from campaigns.definition import OF_CHANNEL, POSTS
from scheduler.cli import apply, correct_screen, database, exits, refusal
from scheduler.cli import review as reviews
from scheduler.cli.apply import Seen
from scheduler.cli.frame import CampaignCommand
from scheduler.cli.options import Session, common
from scheduler.cli.output import Span
from scheduler.cli.review import Choice
from scheduler.errors import SchedulerError

if TYPE_CHECKING:
    from campaigns.definition import Campaign, Corrects, Touch
    from scheduler.operations.correcting import Reach, Report, SentVersion
    from scheduler.operations.watching import InForce
    from scheduler.project import LoadedCampaign
    from scheduler.store.database import Store


@dataclass(frozen=True, slots=True)
class Words:
    """What the correction says, and which words it corrects, as asked for on the command line."""

    subject: str | None
    text: str | None
    template: str | None
    versions: tuple[str, ...]
    since: str | None
    before: str | None
    touch_id: str | None
    at_once: bool

    @property
    def says(self) -> bool:
        """Whether there is anything to say."""
        return any((self.subject, self.text, self.template))


@click.command(
    "correct",
    cls=CampaignCommand,
    examples=(
        ("campaign correct spring/offer", "what was sent, and who can be told"),
        ("campaign correct spring/offer --subject Sorry --text 'It is SPRING'", "tell them"),
        ("campaign correct spring/offer --version 1a2b3c4d --text TEXT", "one of several wordings"),
        ("campaign correct spring/sms --before 2027-02-01 --text TEXT", "what went until then"),
    ),
)
@click.argument("name", metavar="CAMPAIGN/TOUCH", help="The touch whose words were wrong.")
@click.option("--subject", metavar="TEXT", help="Subject of the correcting mail.")
@click.option("--text", metavar="TEXT", help="What the correction says.")
@click.option("--template", metavar="FILE", help="A template that says it, instead of --text.")
@click.option("--version", "versions", metavar="V", multiple=True, help="Only what had these words (may be repeated).")
@click.option("--since", metavar="WHEN", help="Only what began to go at this moment or later.")
@click.option("--before", metavar="WHEN", help="Only what began to go before this moment.")
@click.option("--id", "touch_id", metavar="ID", help="Id of the correcting touch (default: TOUCH-correction).")
@click.option("--at-once", is_flag=True, help="Let it go beside other marketing of the day: no cap holds it back.")
@click.option("--yes", is_flag=True, help="Do not ask before writing and applying it.")
@click.option("--confirm", "names", metavar="NAME", multiple=True, help="As in apply, where the file changes more.")
@database.option
@common
def command(
    session: Session,
    *,
    name: str,
    subject: str | None,
    text: str | None,
    template: str | None,
    versions: tuple[str, ...],
    since: str | None,
    before: str | None,
    touch_id: str | None,
    at_once: bool,
    yes: bool,
    names: tuple[str, ...],
    url: str | None,
) -> int:
    """Show what was sent of a touch; with words, write its correction into the file and apply it, after a yes."""
    from scheduler.catalog import Catalog
    from scheduler.operations import correcting

    words = Words(subject, text, template, versions, since, before, touch_id, at_once)
    if text is not None and template is not None:
        raise click.UsageError("--text and --template are two ways to say it: choose one")
    if not words.says and (versions or since or before or touch_id or at_once or yes):
        raise click.UsageError("say what the correction says: --text (and --subject for a mail), or --template")
    campaign, slash, touch = name.rpartition("/")
    if not slash or not campaign or not touch:
        raise click.UsageError(f"write {name!r} as CAMPAIGN/TOUCH, such as spring/offer-email")
    choice = reviews.chosen(session, (campaign,))[0]
    loaded = session.project.load(choice.path)
    with database.opened(session, url) as store:
        report = correcting.report(store, Catalog(), loaded.campaign.id, touch)
        if words.says:
            return _correct(session, store, choice, loaded, report, words, yes=yes, names=names)
    if session.json:
        session.screen.json(correct_screen.document(report))
    elif session.plain:
        session.screen.rows(_row(one) for one in report.versions)
    else:
        correct_screen.write(session, report)
        correct_screen.next_steps(session, report)
    return exits.DONE


def _row(one: SentVersion) -> Sequence[object]:
    when = one.first_at.isoformat(), one.last_at.isoformat()
    return (
        one.version,
        one.touch,
        one.channel,
        *when,
        one.sent,
        one.unknown,
        one.reach.people,
        one.reach.left,
        one.words,
    )


def _correct(
    session: Session,
    store: Store,
    choice: Choice,
    loaded: LoadedCampaign,
    report: Report,
    words: Words,
    *,
    yes: bool,
    names: tuple[str, ...],
) -> int:
    """Show the correction and its plan; after a yes write it into the file and apply it."""
    from scheduler.catalog import Catalog
    from scheduler.operations import correcting

    touch = _touch(loaded.campaign, report, words)
    versions = _versions(report, words)
    corrects: dict[str, object] = {"touch": report.touch}
    if versions:
        corrects["version"] = versions[0] if len(versions) == 1 else list(versions)
    corrects |= {key: value for key, value in (("since", words.since), ("before", words.before)) if value}
    said = _read(corrects)
    reach = correcting.reach(store, Catalog(), report.campaign, said, [report.touch])
    if not reach.left:
        told = "; ".join(correct_screen.reach_lines(reach))
        remedy = f"campaign correct {report.campaign}/{report.touch} shows who was sent what"
        raise SchedulerError(f"nobody is left to tell: {told}", remedy=remedy)
    entry = _entry(loaded.campaign, touch, corrects, words)
    changed, place = _written(session, loaded, touch, entry)
    seen = Seen(reviews.review_in(session, store, choice, changed), _before(store, report.campaign))
    refusal.refuse([seen.review])
    added = changed.text.splitlines()[place[0] - 1 : place[0] - 1 + place[1]]
    if not session.json:
        _show(session, choice, seen, added, place[0], reach)
    apply.ask(session, seen, yes=yes, names=names, budget=None)
    _save(loaded, changed)
    applied = apply.put_in_force(store, seen, first=True, budget=None)
    if session.json:
        session.screen.json(
            {
                "corrects": corrects,
                "touch": entry["id"],
                "file": str(choice.path),
                "line": place[0],
                "added": "\n".join(added) + "\n",
                **correct_screen.reach_document(reach),
                "applied": apply.document(seen, applied),
            }
        )
    else:
        session.screen.line(Span("Written ", "strong"), f"{choice.path}:{place[0]}: {entry['id']}")
        apply.tell(session, store, [seen], [applied])
    return exits.DONE


def _read(corrects: dict[str, object]) -> Corrects:
    """Check which words are meant. Raises: click.UsageError for what cannot be read."""
    from pydantic import ValidationError

    from campaigns.definition import Corrects, UnreadableError

    try:
        return Corrects.model_validate(corrects)
    except ValidationError as error:
        found = error.errors()[0]
        why = found.get("ctx", {}).get("error")
        said = f"{why.message} - {why.remedy}" if isinstance(why, UnreadableError) else found["msg"]
        raise click.UsageError(f"--{found['loc'][0]}: {said}") from None


def _before(store: Store, campaign: str) -> InForce | None:
    from scheduler.operations import watching

    return watching.in_force(store, campaign)


def _touch(campaign: Campaign, report: Report, words: Words) -> Touch:
    """Return the touch of the file that is corrected. Raises: SchedulerError where nobody can be told by a message."""
    found = [
        touch
        for _, touch in campaign.touches()
        if touch.id == report.touch or touch.id.startswith(f"{report.touch}{OF_CHANNEL}")
    ]
    if not found:
        remedy = "put it back (`in_flight: drain` keeps it from taking in anybody new), then correct it"
        raise SchedulerError(f"{report.touch!r} is no longer in {campaign.source}", remedy=remedy)
    people = [touch for touch in found if touch.channel[0] not in POSTS]
    if not people:
        network = found[0].channel[0]
        raise SchedulerError(
            f"{report.touch} is a post on {network}: nobody knows who read it, so nobody can be told",
            remedy=f"campaign correct {report.campaign}/{report.touch} shows where it stands and what can be done",
        )
    if words.subject is None and words.template is None and any(touch.channel[0] == "email" for touch in people):
        raise click.UsageError("a mail needs a subject: --subject")
    return people[0]


def _versions(report: Report, words: Words) -> tuple[str, ...]:
    """Return the versions that are meant: those named, else the only one that an edit has mended."""
    known = {one.version for one in report.versions}
    if strange := [one for one in words.versions if one not in known]:
        remedy = f"these were: {', '.join(one.version for one in report.versions)}" if known else "nothing was sent"
        raise SchedulerError(f"no version {strange[0]!r} of {report.touch} was sent", remedy=remedy)
    if words.versions or words.since or words.before:
        return words.versions
    wrong = list(dict.fromkeys(one.version for one in report.wrong if one.reach.people))
    by_touch = {one.touch for one in report.wrong if one.reach.people}
    if len(wrong) > max(len(by_touch), 1):
        raise SchedulerError(
            f"several wordings of {report.touch} went that do not go any more: {', '.join(wrong)}",
            remedy="say which were wrong: --version, once for each",
        )
    if not wrong:
        raise SchedulerError(
            f"what was sent of {report.touch} is what still goes",
            remedy="mend the file and apply it first, or say which words were wrong: --version, --since or --before",
        )
    return tuple(wrong)


def _entry(campaign: Campaign, touch: Touch, corrects: dict[str, object], words: Words) -> dict[str, object]:
    """Return the correcting touch as it is written into the file, by the keys of its touch where they belong to it."""
    base = touch.id.partition(OF_CHANNEL)[0]
    taken = {one.id.partition(OF_CHANNEL)[0] for _, one in campaign.touches()}
    names = [f"{base}-correction", *(f"{base}-correction-{number}" for number in range(2, 1000))]
    channels = [
        one.channel[0]
        for _, one in campaign.touches()
        if one.id.partition(OF_CHANNEL)[0] == base and one.channel[0] not in POSTS
    ]
    entry: dict[str, object] = {
        "id": words.touch_id or next(name for name in names if name not in taken),
        "channel": channels[0] if len(channels) == 1 else channels,
        "corrects": corrects,
        "subject": words.subject,
        "text": words.text,
        "template": words.template,
        "layout": touch.layout,
        "approval": touch.approval if touch.approval == "required" else None,
        "courtesy": {"caps": "none", "min_gap": "none"} if words.at_once else None,
    }
    return {key: value for key, value in entry.items() if value is not None}


def _written(
    session: Session, loaded: LoadedCampaign, touch: Touch, entry: dict[str, object]
) -> tuple[LoadedCampaign, tuple[int, int]]:
    """Return the campaign with the correction in its file, not written yet, and from which line on how many it takes.

    Raises: CampaignError where it cannot be added, DefinitionError for what it says wrongly.
    """
    from campaigns.loader import insertion

    text, line, length = insertion.with_touch(loaded.text, touch.id, entry, source=str(loaded.path))
    mark = b"\xef\xbb\xbf" if loaded.path.read_bytes().startswith(b"\xef\xbb\xbf") else b""
    changed = session.project.read(loaded.path, mark + text.encode())
    kept = [one for _, one in changed.campaign.touches() if one.id.partition(OF_CHANNEL)[0] != entry["id"]]
    if kept != [one for _, one in loaded.campaign.touches()]:
        raise SchedulerError(
            f"the correction cannot be added to {loaded.path} without changing what stands there",
            remedy="add it by hand: " + insertion.flow(entry),
        )
    return changed, (line, length)


def _show(session: Session, choice: Choice, seen: Seen, added: Sequence[str], line: int, reach: Reach) -> None:
    screen = session.screen
    screen.line(f"{choice.path}:{line}")
    for one in added:
        screen.line(Span(f"+ {one}".rstrip(), "add"))
    screen.line()
    apply.show(session, [seen], None)
    for told in correct_screen.reach_lines(reach):
        screen.paragraph(f"{told[0].upper()}{told[1:]}.")
    if caps := _caps(seen):
        screen.paragraph(f"It waits until the caps leave room ({caps}), at most 3 days; --at-once lets it go now.")


def _caps(seen: Seen) -> str:
    """Return the caps that may hold a new correction back, for it follows a message of the day; empty without any."""
    from campaigns import planner

    campaign = seen.review.loaded.campaign
    new = {change.touch for change in seen.review.changes}
    bound = [
        str(cap)
        for stage, touch in campaign.touches()
        if touch.corrects is not None and touch.id in new
        for cap in planner.courtesy(campaign, stage, touch).caps
        if cap.counts(touch.channel[0])
    ]
    return ", ".join(dict.fromkeys(bound))


def _save(loaded: LoadedCampaign, changed: LoadedCampaign) -> None:
    """Write the file as a whole or not at all, with the rights it had; refuse where somebody changed it meanwhile."""
    import hashlib

    path = loaded.path.resolve()
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != loaded.text_hash:
        raise SchedulerError(f"{loaded.path} was changed meanwhile: nothing was written", remedy="run it again")
    mark = b"\xef\xbb\xbf" if data.startswith(b"\xef\xbb\xbf") else b""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(mark + changed.text.encode())
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(path.stat().st_mode & 0o777)
        Path(name).replace(path)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise SchedulerError(f"cannot write {loaded.path}: {why}", remedy="nothing was applied") from None
