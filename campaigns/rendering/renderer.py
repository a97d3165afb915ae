"""From a touch and its facts to its Content; what each kind of channel takes is decided here."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from campaigns.errors import Place, RenderError
from campaigns.rendering.content import Content
from campaigns.rendering.facts import plain

if TYPE_CHECKING:
    from campaigns.definition import Campaign, Touch
    from campaigns.finding import Finding
    from campaigns.rendering.mail import Mails
    from campaigns.rendering.run import Run

_SPACES = str.maketrans({"\u00a0": " ", "\u202f": " ", "\u2009": " "})
_UNPRINTED = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


class Renderer:
    """Renders the touches of one campaign from its own templates (path -> source) and the bundled ones.

    Compiled templates and finished layouts are kept, so one Renderer serves all messages of a revision. The same
    touch and facts give the same bytes.
    """

    def __init__(self, campaign: Campaign, templates: Mapping[str, str]) -> None:
        from campaigns.rendering.engine import Engine

        self._campaign = campaign
        self._engine = Engine(campaign, templates)
        self._mails: Mails | None = None

    def render(self, touch: Touch, facts: Mapping[str, object]) -> Content:
        """Return what `touch` says with these facts (see `facts`); the whole message or RenderError, never a part.

        RenderError names template and line: unknown names, broken syntax, forbidden operations, an empty subject or
        body, a marketing mail without postal address or unsubscribe link.
        """
        from campaigns.rendering.run import running

        given = plain(facts)
        assert isinstance(given, dict)
        with running(given) as run:
            if touch.channel[0] == "email":
                return self._mail(touch, given, run)
            return self._note(touch, given)

    def check(self, *, known_contact_fields: Collection[str] = (), public_address: bool = False) -> tuple[Finding, ...]:
        """Return what is wrong with the templates of all touches, without rendering any; empty when nothing is.

        `known_contact_fields` are facts that contacts have besides the standard ones and those of the personas;
        `public_address` says that unsubscribe links need no `senders.unsubscribe`.
        """
        from campaigns.rendering.check import Check

        return Check(self._campaign, self._engine).findings(frozenset(known_contact_fields), public_address)

    def _mail(self, touch: Touch, facts: dict[str, object], run: Run) -> Content:
        from campaigns.rendering.environment import Part
        from campaigns.rendering.faults import explained
        from campaigns.rendering.mail import Mails

        mails = self._mails = self._mails or Mails(self._engine, self._campaign.language)
        self._refuse_unlawful(touch, facts)
        body = self._body(touch)
        layout = self._engine.sources.layout(touch)
        subject = self._line(touch, "subject", facts, body)
        if not subject:
            raise RenderError(
                f"the subject of {touch.id!r} is empty",
                place=self._place(touch, "subject"),
                remedy="give the touch a `subject:`, or the template one in its head",
            )
        preheader = self._line(touch, "preheader", facts, body)
        data = mails.context(facts, subject, preheader)
        html: str | None = None
        text = self._text(touch, data)
        if body.endswith(".md") and not body.startswith(":"):
            html, derived = mails.from_markdown(body, layout, run, data)
        elif body.endswith(".html"):
            html, derived = mails.from_html(body, layout, run, data)
        else:
            derived = self._engine.write(Part.TEXT, body, data)
        with explained(self._engine.sources, body):
            return Content(
                subject=subject,
                text=mails.with_footer(derived if text is None else text, data),
                html=html,
                preheader=preheader,
                media=_media(touch),
            )

    def _note(self, touch: Touch, facts: dict[str, object]) -> Content:
        """Return a post, an SMS, a task or a hook: plain text as the template has it, values as they are."""
        from campaigns.rendering.environment import Part
        from campaigns.rendering.mail import tidy

        body = self._body(touch, needed=not touch.media and touch.channel[0] != "webhook")
        text = subject = ""
        if body:
            if body.endswith(".html") and body != f":{touch.id}.text":
                raise RenderError(
                    f"{touch.channel[0]} takes plain text, got the HTML template of {touch.id!r}",
                    place=self._place(touch, "html" if body.startswith(":") else "template"),
                    remedy="use a .md or .txt template, or `text:`",
                )
            text = tidy(self._engine.write(Part.TEXT, body, facts))
            if not text.strip():
                raise RenderError(f"the text of {touch.id!r} is empty", place=self._engine.sources.place(body, 1))
            subject = self._line(touch, "subject", facts, body)
        if touch.channel[0] == "sms":
            # One no-break space would make every part of the SMS half as long (GSM 03.38 does not have it).
            text = text.translate(_SPACES)
        return Content(subject=subject, text=text, media=_media(touch))

    def _body(self, touch: Touch, *, needed: bool = True) -> str:
        """Return the name of the template that says what the touch says; empty where nothing needs to be said."""
        if touch.template is not None:
            return touch.template
        if touch.html is not None:
            return f":{touch.id}.html"
        if touch.text is not None:
            return f":{touch.id}.text"
        if needed:
            raise RenderError(
                f"the touch {touch.id!r} says nothing",
                place=self._place(touch),
                remedy="give it a `template:` or a `text:`",
            )
        return ""

    def _text(self, touch: Touch, data: dict[str, object]) -> str | None:
        """Return the text part where the author wrote one: `text:`, or the `.txt` beside the `.html`."""
        from campaigns.rendering.environment import Part

        if touch.text is not None:
            return self._engine.write(Part.TEXT, f":{touch.id}.text", data)
        beside = (touch.template or "").removesuffix(".html") + ".txt"
        if (touch.template or "").endswith(".html") and self._engine.sources.knows(beside):
            return self._engine.write(Part.TEXT, beside, data)
        return None

    def _line(self, touch: Touch, key: str, facts: Mapping[str, object], body: str) -> str:
        """Return the subject or preheader as one line; from the touch, else from the head of its template."""
        from campaigns.rendering.environment import Part

        if getattr(touch, key) is not None:
            name = f":{touch.id}.{key}"
        elif key in self._engine.sources.front(body).values:
            name = f":{body}.{key}"
        else:
            return ""
        return " ".join(_UNPRINTED.sub(" ", self._engine.write(Part.TEXT, name, facts)).split())

    def _refuse_unlawful(self, touch: Touch, facts: Mapping[str, object]) -> None:
        """Refuse a marketing mail that does not say who sends it or how to stop it."""
        from campaigns.rendering.mail import check_unsubscribe

        campaign, links = facts.get("campaign"), facts.get("links")
        unsubscribe = links.get("unsubscribe") if isinstance(links, dict) else None
        if unsubscribe is not None:
            check_unsubscribe(str(unsubscribe))
        if touch.purpose != "marketing":
            return
        if not isinstance(campaign, dict) or not campaign.get("postal_address"):
            raise RenderError(
                f"the marketing mail {touch.id!r} has no postal address",
                place=self._campaign.place("senders"),
                remedy="give `senders:` a `postal_address:`",
            )
        if not unsubscribe:
            raise RenderError(
                f"the marketing mail {touch.id!r} has no unsubscribe link",
                place=self._campaign.place("senders"),
                remedy="give `senders:` an `unsubscribe: mailto:...`",
            )

    def _place(self, touch: Touch, *path: str) -> Place:
        return self._campaign.place(*self._campaign.touch_path(touch.id), *path)


def _media(touch: Touch) -> tuple[tuple[str, str], ...]:
    return tuple((media.file, media.alt) for media in touch.media)
