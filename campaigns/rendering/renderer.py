"""From a touch and its facts to its Content; what each kind of channel takes is decided here."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING

from campaigns.errors import Place, RenderError
from campaigns.plain import PlainFacts, plain
from campaigns.rendering.content import Content, one_line, own_links, touch_media

if TYPE_CHECKING:
    from campaigns.definition import Campaign, Touch
    from campaigns.finding import Finding
    from campaigns.rendering.folds import Folds
    from campaigns.rendering.form import Form
    from campaigns.rendering.mail import Mails
    from campaigns.rendering.run import Run
    from campaigns.rendering.script import Script
    from campaigns.rendering.written import Bare

_SPACES = str.maketrans({"\u00a0": " ", "\u202f": " ", "\u2009": " "})


class Renderer:
    """Renders the touches of one campaign from its own templates (path -> source) and the bundled ones.

    Compiled templates and finished layouts are kept, so one Renderer serves all messages of a revision. The same
    touch and facts give the same bytes.

    A touch with more than `folds_after` mails is folded: what all readers share is worked out once, which a message
    costs a fifth of then. `told` hears of each touch that cannot be, with its id and the reason. What such a mail is
    made of stays with it (`Content.filled`) with `keeps_pieces`.
    """

    def __init__(
        self,
        campaign: Campaign,
        templates: Mapping[str, str],
        *,
        folds_after: int = 20,
        told: Callable[[str, str], None] | None = None,
        keeps_pieces: bool = False,
    ) -> None:
        from campaigns.rendering.engine import Engine

        self._campaign = campaign
        self._engine = Engine(campaign, templates)
        self._mails: Mails | None = None
        self._scripts: dict[str, Script] = {}
        self._folds: dict[str, Folds] = {}
        self._folds_after = folds_after
        self._told = told
        self._keeps_pieces = keeps_pieces

    def render(self, touch: Touch, facts: Mapping[str, object]) -> Content:
        """Return what `touch` says with these facts (see `facts`); the whole message or RenderError, never a part.

        RenderError names template and line: unknown names, broken syntax, forbidden operations, an empty subject or
        body, a marketing mail without postal address or unsubscribe link.
        """
        given = facts if type(facts) is PlainFacts else plain(facts)
        assert isinstance(given, dict)
        if touch.channel[0] != "email":
            return self._plainly(touch, given)[0]
        folds = self._folds.get(touch.id)
        if folds is None:
            folds = self._folds[touch.id] = self._folding(touch)
        return folds.render(given)

    def check(self, *, known_contact_fields: Collection[str] = (), public_address: bool = False) -> tuple[Finding, ...]:
        """Return what is wrong with the templates of all touches, without rendering any; empty when nothing is.

        `known_contact_fields` are facts that contacts have besides the standard ones and those of the personas;
        `public_address` says that there are links to the doors: `links.confirm`, and no need of `senders.unsubscribe`.
        """
        from campaigns.rendering.check import Check

        return Check(self._campaign, self._engine).findings(frozenset(known_contact_fields), public_address)

    def bare_facts(self) -> dict[str, tuple[Bare, ...]]:
        """Return by touch the facts it writes as they are though they may be empty, each with its place; see `gaps`."""
        from campaigns.rendering.gaps import bare_facts

        return bare_facts(self._campaign, self._engine)

    def asked_facts(self) -> dict[str, tuple[Bare, ...]]:
        """Return by touch the facts that it asks for as they are (`{% if contact.vip %}`), each with its place."""
        from campaigns.rendering.gaps import asked_facts

        return asked_facts(self._campaign, self._engine)

    def prepare(self) -> None:
        """Load and compile what the first message would otherwise wait for; renders nothing."""
        import css_inline  # noqa: F401 - a large library, loaded here so that no message waits for it

        from campaigns.rendering.mail import Mails

        self.check()
        self._mails = self._mails or Mails(self._engine, self._campaign.language)

    def _plainly(self, touch: Touch, facts: dict[str, object]) -> tuple[Content, int]:
        """Return what the touch says, written in the sandbox, and how many steps that took."""
        from campaigns.rendering.run import MAX_STEPS, running

        with running(facts) as run:
            said = self._mail(touch, facts, run) if touch.channel[0] == "email" else self._note(touch, facts)
            return said, MAX_STEPS - run.steps

    def _folding(self, touch: Touch) -> Folds:
        from campaigns.rendering.folds import Folds

        return Folds(
            lambda facts: self._plainly(touch, facts),
            lambda shared: self._form(touch, shared),
            after=self._folds_after,
            told=lambda why: self._told(touch.id, why) if self._told is not None else None,
        )

    def _form(self, touch: Touch, shared: dict[str, object]) -> Form:
        """Return the form of a mail for readers who share these facts."""
        from campaigns.rendering.form import Form
        from campaigns.rendering.mail import Mails

        self._mails = self._mails or Mails(self._engine, self._campaign.language)
        return Form(
            touch,
            self._script(touch),
            self._engine,
            self._mails,
            shared,
            lambda facts: self._refuse_unlawful(touch, facts),
            keeps_pieces=self._keeps_pieces,
        )

    def _mail(self, touch: Touch, facts: dict[str, object], run: Run) -> Content:
        from campaigns.rendering.environment import Part
        from campaigns.rendering.faults import explained
        from campaigns.rendering.mail import Mails

        mails = self._mails = self._mails or Mails(self._engine, self._campaign.language)
        self._refuse_unlawful(touch, facts)
        says = self._script(touch)
        body = self._body(touch, says)
        subject = self._line(says.subject, facts)
        if not subject:
            raise RenderError(
                f"the subject of {touch.id!r} is empty",
                place=self._place(touch, "subject"),
                remedy="give the touch a `subject:`, or the template one in its head",
            )
        preheader = self._line(says.preheader, facts)
        data = mails.context(facts, subject, preheader)
        own = None if says.text is None else self._engine.write(Part.TEXT, says.text, data)
        html: str | None = None
        if says.layout is not None:
            html, read, layout = mails.html(says.part, body, says.layout, run, data)
        if own is not None:
            text = own
        elif says.layout is None or says.part is Part.TEXT:
            text = self._engine.write(Part.TEXT, body, data)
        else:
            text = mails.text_of(read, layout, run, data)
        with explained(self._engine.sources, body):
            return Content(
                subject=subject,
                text=mails.with_footer(text, data),
                html=html,
                preheader=preheader,
                media=touch_media(touch),
                own=own_links(facts),
            )

    def _note(self, touch: Touch, facts: dict[str, object]) -> Content:
        """Return a post, an SMS, a task or a hook: plain text as the template has it, values as they are."""
        from campaigns.rendering.environment import Part
        from campaigns.rendering.mail import tidy

        says = self._script(touch)
        text = subject = ""
        if says.body is not None or (touch.channel[0] != "webhook" and not touch.media):
            body = self._body(touch, says)
            text = tidy(self._engine.write(Part.TEXT, body, facts))
            is_meant = touch.text == "" and touch.media  # a picture without words, where other channels have some
            if not text.strip() and not is_meant:
                raise RenderError(f"the text of {touch.id!r} is empty", place=self._engine.sources.place(body, 1))
            subject = self._line(says.subject, facts)
        if touch.channel[0] == "sms":
            # One no-break space would make every part of the SMS half as long (GSM 03.38 does not have it).
            text = text.translate(_SPACES)
        return Content(subject=subject, text=text, media=touch_media(touch), own=own_links(facts))

    def _script(self, touch: Touch) -> Script:
        """Return the touch's templates by name, worked out once."""
        from campaigns.rendering.script import script

        if touch.id not in self._scripts:
            self._scripts[touch.id] = script(self._campaign, self._engine.sources, touch)
        return self._scripts[touch.id]

    def _body(self, touch: Touch, says: Script) -> str:
        if says.body is None:
            raise RenderError(
                f"the touch {touch.id!r} says nothing",
                place=self._place(touch),
                remedy="give it a `template:` or a `text:`",
            )
        return says.body

    def _line(self, name: str | None, facts: Mapping[str, object]) -> str:
        """Return a subject or preheader as one line, empty where there is none."""
        from campaigns.rendering.environment import Part

        if name is None:
            return ""
        return one_line(self._engine.write(Part.TEXT, name, facts))

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
