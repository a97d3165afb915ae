"""What `plan`, `lint` and `preview` look at together: files chosen, loaded, planned and examined at one moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from campaigns.errors import DefinitionError, Mistake
from campaigns.finding import Finding, Level
from scheduler.cli import database
from scheduler.cli.options import Session
from scheduler.errors import SchedulerError
from scheduler.project import LoadedCampaign

if TYPE_CHECKING:
    from campaigns.diff import Changes
    from campaigns.lint.posting import Posting
    from campaigns.planner import Fatigue
    from campaigns.timeline import Timeline
    from scheduler.contacts_csv.row import ContactRow
    from scheduler.people import PeopleCounts
    from scheduler.store.database import Store
    from scheduler.store.people import Counts
    from scheduler.store.plans import Budget, CampaignRecord


@dataclass(frozen=True)
class Review:
    """One campaign seen from one moment: `generation` names the state of the database, empty where there is none."""

    choice: Choice
    loaded: LoadedCampaign
    now: datetime
    timeline: Timeline
    changes: Changes
    people: PeopleCounts | None
    findings: tuple[Finding, ...] = ()
    generation: str = ""
    revision: int = 0  # the one in force; 0 where this was never applied
    approved: frozenset[str] | None = None  # touches approved with the content they have; None without a database
    cancelled: frozenset[str] = frozenset()  # touches that a person took off the schedule
    paused: frozenset[str] = frozenset()  # touches that wait until they are resumed
    spent: frozenset[str] = frozenset()  # touches with dates to come that reach nobody: all their messages ended
    standing: CampaignRecord | None = None  # what of it is on the schedule; None where this was never applied
    budget: Budget | None = None  # what was authorised so far; None without a limit
    fatigue: Fatigue | None = None  # who would be over a cap; None where nobody was counted
    public_url: str | None = None  # what links in messages stand on
    postings: tuple[Posting, ...] = ()  # posts and SMS as they would go, the personal ones for some readers

    @property
    def failed(self) -> bool:
        """Whether a finding stops `apply`."""
        return any(finding.level is Level.ERROR for finding in self.findings)

    @property
    def is_unchanged(self) -> bool:
        """Whether what is on the schedule is what the file says."""
        return len(self.changes) == 0

    @property
    def is_cancelled(self) -> bool:
        """Whether a person cancelled the campaign: an apply, even of the same file, puts it back on the schedule."""
        return self.standing is not None and self.standing.state == "cancelled"

    @property
    def is_paused(self) -> bool:
        """Whether the campaign as a whole is paused; an apply leaves it so."""
        return self.standing is not None and self.standing.is_paused(self.now)

    def sign(self, touch: str) -> str:
        """Return the mark of a touch in the list: + ~ - = or a blank where it stays as it is."""
        return next((change.action.symbol for change in self.changes if change.touch == touch), " ")


@dataclass(frozen=True, slots=True)
class Choice:
    """A campaign file a command works on; `name` is how it was called, empty when it was simply one of the project."""

    path: Path
    name: str = ""
    looked_up: bool = False

    @property
    def argument(self) -> str:
        """What to write after a command to mean this file again."""
        return self.name or str(self.path)

    def touch(self, campaign: str, touch: str) -> str:
        """Return how to name a touch of it so that a command finds it from here."""
        if not self.name:
            return f"{campaign}/{touch}"
        return f"{Path(self.name).stem if self.looked_up else self.name}/{touch}"


def chosen(session: Session, names: Sequence[str]) -> tuple[Choice, ...]:
    """Return the files named, or all campaign files of the project; a path that was looked up is told.

    Raises: SchedulerError when there is none.
    """
    if not names:
        return _of_the_project(session)
    choices: dict[Path, Choice] = {}
    for name in names:
        located = session.project.search(name)
        if located.looked_up:
            tell_path(session, located.path)
        choices.setdefault(located.path.resolve(), Choice(located.path, name, located.looked_up))
    return tuple(choices.values())


def _of_the_project(session: Session) -> tuple[Choice, ...]:
    project = session.project
    if found := project.campaign_files():
        return tuple(Choice(shown(path)) for path in found)
    if below := project.projects_below():
        names = ", ".join(str(shown(path)) for path in below)
        raise SchedulerError(f"several projects here: {names}", remedy=f"choose one: --project {shown(below[0])}")
    raise SchedulerError(
        f"no campaign file in {project.folder}", remedy="name one (campaign new --list), or start one: campaign new"
    )


def tell_path(session: Session, path: Path) -> None:
    """Say which file is used: on the screen, or on stderr where stdout is for a program."""
    if session.json or session.plain:
        session.screen.say(f"using {path}")
    elif not session.quiet:
        session.screen.line(f"using {path}")


def shown(path: Path) -> Path:
    """Return the path as a person would type it: relative to the present folder where it lies below."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def load_all(session: Session, choices: Sequence[Choice]) -> list[LoadedCampaign]:
    """Load several campaign files, in their order.

    Raises: DefinitionError with every mistake of every file.
    """
    loaded: list[LoadedCampaign] = []
    mistakes: list[Mistake] = []
    for choice in choices:
        try:
            loaded.append(session.project.load(choice.path))
        except DefinitionError as error:
            mistakes += error.mistakes
    if mistakes:
        raise DefinitionError(tuple(mistakes))
    return loaded


def review(session: Session, choice: Choice, *, contacts: Path | None = None, mails: bool = False) -> Review:
    """Load, plan and examine a campaign; the database is asked only where there is one, and never written.

    `mails` has the rules about mails look at them, as personas and some of the contacts get them.

    Raises: DefinitionError with every mistake of the file; CampaignError when it cannot be planned.
    """
    loaded = session.project.load(choice.path)
    now = session.now(loaded.campaign.zone)
    people, fields, telling = _counted(loaded, contacts, now) if contacts else (None, None, None)
    url = database.existing(session)
    if url is None:
        seen, channels = _from_file(choice, loaded, now, people), None
        return _examined(seen, fields, channels, database.public_url(session), mails=mails, people=telling)
    with database.reading(url) as store:
        seen = _from_store(store, choice, loaded, now, people)
    channels, public_url = database.channels(session), database.public_url(session)
    return _examined(seen, fields, channels, public_url, mails=mails, people=telling)


def review_in(session: Session, store: Store, choice: Choice, loaded: LoadedCampaign | None = None) -> Review:
    """Load, plan and examine a campaign against an open database; see `review`.

    `loaded` is what is to stand in the file, where that is not what stands there.
    """
    loaded = loaded or session.project.load(choice.path)
    seen = _from_store(store, choice, loaded, session.now(loaded.campaign.zone), None)
    return _examined(seen, channels=database.channels(session), public_url=database.public_url(session))


def review_of_file(
    choice: Choice,
    loaded: LoadedCampaign,
    now: datetime,
    channels: frozenset[str] | None = None,
    public_url: str | None = None,
) -> Review:
    """Plan and examine a campaign by its file alone, whatever a database knows."""
    return _examined(_from_file(choice, loaded, now, None), channels=channels, public_url=public_url)


def _from_file(choice: Choice, loaded: LoadedCampaign, now: datetime, people: PeopleCounts | None) -> Review:
    from campaigns import diff, planner

    timeline = planner.plan(loaded.campaign, now=now, templates=loaded.templates)
    changes = diff.compare(timeline, loaded.campaign, None)
    return Review(choice, loaded, now, timeline, changes, people, fatigue=_of_file(loaded, timeline, people, now))


def _of_file(loaded: LoadedCampaign, timeline: Timeline, people: PeopleCounts | None, now: datetime) -> Fatigue | None:
    """Return who of a contacts file would be over a cap: people who have had nothing so far."""
    from campaigns import planner

    if people is None:
        return None
    groups = {planner.Group(touches, zone): number for (touches, zone), number in people.together.items()}
    return planner.fatigue(loaded.campaign, timeline, groups, now=now)


def _from_store(
    store: Store, choice: Choice, loaded: LoadedCampaign, now: datetime, people: PeopleCounts | None
) -> Review:
    from scheduler.operations import applying

    seen = applying.preview(store, loaded, now=now)
    return Review(
        choice,
        loaded,
        now,
        seen.timeline,
        seen.changes,
        people or _stored_people(seen.people, seen.recipients, seen.personas),
        generation=seen.generation,
        revision=seen.revision,
        approved=seen.approved,
        cancelled=seen.cancelled,
        paused=seen.paused,
        spent=seen.spent,
        standing=seen.standing,
        budget=seen.budget,
        fatigue=_of_file(loaded, seen.timeline, people, now) if people else seen.fatigue,
    )


def _examined(
    review: Review,
    fields: frozenset[str] | None = None,
    channels: frozenset[str] | None = None,
    public_url: str | None = None,
    *,
    mails: bool = False,
    people: Sequence[ContactRow] | None = None,
) -> Review:
    """Add the findings; a rule whose facts nobody knows here says that it was not checked."""
    from campaigns import planner, rendering
    from campaigns.lint import facts, linter
    from scheduler.cli import attempts, letters, media_files, postings, readers

    campaign, loaded = review.loaded.campaign, review.loaded
    renderer = rendering.Renderer(campaign, loaded.templates)
    others = renderer.check(known_contact_fields=fields or (), public_address=public_url is not None)
    with_url = replace(review, public_url=public_url)
    tried = attempts.attempts(with_url, renderer, readers.readers(review, people))
    others = (*others, *attempts.failures(with_url, tried, others))
    if review.fatigue is not None:
        others = (*others, *planner.fatigue_findings(campaign, review.fatigue))
    posts = postings.postings(with_url, renderer, tried)
    files = loaded.media()
    known = facts.Facts(
        files=files,
        channels=channels,
        public_url=public_url if public_url is not None and public_url.startswith("https:") else None,
        recipients=review.people.touches if review.people else None,
        contact_fields=fields,
        approved=review.approved,
        letters=letters.letters(with_url, renderer, tried) if mails else None,
        postings=posts,
        media=media_files.facts(loaded.folder, files & {file for post in posts for file, _alt in post.media}),
        findings=others,
    )
    return replace(with_url, findings=linter.lint(campaign, review.timeline, known), postings=posts)


def _counted(
    loaded: LoadedCampaign, contacts: Path, now: datetime
) -> tuple[PeopleCounts, frozenset[str], tuple[ContactRow, ...]]:
    """Return how many people of the file each touch reaches, what it knows of them, and whose messages tell most."""
    from scheduler import contacts_csv, people
    from scheduler.cli import readers

    file = contacts_csv.read(contacts, country=loaded.campaign.country)
    counts = people.count(loaded.campaign, file.people, now, source=contacts.name)
    known = frozenset(file.mapping.values()) | {"age", "consent"}
    return counts, known, readers.telling(loaded.campaign, file.people, now)


def _stored_people(counts: Counts, recipients: Mapping[str, int], personas: Mapping[str, int]) -> PeopleCounts:
    from scheduler.people import PeopleCounts

    return PeopleCounts(
        "",
        counts.contacts,
        counts.contacts,
        {"email": counts.email, "sms": counts.phone},
        counts.unsubscribed,
        counts.no_consent,
        recipients,
        personas=personas,
    )
