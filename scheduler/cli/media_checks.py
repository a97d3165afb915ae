"""What `campaign doctor` says of media that networks fetch by themselves: whether they can, looked at from outside."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from campaigns.errors import CampaignError
from campaigns.limits.media import size as written
from scheduler.cli import database, review
from scheduler.cli.check import Check
from scheduler.cli.options import Session
from scheduler.cli.wording import count

if TYPE_CHECKING:
    from campaigns.definition import Campaign
    from scheduler.channels.platforms.fetching import Wanted

# Networks that fetch all media by themselves; what the file names as an address is fetched by all, or by us for them.
FETCHING = frozenset({"instagram", "threads"})


def media(session: Session) -> Iterator[Check]:
    """Look at every file that a network has to fetch, of each campaign of the project; nothing is sent."""
    accounts = database.settings(session).accounts
    if not accounts:
        return
    from scheduler.channels.platforms import registry

    reached = frozenset(registry.reached(tuple(accounts)))
    for path in session.project.campaign_files():
        try:
            loaded = session.project.load(path)
        except CampaignError:
            continue  # said by `files`
        if wanted := _wanted(loaded.campaign, loaded.folder, reached):
            yield from _looked(str(review.shown(path)), wanted)


def _wanted(campaign: Campaign, folder: Path, reached: frozenset[str]) -> list[Wanted]:
    """Return the media that somebody fetches, each address once; those without one are told by `lint` (`media-url`)."""
    from scheduler.channels.platforms.fetching import Wanted
    from scheduler.channels.platforms.media import public_url

    found: dict[str, Wanted] = {}
    for _stage, touch in campaign.touches():
        channels = reached & frozenset(touch.channel)
        for one in touch.media:
            is_address = "://" in one.file
            if not (channels if is_address else channels & FETCHING and campaign.media_url):
                continue
            url = public_url(campaign.media_url, one.file)
            found[url] = Wanted(one.file, url, None if is_address else _size(folder / one.file))
    return list(found.values())


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None  # said by `files`


def _looked(name: str, wanted: list[Wanted]) -> Iterator[Check]:
    import asyncio

    from scheduler.channels.platforms import fetching

    seen = asyncio.run(fetching.look(wanted))
    for one in seen:
        if one.fault:
            where = "" if one.wanted.file == one.wanted.url else f" at {one.wanted.url}"
            yield Check("media", "✗", f"{one.wanted.file}{where}: {one.fault}", one.remedy)
    good = [one.wanted for one in seen if not one.fault]
    if good:
        whole = sum(one.size or 0 for one in good)
        size = f", {written(whole)}" if whole else ""
        yield Check("media", "✓", f"{name}: {count(len(good), 'file')} can be fetched from outside{size}")
