"""`POST /in/email/<provider>`: what Postmark and Resend tell of mails that came back; proven, or refused."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter, Request
from starlette.responses import PlainTextResponse, Response

from scheduler.channels import hook
from scheduler.channels.email.providers import postmark_posts, resend_posts
from scheduler.channels.email.returned import Returned
from scheduler.errors import BusyError, StorageError
from scheduler.operations import returning
from scheduler.web.doorkeeper import Larger
from scheduler.web.doors import Doors
from scheduler.web.problems import problem, refused

_AGAIN_SECONDS = 5
# Postmark may be told to send the mail along: 10 MB at most, in JSON
# (https://postmarkapp.com/support/article/1056-what-are-the-attachment-and-email-size-limits).
_WITH_CONTENT = 16 << 20


def routes(doors: Doors) -> APIRouter:
    """Return the routes of the doors for mail providers."""
    router = APIRouter()
    answers: dict[int | str, dict[str, object]] = {
        200: {"description": "It was taken", "content": {"text/plain": {}}},
        403: {"description": "The proof is missing or wrong"},
        404: {"description": "No such account, or one without what would prove it"},
        429: {"description": "Too often without a proof"},
        503: {"description": "The database is busy or away: tell it again"},
    }

    @router.post("/in/email/postmark", summary="What Postmark tells: bounces, complaints, opt-outs", responses=answers)
    async def take_postmark(request: Request) -> Response:
        """Take what bears the password of the account (`webhook_password`); all else changes nothing."""
        password = doors.secret("postmark", "webhook_password")
        if password is None:
            return refused(doors, request, 404, "no account postmark with webhook_password")
        body = await request.body()
        if not postmark_posts.is_from(password, request.headers.get(postmark_posts.AUTHORIZATION, "")):
            return refused(doors, request, 403, "the password is missing or wrong")
        return await _take(doors, postmark_posts.returned, body)

    @router.post("/in/email/resend", summary="What Resend tells: bounces, complaints", responses=answers)
    async def take_resend(request: Request) -> Response:
        """Take what bears a signature by the account's `webhook_secret`; all else changes nothing."""
        secret = doors.secret("resend", "webhook_secret")
        if secret is None:
            return refused(doors, request, 404, "no account resend with webhook_secret")
        body = await request.body()
        now = doors.clock.now().timestamp()
        try:
            signed = resend_posts.is_signed(hook.read_secret(secret), request.headers, body, now=now)
        except ValueError:
            return refused(doors, request, 404, "the webhook_secret of the account is not one of Resend's")
        if not signed:
            return refused(doors, request, 403, "the signature is missing or wrong")
        return await _take(doors, resend_posts.returned, body)

    return router


def larger(doors: Doors) -> Larger:
    """Return how much Postmark may post, once it has shown its password."""

    def admits(authorization: str) -> bool:
        password = doors.secret("postmark", "webhook_password")
        return password is not None and postmark_posts.is_from(password, authorization)

    return Larger("/in/email/postmark", _WITH_CONTENT, admits)


async def _take(doors: Doors, read: Callable[[bytes], list[Returned]], body: bytes) -> Response:
    mails = list(enumerate(read(body), 1))
    store, catalog, keys, now = doors.store, doors.catalog, doors.keys, doors.clock.now()
    try:
        await doors.do(lambda: returning.take_in(store, catalog, keys, mails, now=now, keep=True))
    except (BusyError, StorageError):
        return problem(503, "the database is busy or away", wait=_AGAIN_SECONDS)
    return PlainTextResponse("taken")
