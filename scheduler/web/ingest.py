"""`POST /events`: what people do, told by the shop; the same rules as `campaign event`."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response

from campaigns.errors import CampaignError
from scheduler import events_file
from scheduler.events_file import EventLine
from scheduler.operations import happenings
from scheduler.web.doors import Doors
from scheduler.web.problems import MEDIA_TYPE, of_error, problem

_MOST_LINES = 500
_LINES = "application/x-ndjson"


class EventBody(BaseModel):
    """An event of a person; every key that is not named here is a fact of it."""

    model_config = ConfigDict(extra="allow")

    who: str = Field(description="E-mail address, phone number or customer number", examples=["lea@example.org"])
    name: str = Field(description="What happened: built in, or declared under `events:`", examples=["purchase"])
    at: str | None = Field(
        None,
        description="When it happened, ISO 8601 (without an offset: UTC); left out: now. More than five minutes ahead "
        "is refused",
        examples=["2027-01-12T10:15:00+01:00"],
    )
    id: str | None = Field(
        None,
        description="Your id of the event: the same id again has no second effect; with another content it is a "
        "conflict. May stand in the header Idempotency-Key",
        examples=["order-4711"],
    )


class EventEffect(BaseModel):
    """What an event did."""

    accepted: bool
    duplicate: bool = Field(description="Whether it was known already, and nothing changed")
    started: list[str] = Field(description="Touches it planned, as campaign/touch")
    cancelled: list[str] = Field(description="Touches it cancelled, as campaign/touch")


class LineVerdict(EventEffect):
    """What became of one line."""

    line: int = Field(description="Counted from 1")
    status: int = Field(description="What the line would have been answered alone")
    detail: str | None = Field(None, description="What is wrong with it")


class Lines(BaseModel):
    """What became of each line; those that were taken stay taken."""

    lines: list[LineVerdict]


class Problem(BaseModel):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    remedy: str | None = None


def _says(text: str) -> dict[str, Any]:
    return {"model": Problem, "description": text, "content": {MEDIA_TYPE: {}}}


_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"description": "It was taken, now or before", "model": EventEffect | Lines},
    401: _says("No token, or another one than CAMPAIGN_API_TOKEN"),
    409: _says("The id is known with another content"),
    413: _says("More than 64 KiB"),
    422: _says("Not an event; a person or an event nobody knows; an event that has not happened yet"),
    429: _says("Too often: Retry-After says when"),
    503: _says("The database is busy or away: Retry-After says when"),
}
_REQUEST = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": EventBody.model_json_schema()},
            _LINES: {"schema": {"type": "string", "description": f"An event a line, at most {_MOST_LINES}"}},
        },
    },
    "parameters": [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "schema": {"type": "string", "maxLength": events_file.LONGEST_KEY},
            "description": "The id of the event, where its body has none",
        }
    ],
}
_BEARER = HTTPBearer(auto_error=False, description="CAMPAIGN_API_TOKEN")


def routes(doors: Doors) -> APIRouter:
    """Return the route of the events' door."""
    router = APIRouter()

    @router.post("/events", summary="Tell what a person did", responses=_RESPONSES, openapi_extra=_REQUEST)
    async def take_events(
        request: Request, given: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]
    ) -> Response:
        """Take an event (JSON) or several (NDJSON), each once: in any order, late too, but not before it happened."""
        if (refused := _refused(doors, request, given)) is not None:
            return refused
        try:
            text = (await request.body()).decode()
        except UnicodeDecodeError:
            return problem(422, "the body is not UTF-8")
        kind = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
        if kind == _LINES:
            return await _take_lines(doors, text)
        if kind != "application/json":
            return problem(415, f"cannot read {kind}", remedy=f"send application/json or {_LINES}")
        key = request.headers.get("idempotency-key")
        try:
            return JSONResponse(await _take(doors, 1, text, key))
        except CampaignError as error:
            return of_error(error)

    return router


def _refused(doors: Doors, request: Request, given: HTTPAuthorizationCredentials | None) -> Response | None:
    """Return why this sender may not tell events now; None when they may."""
    now = doors.clock.monotonic()
    if given is None or not doors.admits(given.credentials):
        address = request.client.host if request.client is not None else ""
        if wait := doors.limits.strangers.take(address, now):
            return problem(429, "too many wrong tokens", wait=wait)
        remedy = "send Authorization: Bearer ..." if doors.api_token else "set CAMPAIGN_API_TOKEN where the daemon runs"
        return problem(401, "the token is missing or wrong", remedy=remedy, WWW_Authenticate="Bearer")
    if wait := doors.limits.events.take("", now):
        return problem(429, "too many events at once", wait=wait)
    return None


async def _take(doors: Doors, number: int, text: str, key: str | None) -> dict[str, object]:
    event = events_file.read_line(number, text, source="body", zone="UTC")
    if key is not None:
        event = _keyed(event, key)
    result = await doors.do(
        lambda: happenings.record_event(
            doors.store,
            doors.catalog,
            who=event.who,
            name=event.name,
            at=event.at,
            key=event.key,
            facts=event.facts,
            now=doors.clock.now(),
        )
    )
    return result.document()


def _keyed(event: EventLine, key: str) -> EventLine:
    try:
        key = events_file.read_key(key)
    except ValueError as error:
        raise CampaignError(f"Idempotency-Key: {error}") from None
    if event.key not in (None, key):
        raise CampaignError(
            f"the body's id is {event.key!r} and Idempotency-Key says {key!r}", remedy="send one of them"
        )
    return replace(event, key=key)


async def _take_lines(doors: Doors, text: str) -> Response:
    lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    if len(lines) > _MOST_LINES:
        return problem(422, f"at most {_MOST_LINES} lines, got {len(lines):,}", remedy="send them in several requests")
    verdicts: list[dict[str, object]] = []
    nothing = {"accepted": False, "duplicate": False, "started": [], "cancelled": []}
    for number, line in lines:
        try:
            verdicts.append({"line": number, "status": 200, **await _take(doors, number, line, None)})
        except CampaignError as error:
            status = of_error(error).status_code
            detail = "the database is busy or away" if status == 503 else error.message
            verdicts.append({"line": number, "status": status, **nothing, "detail": detail})
    return JSONResponse({"lines": verdicts})
