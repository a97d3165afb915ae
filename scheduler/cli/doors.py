"""`campaign run --ui`: the doors beside the daemon, opened from the settings, and what is said of them."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from scheduler.cli.options import Session
from scheduler.cli.output import Span
from scheduler.errors import SchedulerError

if TYPE_CHECKING:
    from scheduler.bootstrap import System
    from scheduler.runtime import Daemon
    from scheduler.settings import Settings

DEFAULT = "127.0.0.1:8080"
_NEEDS = ("fastapi", "uvicorn", "python_multipart")


def require() -> None:
    """Raise SchedulerError when the extra that serves the doors is not installed."""
    if missing := [name for name in _NEEDS if find_spec(name) is None]:
        raise SchedulerError(
            f"--ui needs {', '.join(missing)}", remedy="pip install 'campaign-sequencer[web]', or run without --ui"
        )


async def serve(session: Session, settings: Settings, system: System, daemon: Daemon, bind: str) -> None:
    """Serve the daemon and the doors until it is stopped.

    Raises: SchedulerError when the address cannot be listened on, or would be open to others under no name.
    """
    from scheduler import web
    from scheduler.operations import tracking

    address = web.Address.read(bind)
    public = urlsplit(settings.public_url or "").hostname
    if not address.is_local and public is None:
        raise SchedulerError(
            f"{address} is open to other machines, and nobody said by which name",
            remedy="set CAMPAIGN_PUBLIC_URL=https://..., or listen on 127.0.0.1 behind a proxy",
        )
    doors = web.Doors(
        store=system.store,
        catalog=system.catalog,
        writer=system.writer,
        clock=system.clock,
        keys=system.keys,
        api_token=settings.api_token.get_secret_value() if settings.api_token is not None else None,
        hosts=web.Doors.hosts_of(address.host, public),
        networks=settings.networks(),
        public_url=settings.public_url,
        accounts=settings.accounts,
    )
    listener = web.Listener(web.create_app(doors), address)
    _greet(session, settings, listener.address)
    # What readers did just before the daemon ended is still to be judged.
    while await doors.do(lambda: tracking.settle(doors.store, doors.catalog, now=doors.clock.now())):
        pass
    await web.beside(listener, daemon)


def _greet(session: Session, settings: Settings, address: object) -> None:
    """Say where the doors are, and which of them cannot be used as things are."""
    screen = session.screen
    screen.say(
        f"the doors are open at http://{address}: /events, /openapi.json, /u/..., /o/..., /p/..., /c/..., /signup/..."
    )
    if settings.api_token is None:
        screen.warn(Span("! ", "warning"), "no CAMPAIGN_API_TOKEN: POST /events answers 401")
    if settings.public_url is None:
        screen.warn(Span("! ", "warning"), "no CAMPAIGN_PUBLIC_URL: messages bear no links to these doors")
    elif not settings.public_url.startswith("https:"):
        screen.warn(
            Span("! ", "warning"), "CAMPAIGN_PUBLIC_URL is not https: marketing keeps the file's own way to unsubscribe"
        )
