"""What a person means by `offer-email`, `valentines/offer-email` or `spring.yaml/offer-email`: a file and a touch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from campaigns.definition import OF_CHANNEL
from campaigns.errors import CampaignError
from scheduler.cli.options import Session
from scheduler.cli.review import Choice, chosen, shown
from scheduler.errors import SchedulerError
from scheduler.project import LoadedCampaign


@dataclass(frozen=True, slots=True)
class Target:
    """A campaign file and, unless the whole campaign was meant, one of its touches."""

    choice: Choice
    touch: str | None


def find(session: Session, name: str) -> Target:
    """Find the touch or the campaign file that `name` means.

    Raises: SchedulerError with a near name; DefinitionError when the file that was meant cannot be read.
    """
    before, slash, touch = name.rpartition("/")
    if slash and touch and not Path(name).exists():
        choice = chosen(session, (before,))[0]
        return Target(choice, _checked(session.project.load(choice.path), touch))
    owners, known = _owners(session, name)
    if len(owners) == 1:
        return Target(owners[0], name)
    if owners:
        choices = ", ".join(f"{choice.path.stem}/{name}" for choice in owners)
        raise SchedulerError(f"several campaigns have a touch {name!r}", remedy=f"write one of {choices}")
    _refuse_several(name, known)
    try:
        located = session.project.search(name)
        return Target(Choice(located.path, name, located.looked_up), None)
    except CampaignError as error:
        if not known:
            raise
        near = get_close_matches(name, known, n=1)
        remedy = f"did you mean {near[0]!r}?" if near else f"the touches here: {', '.join(known)}"
        raise SchedulerError(f"no touch {name!r} in the campaigns of this project", remedy=remedy) from error


def touch_ids(session: Session) -> Iterable[tuple[str, str]]:
    """Yield (touch id, what it is) of every readable campaign of the project, for the completion of a shell."""
    for path in session.project.campaign_files():
        try:
            campaign = session.project.load(path).campaign
        except CampaignError:
            continue
        for stage, touch in campaign.touches():
            yield touch.id, f"{touch.channel[0]}, {stage.id}"


def _checked(loaded: LoadedCampaign, touch: str) -> str:
    known = [one.id for _, one in loaded.campaign.touches()]
    if touch not in known:
        _refuse_several(touch, known)
        near = get_close_matches(touch, known, n=1)
        remedy = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(known)}"
        raise SchedulerError(f"no touch {touch!r} in {loaded.path}", remedy=remedy)
    return touch


def _refuse_several(touch: str, known: Iterable[str]) -> None:
    """Refuse the name of a touch for several channels where one message is meant."""
    several = [one for one in known if one.partition(OF_CHANNEL)[0] == touch and one != touch]
    if several:
        raise SchedulerError(f"{touch!r} goes by several channels", remedy=f"write one of {', '.join(several)}")


def _owners(session: Session, touch: str) -> tuple[list[Choice], list[str]]:
    """Return the project's files with such a touch, and all the touch ids seen; a broken file is passed over."""
    owners: list[Choice] = []
    known: list[str] = []
    broken: list[CampaignError] = []
    for path in session.project.campaign_files():
        try:
            ids = [one.id for _, one in session.project.load(path).campaign.touches()]
        except CampaignError as error:
            broken.append(error)
            continue
        known += ids
        if touch in ids:
            owners.append(Choice(shown(path)))
    if not owners and broken:
        raise broken[0]
    return owners, known
