"""What people do by hand takes people: a touch for hundreds of contacts is hundreds of tasks on one day."""

from collections.abc import Iterator

from campaigns.finding import Level
from campaigns.lint.rule import Rule, Trouble, View
from campaigns.timeline import way

_A_DAYS_WORK = 50  # at five minutes each they are half a day of one colleague


def check(view: View) -> Iterator[Trouble]:
    """Yield every touch of the calendar that would make more tasks at once than one person does in a day."""
    campaign, recipients = view.campaign, view.facts.recipients or {}
    for _stage, touch in campaign.touches():
        number = recipients.get(touch.id, 0)
        if touch.makes_task and touch.is_personal and touch.on is None and number > _A_DAYS_WORK:
            how = way(touch.channel[0], by_hand=touch.is_by_hand)
            other = ", or leave `by_hand:` out" if touch.is_by_hand else ""
            yield Trouble(
                f"{touch.id} makes {number:,} tasks by {how}: one for each person, all on one day",
                campaign.place(*campaign.touch_path(touch.id)),
                f"narrow its `audience:`, or spread it over days with `pick: spread`{other}",
            )


RULE = Rule("many-tasks", Level.WARNING, "tasks are no more than people can do", check, needs="recipients")
