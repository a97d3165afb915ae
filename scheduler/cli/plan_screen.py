"""The plan on a screen: heading, people, strip, list, offers, feasibility, findings, the count and what to do next."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from campaigns.definition import PERSONAL
from campaigns.diff import Action, Change
from campaigns.errors import CampaignError
from campaigns.finding import Level
from campaigns.timeline import PlannedTouch
from campaigns.timing import zones
from scheduler.cli import findings, plan_costs, plan_windows, strip, wording
from scheduler.cli.output import WIDTH, Cell, Piece, Screen, Span, clipped, columns, display_width, width_of
from scheduler.cli.plan_rows import Row, Selection, rows
from scheduler.cli.review import Review
from scheduler.people import LABELS, PeopleCounts

NARROWEST_REASON = 22  # columns
LONGEST_TRIGGER = 18  # columns; the full name stands in --plain and --json
STYLES = {"+": "add", "~": "change", "-": "cancel", "=": "faint", " ": "faint"}


def show(screen: Screen, review: Review, selection: Selection) -> None:
    """Write the whole screen of one campaign, up to the findings."""
    _heading(screen, review)
    _people(screen, review)
    screen.line()
    if not selection.is_narrowed:
        _strip(screen, review)
    _list(screen, review, selection)
    if selection.touches:
        _posts(screen, review, selection)
    if not selection.is_narrowed:
        _offers(screen, review)
        plan_costs.show(screen, review)
        _feasibility(screen, review)
    notable(screen, review)


def changes(screen: Screen, review: Review, selection: Selection) -> None:
    """Write each change with its consequence for people and what differs, a line each."""
    shown = [change for change in review.changes if not selection.touches or change.touch in selection.touches]
    names = [f"{review.timeline.campaign}/{change.touch}" for change in shown]
    width = max(map(len, names), default=0)
    for change, name in zip(shown, names, strict=True):
        symbol = change.action.symbol
        screen.line(
            Span(f"{symbol} ", STYLES[symbol]),
            Span(name.ljust(width), "strong"),
            "   ",
            change.consequence,
            _first_moment(review, change),
        )
        for detail in change.details:
            style = {"+": "add", "-": "cancel"}.get(detail[:1], "faint")
            screen.line("    ", Span(detail, style))
    if shown:
        screen.line()


def _first_moment(review: Review, change: Change) -> str:
    """Return when a new touch goes first, as the end of its line; empty for every other change."""
    if change.action is not Action.ADD:
        return ""
    touch = review.timeline.touch(change.touch)
    if touch.trigger is not None:
        return f", {_waits_for(review, touch)}"
    if not touch.occurrences:
        return ""
    return f", {wording.moment(zones.local(touch.occurrences[0].due_at, review.loaded.campaign.zone))}"


def notable(screen: Screen, review: Review) -> None:
    """Write the errors and warnings, gravest first; what is only noted is for `lint`."""
    found = [finding for finding in review.findings if finding.level is not Level.NOTE]
    if found:
        findings.brief(screen, found)
        screen.line()


def plain(screen: Screen, review: Review, selection: Selection) -> None:
    """Write the rows of the list separated by tabs: sign, moment or trigger, touch, channel, people, reason."""
    campaign = review.timeline.campaign
    for row in rows(review, selection):
        when = row.due.isoformat() if row.due else f"{row.touch.after or row.touch.trigger} {row.touch.delay}".strip()
        name = f"{campaign}/{row.touch.id}"
        people = _people_of(row) if row.people is not None else ""
        screen.rows([(row.sign.strip() or "·", when, name, row.touch.channel, people, _reason(row))])


def sentence(review: Review) -> str:
    """Return the count sentence, such as `Plan: 7 to add, 0 to change, 0 to cancel. Nothing has been sent.`."""
    return f"Plan: {review.changes.sentence()}. Nothing has been sent."


def steps(review: Review) -> list[tuple[str, str]]:
    """Return one or two commands that make sense after this plan."""
    if review.failed:
        return [(f"campaign lint {review.choice.argument}", "every mistake with its line")]
    campaign = review.loaded.campaign
    commands: list[tuple[str, str]] = []
    if (touch := _readable(review)) is not None:
        name = review.choice.touch(campaign.id, touch.id)
        persona = next(iter(campaign.personas), None)
        who = f" --persona {persona}" if persona and touch.channel in PERSONAL else ""
        reader = campaign.personas[persona].contact.get("first_name", persona) if who and persona else ""
        commands.append((f"campaign preview {name}{who}", f"read it as {reader} would" if who else "read it"))
    if review.changes.takes_effect:
        commands.append((f"campaign apply {review.choice.argument}", "put it on the schedule"))
    personal = {touch.id for touch in review.timeline.touches if touch.channel in PERSONAL}
    if (went := next((one.touch for one in review.changes if one.went and one.touch in personal), None)) is not None:
        commands.append((f"campaign correct {campaign.id}/{went}", "tell those who got the former words"))
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
    gap = (screen.width or WIDTH) - display_width(title) - display_width(right)
    if gap >= 2:
        screen.line(Span(title, "title"), " " * gap, Span(right, "faint"))
        return
    screen.paragraph(Span(title, "title"), indent=2)
    screen.line(Span(right, "faint"))


def _people(screen: Screen, review: Review) -> None:
    if review.people is None:
        if any(touch.is_personal for _, touch in review.loaded.campaign.touches()):
            screen.line(Span("people are not counted yet: --contacts FILE.csv counts them", "faint"))
        return
    if not review.people.contacts:
        screen.line(Span("nobody is known yet: campaign contacts import FILE.csv", "faint"))
        return
    screen.paragraph(people_line(review.people), indent=2)
    if review.people.personas:
        screen.paragraph(personas_line(review.people), indent=2)
    if (said := fatigue_line(review)) is not None:
        screen.paragraph(said, indent=2)


def personas_line(people: PeopleCounts) -> str:
    """Return how many people each persona stands for, e.g. `like lea 41, like karim 17; like none of them 3`."""
    named = [f"like {name} {wording.thousands(number)}" for name, number in people.personas.items() if name]
    nobody = people.personas.get("", 0)
    return ", ".join(named) + (f"; like none of them {wording.thousands(nobody)}" if nobody else "")


def people_line(people: PeopleCounts) -> str:
    """Return who is there, e.g. `clients.csv: 128 contacts · 121 by email · 4 unsubscribed · 3 no consent`."""
    parts = [wording.count(people.contacts, "contact")]
    if people.audience != people.contacts:
        parts.append(f"{wording.thousands(people.audience)} in the audience")
    parts += [f"{wording.thousands(n)} by {LABELS[channel]}" for channel, n in people.by_channel.items()]
    if people.unsubscribed:
        parts.append(f"{wording.thousands(people.unsubscribed)} unsubscribed")
    if people.no_consent:
        parts.append(f"{wording.thousands(people.no_consent)} no consent")
    return (f"{people.source}: " if people.source else "") + " · ".join(parts)


def fatigue_line(review: Review) -> str | None:
    """Return how many people would be over a cap, and for how many the campaign's zone stands in; None: for nobody."""
    found = review.fatigue
    if found is None:
        return None
    parts = []
    about = "about " if found.is_sample else ""
    if found.over:
        parts.append(f"{about}{wording.count(found.of_all(found.over), 'person', 'people')} would be over a cap")
    if found.without_zone and review.loaded.campaign.timezone == "contact":
        missing = wording.count(found.of_all(found.without_zone), "person", "people")
        parts.append(f"{about}{missing} without a time zone: {review.loaded.campaign.zone} stands in")
    return " · ".join(parts) or None


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
    shared = _shared_reasons(listed)
    years = {row.due.year for row in listed if row.due}
    show_year = any(str(year) != review.timeline.edition for year in years)
    heads = ("  When", "Touch", "Channel", "Who", "Why then")
    table: list[list[Cell]] = [
        [Span(name, "faint") for name in heads],
        *(_row(review, row, shared, year=show_year) for row in listed),
        *(_removed(change) for change in review.changes if not selection.is_narrowed and _is_gone(review, change)),
    ]
    _table(screen, table)
    for row in listed:
        if row.more:
            more = wording.count(row.more, "more date")
            screen.line(Span(f"  … and {more} of {row.touch.id}: --all shows them", "faint"))
    if shared:
        screen.paragraph(Span(f"  ° {'; '.join(shared)}", "faint"), indent=4)
    plan_windows.show(screen, review, selection)
    screen.line()


def _table(screen: Screen, table: list[list[Cell]]) -> None:
    """Write the list; in a terminal too narrow for the reasons, those that do not fit stand on a line of their own."""
    width = screen.width
    heads = columns([row[:-1] for row in table], right=(3,))
    room = max(map(width_of, heads)) + 2
    if width is None or width - room >= NARROWEST_REASON:
        screen.columns(table, right=(3,))
        return
    for head, row in zip(heads, table, strict=True):
        reason = row[-1] if isinstance(row[-1], (str, Span)) else ""
        if room + width_of([reason]) <= width:
            screen.line(*head, " " * (room - width_of(head)), reason)
        else:
            screen.line(*head)
            screen.paragraph("     ", reason, indent=5)


def _row(review: Review, row: Row, shared: list[str], *, year: bool) -> list[Cell]:
    when = wording.moment(row.due, year=year, align=True) if row.due is not None else _waits_for(review, row.touch)
    if row.expired:
        over = Span("its time is over, it will not go", "warning")
        return [Span(f"× {when}", "faint"), Span(row.touch.id, "faint"), row.touch.way, _people_of(row), over]
    return [
        [Span(f"{row.sign} ", STYLES[row.sign]), when],
        Span(row.touch.id, "strong"),
        row.touch.way,
        _people_of(row),
        _reason(row, shared),
    ]


def _is_gone(review: Review, change: Change) -> bool:
    """Whether a change is about a touch that was taken out of the file."""
    return all(touch.id != change.touch for touch in review.timeline.touches)


def _removed(change: Change) -> list[Cell]:
    symbol = change.action.symbol
    return [Span(f"{symbol} ", STYLES[symbol]), Span(change.touch, "strong"), "", "", change.consequence]


def _waits_for(review: Review, planned: PlannedTouch) -> str:
    """Write what a touch waits for and how long after it goes: `purchase +5 min`, `purchase → delivered`."""
    trigger = clipped(planned.after or planned.trigger or "", LONGEST_TRIGGER)
    if planned.delay == "between":
        touch = next(touch for _, touch in review.loaded.campaign.touches() if touch.id == planned.id)
        second = touch.when.second if touch.when else None
        return f"{trigger} → {getattr(second, 'name', None) or 'later'}"
    return f"{trigger} {planned.delay}".rstrip()


def _shared_reasons(listed: list[Row]) -> list[str]:
    """Return the clauses that the same touches have in common, where that is worth saying only once, underneath."""
    holders: dict[str, tuple[str, ...]] = {}
    for row in listed:
        for clause in _clauses(row) if row.due is None else ():
            holders[clause] = (*holders.get(clause, ()), row.touch.id)
    groups: dict[tuple[str, ...], list[str]] = {}
    for clause, touches in holders.items():
        if len(touches) > 1:
            groups.setdefault(touches, []).append(clause)
    saved = {touches: (len(touches) - 1) * len("; ".join(clauses)) for touches, clauses in groups.items()}
    best = max(saved, key=lambda touches: saved[touches], default=())
    return groups[best] if saved.get(best, 0) > LONGEST_TRIGGER else []


def _clauses(row: Row) -> list[str]:
    reason = row.touch.reason.removesuffix(row.offer or "").rstrip(" ·")
    follows = f"{row.touch.after} {row.touch.delay}".strip() if row.due is not None and row.touch.trigger else ""
    return [clause for clause in (follows, *reason.split("; ")) if clause]


def _people_of(row: Row) -> str:
    if row.people is None:
        return "–"
    number = wording.thousands(row.people)
    return f"≤{number}" if row.touch.trigger else number


def _reason(row: Row, shared: Sequence[str] = ()) -> str:
    """Return why a touch goes then, and the offer it quotes; `°` stands for what is said under the list."""
    clauses = _clauses(row)
    own = clauses if row.due is not None else [clause for clause in clauses if clause not in shared]
    parts = ["; ".join(own) + (" °" if len(own) < len(clauses) else ""), row.offer or ""]
    return " · ".join(part.strip() for part in parts if part)


def _posts(screen: Screen, review: Review, selection: Selection) -> None:
    """Write what the posts asked for will say, word for word, and the media they carry."""
    from scheduler.cli import message

    for stage, touch in review.loaded.campaign.touches():
        if not touch.is_post or touch.id not in selection.touches:
            continue
        at = message.goes_at(review, review.timeline.touch(touch.id)) or review.now
        try:
            made = message.compose(review, stage, touch, message.Reader(None), event=None, at=at)
        except CampaignError:
            continue  # said by the findings, with template and line
        form = f" as a {touch.post_as}" if touch.post_as else ""
        by_hand = " by hand" if touch.is_by_hand else ""
        screen.line(Span(touch.id, "strong"), f"  as it will be posted on {touch.channel[0]}{form}{by_hand}")
        for text in made.content.text.splitlines():
            screen.line(f"    {text}")
        for file, alt in made.content.media:
            screen.line(Span("    media  ", "faint"), file, Span(f"  {alt or 'no description'}", "faint"))
        screen.line()


def _offers(screen: Screen, review: Review) -> None:
    def written(moment: datetime | None, otherwise: str) -> str:
        if moment is None:
            return otherwise
        local = zones.local(moment, review.loaded.campaign.zone)
        return wording.moment(local, year=str(local.year) != review.timeline.edition, align=True)

    table: list[list[Piece]] = []
    for offer in review.timeline.offers:
        start, end = written(offer.starts_at, "now"), written(offer.ends_at, "open")
        terms = review.loaded.campaign.offers[offer.code].terms
        table.append(["  ", Span(offer.code, "strong"), f"{start} → {end}", terms])
    if table:
        screen.columns(table)
        screen.line()


def _feasibility(screen: Screen, review: Review) -> None:
    if review.timeline.feasibility is not None:
        screen.line("  ", review.timeline.feasibility.says)
        screen.line()
