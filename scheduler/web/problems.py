"""What a program is told when something is wrong: RFC 9457 problem details."""

from __future__ import annotations

import json
import math
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from campaigns.errors import CampaignError
from scheduler.errors import BusyError, ConflictError, StorageError
from scheduler.web.doors import Doors

MEDIA_TYPE = "application/problem+json"
_AGAIN_SECONDS = 5


def problem(status: int, detail: str, *, remedy: str = "", wait: float = 0, **headers: str) -> Response:
    """Return a problem document; `wait` is after how many seconds to come again."""
    body: dict[str, object] = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status}
    body["detail"] = detail
    if remedy:
        body["remedy"] = remedy
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if wait:
        named["Retry-After"] = str(math.ceil(wait))
    return Response(json.dumps(body, ensure_ascii=False), status, named, MEDIA_TYPE)


def of_error(error: CampaignError) -> Response:
    """Return what an error of ours is to a program: 409 a conflict, 503 try again, 422 what the sender must mend."""
    if isinstance(error, ConflictError):
        return problem(409, error.message, remedy=error.remedy)
    if isinstance(error, (BusyError, StorageError)):
        return problem(503, "the database is busy or away", wait=_AGAIN_SECONDS)
    return problem(422, error.message, remedy=error.remedy)


def refused(doors: Doors, request: Request, status: int, detail: str) -> Response:
    """Return the answer to a post that nobody proved to have sent; too many from one address are asked to wait."""
    address = request.client.host if request.client is not None else ""
    if wait := doors.limits.strangers.take(address, doors.clock.monotonic()):
        return problem(429, "too many requests that nobody signed", wait=wait)
    return problem(status, detail)
