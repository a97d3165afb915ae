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
from scheduler.operations import opting, preferring
from scheduler.operations.preferring import Choices
from scheduler.store.people import MEASUREMENT
from scheduler.tokens import Purpose, Token, TokenError
from scheduler.web.doors import Doors
from scheduler.web.follow import Follow
from scheduler.web.rates import Buckets
from scheduler.web.words import LANGUAGES, language_of, words

ONE_CLICK = ("List-Unsubscribe", "One-Click")  # what RFC 8058 3.1 has in the body
_CONFIRM = ("confirm", "yes")
_SAVE = ("save", "yes")
_CHANNELS = ("email", "sms")
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
            *Follow(self._doors, unknown=self._unknown, gone=_gone, again=_again).routes(),
            Route("/p/{token}", self._show_choices, methods=["GET"]),
            Route("/p/{token}", self._save_choices, methods=["POST"]),
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
        page = f"p/{self._doors.keys.sign(Purpose.PREFERENCES, token)}"
        return _page(
            request, "stop", form={"hidden": [ONE_CLICK], "button": "stop_button"}, more=("choices_link", page)
        )

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

    # --- preferences --------------------------------------------------------------------------------------------------

    async def _show_choices(self, request: Request) -> Response:
        token = self._read(Purpose.PREFERENCES, request)
        if isinstance(token, Response):
            return token
        doors = self._doors
        try:
            found = await doors.do(lambda: preferring.choices(doors.store, token))
        except (BusyError, StorageError):
            return _again(request)
        return _gone(request) if found is None else _page(request, "choices", form=_choices_form(found))

    async def _save_choices(self, request: Request) -> Response:
        token = self._read(Purpose.PREFERENCES, request)
        if isinstance(token, Response):
            return token
        said = await _form(request)
        if said.get(_SAVE[0]) != _SAVE[1]:
            return _page(request, "again", status=400)
        doors = self._doors
        if doors.limits.choices.take(str(token.contact), doors.clock.monotonic()):
            return _page(request, "often", status=429)
        language = str(said.get("language", ""))
        wanted = Choices(
            {name: said.get(name) == "yes" for name in _CHANNELS},
            said.get(MEASUREMENT) == "yes",
            language if language in LANGUAGES else "",
        )
        read = words(_language(request))
        labels = {name: read[f"choices_{name}"] for name in (*_CHANNELS, MEASUREMENT)}
        try:
            found = await doors.do(
                lambda: preferring.choose(doors.store, doors.catalog, token, wanted, said=labels, now=doors.clock.now())
            )
        except (BusyError, StorageError):
            return _again(request)
        return _gone(request) if found is None else _page(request, "saved", form=_choices_form(found))

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
            return self._unknown(request)

    def _unknown(self, request: Request) -> Response:
        """Return the page for a link that nobody signed, and count it against who knocks."""
        doors = self._doors
        if _is_too_often(doors.limits.forged, request, doors.clock.monotonic()):
            return _page(request, "often", status=429)
        return _gone(request)


def _gone(request: Request) -> Response:
    return _page(request, "unknown", status=404)


def _again(request: Request) -> Response:
    return _page(request, "again", status=503)


def _choices_form(found: Choices) -> dict[str, Any]:
    """Return the form of a person's own page: a box for each thing we may do, and their language where it is known."""
    boxes = [{"name": name, "label": f"choices_{name}", "checked": holds} for name, holds in found.channels.items()]
    boxes.append({"name": MEASUREMENT, "label": f"choices_{MEASUREMENT}", "checked": found.measurement})
    languages = [(code, words(code)["language"], code == found.language) for code in LANGUAGES]
    if found.language and found.language not in LANGUAGES:
        languages.insert(0, ("", found.language, True))
    return {
        "hidden": [_SAVE],
        "boxes": boxes,
        "languages": languages if found.language else (),
        "button": "choices_button",
    }


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


def _language(request: Request) -> str:
    return language_of(request.headers.get("accept-language", ""))


def _page(
    request: Request,
    about: str,
    *,
    status: int = 200,
    quote: str = "",
    form: Mapping[str, Any] | None = None,
    more: tuple[str, str] | None = None,
) -> Response:
    """Write a page: what it is `about` and its `form` in words of `words`; `more` is a link to another page of ours."""
    language = _language(request)
    said = words(language)
    shown: dict[str, Any] | None = None
    if form is not None:
        shown = {
            "hidden": form.get("hidden", ()),
            "fields": [{"required": False, **field, "label": said[field["label"]]} for field in form.get("fields", ())],
            "boxes": [{**box, "label": said[box["label"]]} for box in form.get("boxes", ())],
            "languages": form.get("languages", ()),
            "language_label": said["choices_language"],
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
        more=None if more is None else {"label": said[more[0]], "href": "../" * depth + more[1]},
        root="../" * depth,
    )
    return HTMLResponse(html, status, {"Content-Language": language, "Vary": "Accept-Language"})
