"""`POST /in/sms/<account>`: what Twilio tells of SMS, replies and what became of messages; signed, or refused."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request
from starlette.responses import Response

from scheduler.channels.account import name_of
from scheduler.channels.platforms import twilio_posts
from scheduler.channels.platforms.twilio import MESSAGE
from scheduler.errors import BusyError, StorageError
from scheduler.operations import texts
from scheduler.store.people import SMS
from scheduler.web.doors import Doors
from scheduler.web.problems import problem, refused

_SID = re.compile(r"(?:SM|MM)[0-9a-fA-F]{32}\Z")
_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}\Z", re.ASCII)
_FORM = "application/x-www-form-urlencoded"
_MOST_FIELDS = 200
_AGAIN_SECONDS = 5


def routes(doors: Doors) -> APIRouter:
    """Return the route of the door for SMS."""
    router = APIRouter()

    @router.post(
        "/in/sms/{account}",
        summary="What Twilio tells of SMS: replies (STOP, START) and what became of messages",
        responses={
            200: {"description": "It was taken", "content": {"text/xml": {}}},
            403: {"description": "The signature is missing or wrong"},
            404: {"description": "No such account, or one without auth_token"},
            429: {"description": "Too often without a signature"},
            503: {"description": "The database is busy or away"},
        },
    )
    async def take_text(request: Request, account: str) -> Response:
        """Take what bears the signature of the account's auth token (X-Twilio-Signature); all else changes nothing."""
        token = doors.secret(name_of(SMS, account), "auth_token")
        if token is None:
            return refused(doors, request, 404, "no such account, or one without auth_token")
        fields = await _fields(request)
        if fields is None or not twilio_posts.is_signed(
            token, _called(doors, request), fields, request.headers.get(twilio_posts.SIGNATURE, "")
        ):
            return refused(doors, request, 403, "the signature is missing or wrong")
        try:
            await _take(doors, request, dict(fields))
        except (BusyError, StorageError):
            return problem(503, "the database is busy or away", wait=_AGAIN_SECONDS)
        return Response("<Response/>", media_type="text/xml")  # Twilio says by itself that a STOP was heard

    return router


async def _fields(request: Request) -> list[tuple[str, str]] | None:
    """Return the fields of the form in their order; None for what is no form."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        return None
    try:
        text = (await request.body()).decode()
        return parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
    except ValueError:
        return None


def _called(doors: Doors, request: Request) -> str:
    """Return the address as Twilio called it: behind a proxy it is the public one."""
    query = f"?{request.url.query}" if request.url.query else ""
    base = doors.public_url or f"{request.url.scheme}://{request.url.netloc}"
    return f"{base}{request.url.path}{query}"


async def _take(doors: Doors, request: Request, said: dict[str, str]) -> None:
    sid, status = said.get("MessageSid", ""), said.get("MessageStatus", "")
    if not _SID.match(sid):
        return
    store, now = doors.store, doors.clock.now()
    if status:
        delivery, code = request.query_params.get(MESSAGE, ""), said.get("ErrorCode", "")
        if re.fullmatch("[0-9]{1,18}", delivery):
            number = int(code) if re.fullmatch("[0-9]{1,6}", code) else None
            await doors.do(
                lambda: texts.became(store, delivery=int(delivery), sid=sid, status=status, code=number, now=now)
            )
        return
    sender = said.get("From", "")
    if _NUMBER.match(sender):
        wish = twilio_posts.wish(said.get("Body", ""), said.get("OptOutType", ""))
        await doors.do(lambda: texts.replied(store, doors.catalog, number=sender, sid=sid, wish=wish, now=now))
