"""What was sent of a touch, version by version, on a screen and as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from campaigns.limits import how_to_mend
from scheduler.cli import telling
from scheduler.cli.options import Session
from scheduler.cli.output import Span
from scheduler.cli.wording import count, thousands

if TYPE_CHECKING:
    from scheduler.operations.correcting import Reach, Report, SentPost, SentVersion


def write(session: Session, report: Report) -> None:
    """Write every version with when it went, to how many, and who can still be told."""
    screen = session.screen
    name = f"{report.campaign}/{report.touch}"
    if not report.versions:
        screen.line(f"Nothing of {name} was sent: there is nothing to correct.")
        screen.steps([(f"campaign apply {report.campaign}", "so that the words of the file go")])
        return
    screen.line(Span(name, "title"), f"  {report.edition}".rstrip())
    for one in report.versions:
        screen.line()
        _version(session, report, one)
    for post in report.posts:
        screen.line()
        _post(session, report, post)


def _version(session: Session, report: Report, one: SentVersion) -> None:
    screen = session.screen
    several = f"  {one.touch}" if one.touch != report.touch else ""
    words = one.words if len(one.words) <= 50 else f"{one.words[:49]}…"
    now = "  goes now" if one.is_in_force else ""
    screen.line(Span(one.version, "strong"), f"  {one.channel}{several}  “{words}”", Span(now, "good"))
    screen.line(f"    {_span(report, one)}: {_messages(one)}")
    if one.reach.people:
        told = (count(one.reach.people, "person", "people"),) if one.is_in_force else reach_lines(one.reach)
        for line in told:
            screen.paragraph(f"    {line}", indent=4)
    if one.on_their_way:
        verb = "is" if one.on_their_way == 1 else "are"
        screen.line(f"    {count(one.on_their_way, 'message')} {verb} on the way this moment, and will be among them")
    if one.waiting:
        screen.line(f"    {count(one.waiting, 'more message')} will go with these words")


def _span(report: Report, one: SentVersion) -> str:
    first, last = (telling.local(at, report.zone) for at in (one.first_at, one.last_at))
    begin = telling.told(one.first_at, report.zone)
    if f"{first:%F %H:%M}" == f"{last:%F %H:%M}":
        return begin
    return f"{begin}–{last:%H:%M}" if first.date() == last.date() else f"{begin} – {telling.told(last, report.zone)}"


def _messages(one: SentVersion) -> str:
    parts = [f"{thousands(one.sent)} sent"]
    if one.unknown:
        parts.append(f"{thousands(one.unknown)} of which nobody knows whether they went")
    return ", ".join(parts)


def reach_lines(reach: Reach) -> Iterable[str]:
    """Yield how many can be told, and why the others cannot."""
    if not reach.people:
        yield "nobody was sent such words"
        return
    people = count(reach.people, "person", "people")
    yield (
        f"{people}, who can be told" if reach.left == reach.people else f"{people}, {thousands(reach.left)} can be told"
    )
    others = [f"{thousands(number)} {why}" for why, number in reach.cannot.items()]
    if reach.corrected:
        has = "has a correction or waits for it" if reach.corrected == 1 else "have a correction or wait for it"
        others.insert(0, f"{thousands(reach.corrected)} {has}")
    if others:
        yield f"not: {', '.join(others)}"


def _post(session: Session, report: Report, post: SentPost) -> None:
    screen = session.screen
    at = telling.told(post.at, report.zone)
    screen.line(Span(post.version, "strong"), f"  {post.channel} @{post.account}  {at}  {post.where or post.state}")
    screen.paragraph(f"    {how_to_mend(post.channel)}", indent=4)


def next_steps(session: Session, report: Report) -> None:
    """Close with what to type: the correction of the words that an edit has mended, else how they are mended."""
    name = f"{report.campaign}/{report.touch}"
    to_people = [one for one in report.versions if one.reach.people]
    if to_people:
        session.screen.line()
    wrong = [one for one in report.wrong if one.reach.left]
    if wrong:
        which = f" --version {wrong[0].version}" if len(wrong) > 1 else ""
        subject = " --subject TEXT" if wrong[0].channel == "email" else ""
        told = count(wrong[0].reach.left, "person", "people")
        session.screen.steps([(f"campaign correct {name}{which}{subject} --text TEXT", f"shows the plan for {told}")])
    elif any(one.reach.people for one in report.wrong):
        session.screen.line("Nobody is left to tell.")
    elif to_people:
        session.screen.line("What was sent is what still goes. If it is wrong, mend the file first:")
        session.screen.steps([(f"campaign apply {report.campaign}", "so that nobody else gets these words")])


def document(report: Report) -> dict[str, object]:
    """Return the report as JSON has it."""
    return {
        "campaign": report.campaign,
        "edition": report.edition,
        "touch": report.touch,
        "versions": [_version_document(report, one) for one in report.versions],
        "posts": [
            {
                "touch": post.touch,
                "version": post.version,
                "channel": post.channel,
                "account": post.account,
                "state": post.state,
                "where": post.where or None,
                "at": telling.local(post.at, report.zone),
                "remedy": how_to_mend(post.channel),
            }
            for post in report.posts
        ],
    }


def _version_document(report: Report, one: SentVersion) -> dict[str, object]:
    return {
        "touch": one.touch,
        "channel": one.channel,
        "version": one.version,
        "words": one.words,
        "in_force": one.is_in_force,
        "first_at": telling.local(one.first_at, report.zone),
        "last_at": telling.local(one.last_at, report.zone),
        "sent": one.sent,
        "unknown": one.unknown,
        "on_their_way": one.on_their_way,
        "waiting": one.waiting,
        **reach_document(one.reach),
    }


def reach_document(reach: Reach) -> dict[str, object]:
    """Return to whom a correction can go, as JSON has it."""
    return {
        "people": reach.people,
        "left": reach.left,
        "corrected": reach.corrected,
        "cannot": dict(reach.cannot),
    }
