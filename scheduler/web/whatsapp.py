"""`/in/whatsapp/<account>`: what Meta tells of WhatsApp messages and of who wants no more; signed, or refused."""

from __future__ import annotations

import hmac
import re
from functools import partial

from fastapi import APIRouter, Request
from starlette.responses import PlainTextResponse, Response

from scheduler.channels.account import name_of
from scheduler.channels.platforms import whatsapp_posts
from scheduler.errors import BusyError, StorageError
from scheduler.operations import whatsapp_fates, whatsapp_stops
from scheduler.store.people import WHATSAPP
from scheduler.web.doorkeeper import Larger
from scheduler.web.doors import Doors
from scheduler.web.problems import problem, refused

# What Meta posts has up to 3 MB (https://developers.facebook.com/docs/whatsapp/cloud-api/webhooks).
LARGER = Larger("/in/whatsapp/", 3 << 20)
_CHALLENGE = re.compile(r"[A-Za-z0-9_.-]{1,200}\Z")
_AGAIN_SECONDS = 5


def routes(doors: Doors) -> APIRouter:
    """Return the routes of the door for WhatsApp."""
    router = APIRouter()

    @router.get(
        "/in/whatsapp/{account}",
        summary="Meta asks whether this address is the account's",
        responses={
            200: {"description": "It is; the challenge", "content": {"text/plain": {}}},
            403: {"description": "The verify token is missing or wrong"},
            404: {"description": "No such account, or one without verify_token"},
            429: {"description": "Too often without the verify token"},
        },
    )
    async def verify(request: Request, account: str) -> Response:
        """Answer the challenge of who knows the account's verify token; changes nothing."""
        token = doors.secret(name_of(WHATSAPP, account), "verify_token")
        if token is None:
            return refused(doors, request, 404, "no such account, or one without verify_token")
        asked, challenge = request.query_params, request.query_params.get("hub.challenge", "")
        known = hmac.compare_digest(asked.get("hub.verify_token", "").encode(), token.encode())
        if not known or asked.get("hub.mode") != "subscribe" or not _CHALLENGE.match(challenge):
            return refused(doors, request, 403, "the verify token is missing or wrong")
        return PlainTextResponse(challenge)

    @router.post(
        "/in/whatsapp/{account}",
        summary="What Meta tells of WhatsApp messages: delivered, read, failed",
        responses={
            200: {"description": "It was taken", "content": {"text/plain": {}}},
            403: {"description": "The signature is missing or wrong"},
            404: {"description": "No such account, or one without app_secret"},
            429: {"description": "Too often without a signature"},
            503: {"description": "The database is busy or away, or the message is still being sent: tell it again"},
        },
    )
    async def take(request: Request, account: str) -> Response:
        """Take what bears the signature of the account's app (X-Hub-Signature-256); all else changes nothing."""
        secret = doors.secret(name_of(WHATSAPP, account), "app_secret")
        if secret is None:
            return refused(doors, request, 404, "no such account, or one without app_secret")
        body = await request.body()
        if not whatsapp_posts.is_signed(secret, body, request.headers.get(whatsapp_posts.SIGNATURE, "")):
            return refused(doors, request, 403, "the signature is missing or wrong")
        try:
            for stop in whatsapp_posts.stops(body):
                await doors.do(partial(_stop, doors, stop))
            for status in whatsapp_posts.statuses(body):
                await doors.do(partial(_take, doors, status))
        except (BusyError, StorageError):
            return problem(503, "the database is busy or away", wait=_AGAIN_SECONDS)
        except whatsapp_fates.TooEarlyError:
            return problem(503, "the message is still being sent: tell it again", wait=_AGAIN_SECONDS)
        return PlainTextResponse("taken")

    return router


def _take(doors: Doors, status: whatsapp_posts.Status) -> None:
    whatsapp_fates.became(doors.store, doors.catalog, status, now=doors.clock.now())


def _stop(doors: Doors, stop: whatsapp_posts.Stop) -> None:
    whatsapp_stops.stopped(doors.store, doors.catalog, stop, now=doors.clock.now())
