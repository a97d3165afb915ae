"""The pages behind the links in messages: a GET only shows, what changes anything is a POST (RFC 8058)."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from scheduler.errors import BusyError, SchedulerError, StorageError
from scheduler.operations import opting
from scheduler.tokens import Purpose, Token, TokenError
from scheduler.web.doors import Doors
from scheduler.web.rates import Buckets
from scheduler.web.words import language_of, words

ONE_CLICK = ("List-Unsubscribe", "One-Click")  # what RFC 8058 3.1 has in the body
_CONFIRM = ("confirm", "yes")
_FOLDER = resources.files("scheduler.web") / "templates"
_TEMPLATES = Environment(
    loader=FunctionLoader(lambda name: (_FOLDER / name).read_text(encoding="utf-8")),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


class Pages:
    """The pages of one set of doors."""

    def __init__(self, doors: Doors) -> None:
        self._doors = doors
        self._style = (_FOLDER / "style.css").read_text(encoding="utf-8")

    def routes(self) -> list[Route]:
        """Return the pages by their addresses."""
        return [
            Route("/u/{token}", self._ask_to_stop, methods=["GET"]),
            Route("/u/{token}", self._stop, methods=["POST"]),
            Route("/o/{token}", self._ask_to_confirm, methods=["GET"]),
            Route("/o/{token}", self._confirm, methods=["POST"]),
            Route("/signup/{campaign}", self._show_form, methods=["GET"]),
            Route("/signup/{campaign}", self._sign_up, methods=["POST"]),
            Route("/style.css", self._styles, methods=["GET"]),
        ]

    async def _styles(self, request: Request) -> Response:  # noqa: ARG002
        return Response(self._style, media_type="text/css")

    # --- unsubscribe --------------------------------------------------------------------------------------------------

    async def _ask_to_stop(self, request: Request) -> Response:
        token = self._read(Purpose.UNSUBSCRIBE, request)
        if isinstance(token, Response):
            return token
        return _page(request, "stop", form={"hidden": [ONE_CLICK], "button": "stop_button"})

    async def _stop(self, request: Request) -> Response:
        token = self._read(Purpose.UNSUBSCRIBE, request)
        if isinstance(token, Response):
            return token
        if (await _form(request)).get(ONE_CLICK[0]) != ONE_CLICK[1]:
            return _page(request, "again", status=400)
        doors = self._doors
        try:
            await doors.do(lambda: opting.stop_marketing(doors.store, doors.catalog, token, now=doors.clock.now()))
        except (BusyError, StorageError):
            return _page(request, "again", status=503)
        return _page(request, "stopped")

    # --- double opt-in ------------------------------------------------------------------------------------------------

    async def _ask_to_confirm(self, request: Request) -> Response:
        token = self._read(Purpose.CONFIRM, request)
        if isinstance(token, Response):
            return token
        doors = self._doors
        try:
            asked = await doors.do(lambda: opting.asked(doors.store, doors.catalog, token))
        except (BusyError, StorageError):
            return _page(request, "again", status=503)
        if asked is None:
            return _page(request, "over", status=410)
        if asked.confirmed:
            return _page(request, "confirmed")
        return _page(request, "confirm", quote=asked.wording, form={"hidden": [_CONFIRM], "button": "confirm_button"})

    async def _confirm(self, request: Request) -> Response:
        token = self._read(Purpose.CONFIRM, request)
        if isinstance(token, Response):
            return token
        if (await _form(request)).get(_CONFIRM[0]) != _CONFIRM[1]:
            return _page(request, "again", status=400)
        doors = self._doors
        try:
            answer = await doors.do(lambda: opting.confirm(doors.store, doors.catalog, token, now=doors.clock.now()))
        except (BusyError, StorageError):
            return _page(request, "again", status=503)
        return _page(request, "over", status=410) if answer is opting.Answer.GONE else _page(request, "confirmed")

    # --- signing up ---------------------------------------------------------------------------------------------------

    async def _show_form(self, request: Request) -> Response:
        doors, campaign = self._doors, request.path_params["campaign"]
        try:
            wording = await doors.do(lambda: opting.form_wording(doors.store, doors.catalog, campaign))
        except (BusyError, StorageError):
            return _page(request, "again", status=503)
        if wording is None:
            return _page(request, "unknown", status=404)
        fields = [
            {"name": "email", "label": "form_email", "type": "email", "autocomplete": "email", "required": True},
            {"name": "first_name", "label": "form_name", "type": "text", "autocomplete": "given-name"},
        ]
        form = {"fields": fields, "agree": "form_agree", "button": "form_button"}
        return _page(request, "form", quote=wording, form=form)

    async def _sign_up(self, request: Request) -> Response:
        doors, campaign = self._doors, request.path_params["campaign"]
        limits, now = doors.limits, doors.clock.monotonic()
        if limits.forms.take(_address(request), now) or limits.all_forms.take("", now):
            return _page(request, "often", status=429)
        said = {name: value for name, value in (await _form(request)).items() if isinstance(value, str)}
        if said.get("website"):  # nobody sees that field
            return _page(request, "sent")
        if said.get("agree") != "yes":
            return _page(request, "again", status=400)
        who, source = said.get("email", ""), f"form {request.url.path}"
        if "@" not in who or len(who) > 254:
            return _page(request, "address", status=422)
        try:
            await doors.do(
                lambda: opting.sign_up(
                    doors.store, doors.catalog, campaign, who, said, source=source, now=doors.clock.now()
                )
            )
        except LookupError:
            return _page(request, "unknown", status=404)
        except (BusyError, StorageError):
            return _page(request, "again", status=503)
        except SchedulerError:
            return _page(request, "address", status=422)
        return _page(request, "sent")

    def _read(self, purpose: Purpose, request: Request) -> Token | Response:
        """Return what the link says, or the page for one that nobody signed: no guess tells anything, nor is free."""
        doors = self._doors
        try:
            return doors.keys.read(purpose, request.path_params["token"], now=doors.clock.now())
        except TokenError as error:
            if error.expired:
                return _page(request, "over", status=410)
            if _is_too_often(doors.limits.forged, request, doors.clock.monotonic()):
                return _page(request, "often", status=429)
            return _page(request, "unknown", status=404)


def _is_too_often(buckets: Buckets, request: Request, now: float) -> bool:
    return buckets.take(_address(request), now) > 0


def _address(request: Request) -> str:
    return request.client.host if request.client is not None else ""


async def _form(request: Request) -> FormData:
    """Return the fields of a form; one that cannot be read has none."""
    try:
        return await request.form(max_files=0, max_fields=20)
    except HTTPException:
        return FormData()


def _page(
    request: Request, about: str, *, status: int = 200, quote: str = "", form: Mapping[str, Any] | None = None
) -> Response:
    language = language_of(request.headers.get("accept-language", ""))
    said = words(language)
    shown: dict[str, Any] | None = None
    if form is not None:
        shown = {
            "hidden": form.get("hidden", ()),
            "fields": [{"required": False, **field, "label": said[field["label"]]} for field in form.get("fields", ())],
            "agree": said[form["agree"]] if "agree" in form else "",
            "button": said[form["button"]],
        }
    depth = request.url.path.count("/") - 1  # the doors may stand under a path of the shop's site
    html = _TEMPLATES.get_template("page.html").render(
        language=language,
        title=said[f"{about}_title"],
        text=said.get(f"{about}_text", ""),
        quote=quote,
        form=shown,
        root="../" * depth,
    )
    return HTMLResponse(html, status, {"Content-Language": language, "Vary": "Accept-Language"})
