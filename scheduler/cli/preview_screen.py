"""One message on a screen: to whom, when, what it says, and what a reader or a law would miss."""

from __future__ import annotations

from typing import TYPE_CHECKING

from campaigns.timing import zones
from scheduler.cli import wording
from scheduler.cli.output import WIDTH, Piece, Screen, Span, display_width
from scheduler.cli.review import Review

if TYPE_CHECKING:
    from campaigns.definition import Touch
    from scheduler.channels.base import Message
    from scheduler.cli.message import Reader


def show(screen: Screen, seen: Review, touch: Touch, made: Message, reader: Reader) -> None:
    """Write the message with who gets it and when above it, and what a reader would miss beneath."""
    width = screen.width or WIDTH
    content = made.content
    heads: list[tuple[str, str, str]] = [(*_addressee(made), _fires(seen, made))]
    if made.channel in ("email", "sms") and made.sender:
        heads.append(("From", made.sender, ""))
    if content.subject:
        heads.append(("Subject", content.subject, wording.count(len(content.subject), "character")))
    if content.preheader:
        heads.append(("Preview", content.preheader, "what the inbox shows after it"))
    if made.post_as:
        heads.append(("As", f"a {made.post_as}", ""))
    heads += [("Media", file, alt or "no description") for file, alt in content.media]
    for name, value, aside in heads:
        gap = " " * max(2, width - 9 - display_width(value) - display_width(aside))
        screen.line(Span(f"{name:<9}", "faint"), value, *((gap, Span(aside, "faint")) if aside else ()))
    rule = Span("─" * width, "faint")
    screen.line(rule)
    screen.prose(content.text)
    screen.line(rule)
    if checks := _checks(seen, touch, made):
        screen.line(*checks)
    _steps(screen, seen, made, reader)


def _addressee(made: Message) -> tuple[str, str]:
    if made.recipient is not None:
        address = made.recipient.phone if made.channel in ("sms", "whatsapp", "call") else made.recipient.email
        name = made.recipient.name
        return "To", f"{name} <{address}>" if name and address else name or address or "somebody"
    if touch_account := made.account:
        return "On", f"{made.channel} @{touch_account}"
    return "On", made.channel


def _fires(seen: Review, made: Message) -> str:
    planned = seen.timeline.touch(made.touch)
    if planned.trigger is not None:
        return f"goes {planned.delay or 'at once'} after {planned.after or planned.trigger}".replace("goes +", "goes ")
    return f"goes {wording.moment(zones.local(made.due_at, seen.loaded.campaign.zone), year=True)}"


def _checks(seen: Review, touch: Touch, made: Message) -> list[Piece]:
    """Return the short list under the message: what a reader or a law would miss."""
    content = made.content
    found: list[tuple[bool, str]] = []
    if made.channel == "email":
        if made.unsubscribe:
            found.append(_part(made.unsubscribe.split(":", 1)[-1] in content.text, "unsubscribe link"))
        found.append(_part(bool(content.text.strip()), "plain-text part"))
        found.append(_part(content.html is not None, "HTML part"))
    if touch.offer and (offer := seen.timeline.offer(touch.offer)) is not None:
        zone = seen.loaded.campaign.zone
        first, day, last = (
            zones.local(moment or made.due_at, zone).date() for moment in (offer.starts_at, made.due_at, offer.ends_at)
        )
        valid = first <= day <= last
        found.append((valid, f"{touch.offer} {'valid that day' if valid else 'NOT valid that day'}"))
    nameless = sum(not alt for _, alt in content.media)
    if nameless:
        found.append((False, f"{wording.count(nameless, 'picture')} without a description"))
    there = seen.loaded.media()
    missing = [file for file, _ in content.media if "://" not in file and file not in there]
    found += [(False, f"{file} is missing") for file in missing]
    pieces: list[Piece] = []
    for good, text in found:
        pieces += [Span("✓ " if good else "! ", "good" if good else "warning"), text, "  "]
    return pieces


def _part(is_there: bool, name: str) -> tuple[bool, str]:
    return is_there, name if is_there else f"no {name}"


def _called(seen: Review, persona: str) -> object:
    return seen.loaded.campaign.personas[persona].contact.get("first_name", persona)


def _steps(screen: Screen, seen: Review, made: Message, reader: Reader) -> None:
    name = seen.choice.touch(made.campaign, made.touch)
    others = [persona for persona in seen.loaded.campaign.personas if persona != reader.persona]
    steps = []
    if made.content.html is not None:
        who = f" --persona {reader.persona}" if reader.persona else ""
        steps.append((f"campaign preview {name}{who} --open", "in the browser"))
    if others and made.recipient is not None:
        steps.append((f"campaign preview {name} --persona {others[0]}", f"read it as {_called(seen, others[0])} would"))
    screen.steps(steps[:2])
