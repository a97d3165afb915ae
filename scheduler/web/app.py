"""The ASGI application: which doors there are, and what is answered at all others."""

from __future__ import annotations

import asyncio

from fastapi import FastAPI
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from campaigns.errors import CampaignError
from scheduler.store.database import Store, generation_of
from scheduler.web import ingest, mails, texts, whatsapp
from scheduler.web.doorkeeper import Doorkeeper
from scheduler.web.doors import Doors
from scheduler.web.pages import Pages
from scheduler.web.problems import of_error, problem

_HEALTH_SECONDS = 5.0


class Health(BaseModel):
    """Whether the daemon's store answers."""

    status: str = Field(examples=["ok"])


def create_app(doors: Doors) -> FastAPI:
    """Return the application on these doors: events, pages, health, and their description at /openapi.json.

    No page of documentation: what would show it loads scripts from elsewhere.
    """
    app = FastAPI(
        title="campaign",
        version="1",
        summary="What people do, told by the shop; and the pages behind the links in messages",
        docs_url=None,
        redoc_url=None,
        routes=list(Pages(doors).routes()),
    )
    app.include_router(ingest.routes(doors))
    app.include_router(texts.routes(doors))
    app.include_router(whatsapp.routes(doors))
    app.include_router(mails.routes(doors))

    @app.get("/healthz", summary="Whether the daemon works", responses={503: {"description": "It does not"}})
    async def tell_health() -> Health:
        """Answer once the daemon's writer has looked into the database."""
        try:
            async with asyncio.timeout(_HEALTH_SECONDS):
                await doors.do(lambda: _look(doors.store))
        except TimeoutError:
            raise HTTPException(503, "the database does not answer") from None
        return Health(status="ok")

    @app.exception_handler(HTTPException)
    async def refuse(request: Request, error: HTTPException) -> Response:  # noqa: ARG001
        answer = problem(error.status_code, str(error.detail).lower())
        answer.headers.update(error.headers or {})
        return answer

    @app.exception_handler(CampaignError)
    async def explain(request: Request, error: CampaignError) -> Response:  # noqa: ARG001
        return of_error(error)

    @app.exception_handler(Exception)
    async def give_up(request: Request, error: Exception) -> Response:  # noqa: ARG001
        return problem(500, "that was our fault, and it is in the log")

    app.add_middleware(Doorkeeper, hosts=doors.hosts, larger=(whatsapp.LARGER, mails.larger(doors)))
    return app


def _look(store: Store) -> None:
    with store.read() as conn:
        generation_of(conn)
