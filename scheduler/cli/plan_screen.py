"""The plan on a screen: heading, people, strip, list, offers, feasibility, findings, the count and what to do next."""

from __future__ import annotations

from campaigns.timeline import PlannedTouch
from campaigns.timing import zones
from scheduler.cli import findings, strip, wording
from scheduler.cli.output import WIDTH, Cell, Piece, Screen, Span, display_width
from scheduler.cli.plan_rows import Row, Selection, rows
from scheduler.cli.review import Review
from scheduler.people import LABELS, PeopleCounts

STYLES = {"+": "add", "~": "change", "-": "cancel", "=": "faint", " ": "faint"}


def show(screen: Screen, review: Review, selection: Selection) -> None:
    """Write the whole screen of one campaign, up to the findings."""
    _heading(screen, review)
    _people(screen, review)
    screen.line()
    if not selection.is_narrowed:
        _strip(screen, review)
    _list(screen, review, selection)
    if not selection.is_narrowed:
        _offers(screen, review)
        _feasibility(screen, review)
    notable(screen, review)


def changes(screen: Screen, review: Review, selection: Selection) -> None:
    """Write each change with its consequence for people and what differs, a line each."""
    shown = [change for change in review.changes if not selection.touches or change.touch in selection.touches]
    names = [f"{review.timeline.campaign}/{change.touch}" for change in shown]
    width = max(map(len, names), default=0)
    for change, name in zip(shown, names, strict=True):
        symbol = change.action.symbol
        screen.line(Span(f"{symbol} ", STYLES[symbol]), Span(name.ljust(width), "strong"), "   ", change.consequence)
        for detail in change.details:
            style = {"+": "add", "-": "cancel"}.get(detail[:1], "faint")
            screen.line("    ", Span(detail, style))
    if shown:
        screen.line()
    notable(screen, review)


def notable(screen: Screen, review: Review) -> None:
    """Write the findings, gravest first."""
    if review.findings:
        findings.brief(screen, review.findings)
        screen.line()


def plain(screen: Screen, review: Review, selection: Selection) -> None:
    """Write the rows of the list separated by tabs: sign, moment or trigger, touch, channel, people, reason."""
    campaign = review.timeline.campaign
    for row in rows(review, selection):
        when = row.due.isoformat() if row.due else f"{row.touch.trigger} {row.touch.delay}".strip()
        name = f"{campaign}/{row.touch.id}"
        people = _people_of(row) if row.people is not None else ""
        screen.rows([(row.sign.strip() or "·", when, name, row.touch.channel, people, _reason(row))])


def sentence(review: Review) -> str:
    """Return the count sentence, such as `Plan: 7 to add, 0 to change, 0 to cancel. Nothing has been sent.`."""
    return f"Plan: {review.changes.sentence()}. Nothing has been sent."


def unchanged(review: Review) -> str:
    """Return what a plan without changes says: that the schedule holds, and what comes next."""
    zone = review.loaded.campaign.zone
    coming = [
        (moment.due_at, touch)
        for touch in review.timeline.touches
        for moment in touch.occurrences
        if moment.state == "planned" and moment.due_at >= review.now
    ]
    text = f"No changes. {review.timeline.campaign} matches its schedule"
    if not coming:
        return f"{text}; nothing more is due by the calendar."
    due_at, touch = min(coming, key=lambda pair: pair[0])
    when = wording.moment(zones.local(due_at, zone))
    return f"{text}; next: {touch.id}, {when} ({wording.distance(review.now, due_at)})."


def steps(review: Review) -> list[tuple[str, str]]:
    """Return one or two commands that make sense after this plan."""
    if review.failed:
        return [(f"campaign lint {review.choice.argument}", "every mistake with its line")]
    campaign = review.loaded.campaign
    commands: list[tuple[str, str]] = []
    if (touch := _readable(review)) is not None:
        name = review.choice.touch(campaign.id, touch.id)
        persona = next(iter(campaign.personas), None)
        personal = touch.channel in {"email", "sms", "whatsapp"}
        who = f" --persona {persona}" if persona and personal else ""
        commands.append((f"campaign preview {name}{who}", f"read it as {persona} would" if who else "read it"))
    if review.changes.takes_effect:
        commands.append((f"campaign apply {review.choice.argument}", "put it on the schedule"))
    return commands


def _readable(review: Review) -> PlannedTouch | None:
    """Return the touch worth reading first: the first mail, else the first touch."""
    touches = review.timeline.touches
    return next((touch for touch in touches if touch.channel == "email"), touches[0] if touches else None)


def _heading(screen: Screen, review: Review) -> None:
    timeline = review.timeline
    title = timeline.title or timeline.campaign
    if timeline.edition and timeline.edition not in title:
        title = f"{title} {timeline.edition}"
    right = f"{timeline.campaign} · {timeline.timezone}"
    gap = max(2, (screen.width or WIDTH) - display_width(title) - display_width(right))
    screen.line(Span(title, "title"), " " * gap, Span(right, "faint"))


def _people(screen: Screen, review: Review) -> None:
    if review.people is None:
        if any(touch.is_personal for _, touch in review.loaded.campaign.touches()):
            screen.line(Span("people are not counted yet: --contacts FILE.csv counts them", "faint"))
        return
    screen.line(people_line(review.people))


def people_line(people: PeopleCounts) -> str:
    """Return who is there, e.g. `clients.csv: 128 contacts · 121 by email · 4 unsubscribed · 3 without consent`."""
    parts = [wording.count(people.contacts, "contact")]
    if people.audience != people.contacts:
        parts.append(f"{wording.thousands(people.audience)} in the audience")
    parts += [f"{wording.thousands(n)} by {LABELS[channel]}" for channel, n in people.by_channel.items()]
    if people.unsubscribed:
        parts.append(f"{wording.thousands(people.unsubscribed)} unsubscribed")
    if people.no_consent:
        parts.append(f"{wording.thousands(people.no_consent)} without consent")
    return (f"{people.source}: " if people.source else "") + " · ".join(parts)


def _strip(screen: Screen, review: Review) -> None:
    lines = strip.draw(review.timeline, review.loaded.campaign.zone)
    for line in lines:
        screen.line(*line)
    if lines:
        screen.line()


def _list(screen: Screen, review: Review, selection: Selection) -> None:
    listed = rows(review, selection)
    if not listed:
        screen.line("nothing is planned" + (" in what you asked for" if selection.is_narrowed else ""))
        screen.line()
        return
    years = {row.due.year for row in listed if row.due}
    show_year = len(years) > 1 or any(str(year) != review.timeline.edition for year in years)
    table: list[list[Cell]] = [
        ["", *(Span(name, "faint") for name in ("When", "Touch", "Channel", "Who", "Why then"))],
        *([*_row(row, year=show_year)] for row in listed),
    ]
    screen.columns(table, right=(4,))
    for row in listed:
        if row.more:
            more = wording.count(row.more, "more date")
            screen.line(Span(f"  … and {more} of {row.touch.id}: --all shows them", "faint"))
    screen.line()


def _row(row: Row, *, year: bool) -> list[Cell]:
    if row.due is not None:
        when = wording.moment(row.due, year=year, align=True)
    else:
        when = f"{row.touch.trigger} {row.touch.delay}".rstrip()
    sign = "×" if row.expired else row.sign
    return [
        Span(sign, "faint" if row.expired else STYLES[row.sign]),
        Span(when, "faint") if row.expired else when,
        Span(row.touch.id, "faint" if row.expired else "strong"),
        row.touch.channel,
        _people_of(row),
        Span("its time is over, it will not go", "warning") if row.expired else _reason(row),
    ]


def _people_of(row: Row) -> str:
    if row.people is None:
        return "–"
    number = wording.thousands(row.people)
    return f"≤{number}" if row.touch.trigger else number


def _reason(row: Row) -> str:
    if row.offer and row.offer not in row.touch.reason:
        return f"{row.touch.reason} · {row.offer}" if row.touch.reason else row.offer
    return row.touch.reason


def _offers(screen: Screen, review: Review) -> None:
    zone = review.loaded.campaign.zone
    table: list[list[Piece]] = []
    for offer in review.timeline.offers:
        start = wording.moment(zones.local(offer.starts_at, zone), align=True) if offer.starts_at else "now"
        end = wording.moment(zones.local(offer.ends_at, zone), align=True) if offer.ends_at else "open"
        terms = review.loaded.campaign.offers[offer.code].terms
        table.append(["  ", Span(offer.code, "strong"), f"{start} → {end}", terms])
    if table:
        screen.columns(table)
        screen.line()


def _feasibility(screen: Screen, review: Review) -> None:
    if review.timeline.feasibility is not None:
        screen.line("  ", review.timeline.feasibility.says)
        screen.line()
