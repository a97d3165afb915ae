"""What can be said about templates without any person's data: broken syntax, missing files, names nobody knows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING

from jinja2 import meta, nodes

from campaigns.errors import Place, RenderError
from campaigns.finding import Finding, Level
from campaigns.rendering.engine import Engine
from campaigns.rendering.environment import Part
from campaigns.rendering.facts import STANDARD_FACTS, known_names
from campaigns.rendering.faults import explained
from campaigns.rendering.script import Script, ScriptError, script

if TYPE_CHECKING:
    from campaigns.definition import Campaign, Touch

_CAMPAIGN = ("id", "title", "edition", "language", "country", "timezone", "occasion", "sender", "postal_address")
_EVENT = ("at", "id", "key", "name")
_MOMENTS = {"offer": ("starts", "until"), "campaign": ("occasion",), "event": ("at",), "touch": ("now",)}
_SCRIPTED = re.compile(
    r"""(?:\bhref\s*=\s*["']?|\]\(\s*<?|^[ \t]*\[[^\]\n]+\]:\s*<?)\s*(javascript|vbscript|data|file)\s*:""",
    re.IGNORECASE | re.MULTILINE,
)
_GUARDS = ("default", "d")


@dataclass(slots=True)
class _Seen:
    """What the templates of one touch do, over everything they extend and include."""

    used: list[tuple[str, str, str, int, bool]] = field(default_factory=list)  # section, name, template, line, bare
    unknown: list[tuple[str, str, int]] = field(default_factory=list)  # name, template, line
    assigned: set[str] = field(default_factory=set)
    guarded: set[tuple[str, str]] = field(default_factory=set)


class Check:
    """Looks through every touch of a campaign, once for each template of it."""

    def __init__(self, campaign: Campaign, engine: Engine) -> None:
        self._campaign = campaign
        self._engine = engine
        self._sources = engine.sources
        self._has_links = False

    def findings(self, contact_fields: frozenset[str], public_address: bool) -> tuple[Finding, ...]:
        """Return the findings of all touches in the order of the file, each once."""
        self._has_links = public_address
        found: dict[Finding, None] = {}
        personas = {key for persona in self._campaign.personas.values() for key in persona.contact}
        known = contact_fields | personas | set(self._asked()) | {*STANDARD_FACTS, "name", "email", "phone"}
        for _, touch in self._campaign.touches():
            found |= dict.fromkeys(self._touch(touch, frozenset(known)))
        found |= dict.fromkeys(self._senders(public_address))
        return tuple(found)

    def _asked(self) -> Iterator[str]:
        """Yield the facts that the campaign's own audiences ask about: its author knows that contacts have them."""
        from campaigns import segments

        audiences = [self._campaign.audience, *(persona.match for persona in self._campaign.personas.values())]
        for stage, touch in self._campaign.touches():
            audiences += [stage.audience, touch.audience]
        for audience in dict.fromkeys(filter(None, audiences)):
            yield from segments.fields(segments.parse(audience))

    def _senders(self, public_address: bool) -> Iterator[Finding]:
        mails = [
            touch.id
            for _, touch in self._campaign.touches()
            if touch.channel[0] == "email" and touch.purpose == "marketing"
        ]
        if not mails:
            return
        senders, place = self._campaign.senders, self._campaign.place("senders")
        who = f"the marketing mail {mails[0]!r}" + (f" and {len(mails) - 1} more" if len(mails) > 1 else "")
        if not senders.postal_address:
            remedy = "give `senders:` a `postal_address:`"
            yield _error("template-postal-address", f"{who}: no postal address for the footer", place, remedy)
        if not senders.unsubscribe and not public_address:
            remedy = "give `senders:` an `unsubscribe: mailto:...`"
            yield _error("template-unsubscribe", f"{who}: no way to unsubscribe", place, remedy)

    def _touch(self, touch: Touch, contact_fields: frozenset[str]) -> Iterator[Finding]:
        place = self._campaign.place(*self._campaign.touch_path(touch.id))
        try:
            says = script(self._campaign, self._sources, touch)
        except RenderError as error:
            yield _finding(error)
            return
        elsewhere = bool(touch.variants or touch.by_channel)  # these hold the words, and are judged apart
        may_be_silent = elsewhere or touch.channel[0] == "webhook" or (touch.media and touch.channel[0] != "email")
        if says.body is None and not may_be_silent:
            message = f"the touch {touch.id!r} says nothing"
            yield _error("template-body", message, place, "give it a `template:` or a `text:`")
        if touch.channel[0] == "email" and says.subject is None and not elsewhere:
            message = f"the mail {touch.id!r} has no subject"
            yield _error("template-subject", message, place, "give it a `subject:`, or one in the template's head")
        seen = _Seen()
        broken: list[Finding] = []
        for part, name in self._written(says):
            broken += self._walk(part, name, seen, set())
        yield from broken
        if not broken:
            found = list(self._names(touch, seen, contact_fields))
            yield from sorted(found, key=lambda one: (one.place.file, one.place.line or 0) if one.place else ("", 0))

    def _written(self, says: Script) -> Iterator[tuple[Part, str]]:
        """Yield every template of a touch with the part it is written for."""
        for name in (says.subject, says.preheader, says.text):
            if name is not None:
                yield Part.TEXT, name
        if says.body is not None:
            yield says.part, says.body
        if says.layout is not None:
            plain = says.layout.removesuffix(".html") + ".txt"
            yield from ((Part.HTML, says.layout), (Part.HTML, "layouts/footer.html"), (Part.TEXT, "layouts/footer.txt"))
            if says.part is Part.HTML and says.preheader is not None:
                yield Part.HTML, "layouts/preheader.html"
            if self._sources.knows(plain):
                yield Part.TEXT, plain

    def _walk(self, part: Part, name: str, seen: _Seen, walked: set[str]) -> list[Finding]:
        """Compile `name` and all it leads to, noting what is used; return what is broken."""
        if name in walked:
            return []
        walked.add(name)
        sandbox = self._engine.sandbox(part)
        try:
            with explained(self._sources, name):
                sandbox.get_template(name)
                source = self._sources.body(name) or ""
                tree = sandbox.parse(source, name, name)
        except RenderError as error:
            return [_finding(error)]
        _note(tree, name, seen)
        broken = list(self._scripts(part, name, source))
        for node in tree.find_all((nodes.Include, nodes.Extends, nodes.Import, nodes.FromImport)):
            wanted = [const.value for const in node.find_all(nodes.Const) if isinstance(const.value, str)]
            there = [other for other in wanted if self._sources.knows(other)]
            for other in there[:1]:
                broken += self._walk(part, other, seen, walked)
            if not there and not getattr(node, "ignore_missing", False):
                near = get_close_matches(wanted[0], self._sources.names(), 1, 0.85)
                remedy = f"did you mean {near[0]!r}?" if near else ""
                place = self._sources.place(name, node.lineno)
                broken.append(_error("template-missing", f"no template {wanted[0]!r}", place, remedy))
        return broken

    def _scripts(self, part: Part, name: str, source: str) -> Iterator[Finding]:
        """Yield the links of a template that would run a script; what values make of a link is seen at rendering."""
        for found in () if part is Part.TEXT else _SCRIPTED.finditer(source):
            place = self._sources.place(name, source.count("\n", 0, found.start()) + 1)
            message = f"a link cannot begin with {found[1].lower()}:"
            yield _error("template-link", message, place, "write a web address: https://...")

    def _names(self, touch: Touch, seen: _Seen, contact_fields: frozenset[str]) -> Iterator[Finding]:
        top = known_names({"mail", *seen.assigned})
        for name, template, line in seen.unknown:
            if name in top:
                continue
            near = get_close_matches(name, top, 1)
            remedy = f"did you mean {near[0]!r}?" if near else f"expected one of: {', '.join(sorted(known_names()))}"
            yield _error("template-unknown-name", f"unknown name {name!r}", self._sources.place(template, line), remedy)
        known = self._known(touch, contact_fields)
        for section, name, template, line, bare in seen.used:
            place = self._sources.place(template, line)
            if section in seen.assigned or (section, name) in seen.guarded:
                continue
            if section in known and name not in (there := known[section] or ()):
                if known[section] is None:
                    continue
                yield _error("template-unknown-name", *_unknown(touch, section, name, there, place))
            elif bare and name in _MOMENTS.get(section, ()):
                message = f"the moment {section}.{name} would be written as 2027-02-14T09:30:00+01:00"
                yield Finding("template-raw-date", Level.WARNING, message, place, f"write `{section}.{name} | date`")

    def _known(self, touch: Touch, contact_fields: frozenset[str]) -> Mapping[str, frozenset[str] | None]:
        """Return the names each section will have for this touch; None where nobody can know them beforehand."""
        offer = self._campaign.offers.get(touch.offer or "")
        offered = {"code", "terms"} if offer is not None else set()
        if offer is not None:
            offered |= {"until"} if offer.until is not None else set()
            offered |= {"starts"} if offer.starts is not None else set()
        event: frozenset[str] | None = frozenset()
        if touch.on is not None and touch.answers_event:
            declared = self._campaign.events.get(touch.on)
            event = frozenset({*_EVENT, *declared}) if declared else None
        links = {"unsubscribe"} if touch.purpose == "marketing" and touch.is_personal else set()
        links |= {"confirm"} if touch.confirms and self._has_links else set()
        links |= {"preferences"} if touch.is_personal and self._has_links else set()
        senders, missing = self._campaign.senders, set()
        missing |= {"postal_address"} if not senders.postal_address else set()
        missing |= {"country"} if not self._campaign.country else set()
        missing |= {"occasion"} if not self._campaign.occasion else set()
        return {
            "contact": contact_fields if touch.is_personal else frozenset(),
            "event": event,
            "campaign": frozenset({*_CAMPAIGN} - missing),
            "stage": frozenset({"id", "kind", "does"}),
            "touch": frozenset({"id", "channel", "purpose", "timezone", "now"}),
            "offer": frozenset(offered),
            "links": frozenset(links),
        }


def _unknown(touch: Touch, section: str, name: str, known: Iterable[str], place: Place) -> tuple[str, Place, str]:
    """Return message, place and remedy about a name that a section does not have."""
    message = f"unknown name '{section}.{name}'"
    if section == "offer" and touch.offer is None:
        return message, place, f"name the offer in the touch {touch.id!r}: `offer: CODE`"
    if section == "offer" and name in ("until", "starts"):
        return message, place, f"give the offer {touch.offer!r} a `{'from' if name == 'starts' else name}:`"
    if section == "event" and not touch.answers_event:
        return message, place, f"the touch {touch.id!r} has no `on:`, so no event"
    if section == "contact" and not touch.is_personal:
        return message, place, f"{touch.id!r} is for everybody and has no contact"
    if section == "links":
        remedy = "only a marketing message to a person has `links.unsubscribe`"
        if name == "preferences" and touch.is_personal:
            remedy = "set CAMPAIGN_PUBLIC_URL, on which it stands"
        if name == "confirm":
            remedy = "set CAMPAIGN_PUBLIC_URL, on which it stands"
            if not touch.confirms:
                remedy = "only a transactional touch with `on: signup` has `links.confirm`"
        return message, place, remedy
    near = get_close_matches(name, list(known), 1)
    remedy = f"did you mean '{section}.{near[0]}'?" if near else f"expected one of: {', '.join(sorted(known))}"
    if section == "contact" and not near:
        remedy += "; where only some have it: `| default('...')`"
    return message, place, remedy


def _note(tree: nodes.Template, name: str, seen: _Seen) -> None:
    """Note the names a template uses and assigns, which of them it guards, and moments it would print as they are."""
    undeclared = meta.find_undeclared_variables(tree)
    for node in tree.find_all(nodes.Name):
        if node.ctx in ("store", "param"):
            seen.assigned.add(node.name)
        elif node.name in undeclared:
            seen.unknown.append((node.name, name, node.lineno))
    seen.assigned |= {imported.target for imported in tree.find_all(nodes.Import)}
    for imported in tree.find_all(nodes.FromImport):
        seen.assigned |= {taken if isinstance(taken, str) else taken[1] for taken in imported.names}
    seen.assigned |= {macro.name for macro in tree.find_all(nodes.Macro)}
    guarded = [node.node for node in tree.find_all(nodes.Filter) if node.name in _GUARDS]
    guarded += [node.node for node in tree.find_all(nodes.Test) if node.name in ("defined", "undefined")]
    bare = {id(node) for output in tree.find_all(nodes.Output) for node in output.nodes}
    safe = {id(node) for node in guarded}
    for access in tree.find_all((nodes.Getattr, nodes.Getitem)):
        used = named(access)
        if used is None:
            continue
        if id(access) in safe:
            seen.guarded.add(used)
        else:
            seen.used.append((*used, name, access.lineno, id(access) in bare))


def named(node: nodes.Node) -> tuple[str, str] | None:
    """Return (section, name) for `contact.city` and `contact['city']`, None for anything else."""
    if not isinstance(node, (nodes.Getattr, nodes.Getitem)) or not isinstance(node.node, nodes.Name):
        return None
    if isinstance(node, nodes.Getattr):
        return node.node.name, node.attr
    if isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str):
        return node.node.name, node.arg.value
    return None


def _error(code: str, message: str, place: Place, remedy: str) -> Finding:
    return Finding(code, Level.ERROR, message, place, remedy)


def _finding(error: RenderError) -> Finding:
    code = error.code if isinstance(error, ScriptError) else "template-syntax"
    return Finding(code, Level.ERROR, error.message, error.place, error.remedy)
