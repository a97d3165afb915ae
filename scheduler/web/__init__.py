"""The public doors beside the daemon: events by HTTP, and the pages behind the links in mails (extra `web`)."""

from scheduler.web.app import create_app
from scheduler.web.doors import Doors
from scheduler.web.serving import Address, Listener, beside

__all__ = ["Address", "Doors", "Listener", "beside", "create_app"]
