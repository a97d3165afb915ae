"""The windows of the touches asked for by `plan --touch`, or of all of them: the days, and the rule that says so."""

from __future__ import annotations

from campaigns.timing import meanings, phrases
from scheduler.cli.output import Screen, Span
from scheduler.cli.plan_rows import Selection
from scheduler.cli.review import Review


def show(screen: Screen, review: Review, selection: Selection) -> None:
    """Write what the words of each touch mean: its window, the moment in it and why; for `--touch` and `--all`."""
    if not (selection.touches or selection.every):
        return
    for stage, touch in review.loaded.campaign.touches():
        timing = touch.when or stage.when or touch.repeat
        planned = next((one for one in review.timeline.touches if one.id == touch.id), None)
        if planned is None or timing is None or not selection.takes(planned):
            continue
        screen.line(Span(f"  {touch.id}", "strong"))
        rule = meanings.production(timing)
        rows = [("why", f"{rule.meaning} ({rule.source})"), *(("note", note) for note in phrases.notes(timing))]
        if planned.trigger is None and planned.occurrences:
            rows.insert(0, ("that is", planned.occurrences[0].window.says))
        screen.columns([("   ", Span(name, "faint"), value) for name, value in rows])
