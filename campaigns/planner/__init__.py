"""From a campaign and a moment to its timeline: what would happen when, and why; nothing here happens.

`plan` resolves a whole campaign, `due_in_zone` and `due_after_event` one person's moment, `courtesy` and its neighbours
say what binds a touch. Same input, same output; the present is an argument.
"""

from campaigns.planner.audience import audience, personas, reach
from campaigns.planner.awaited import Awaited, awaited_event, repeat_awaits
from campaigns.planner.content import content_hash
from campaigns.planner.courtesy_forecast import Fatigue, Group, fatigue, fatigue_findings, live_through
from campaigns.planner.courtesy_rules import Blocked, Went, Wish
from campaigns.planner.personal import due_in_zone, offer_window
from campaigns.planner.planning import FIRST_ZONE, LAST_ZONE, over_at, plan
from campaigns.planner.protection import EffectiveCourtesy, courtesy, max_late, on_late, priority, rules
from campaigns.planner.reasons import defaults
from campaigns.planner.setting import edition, span
from campaigns.planner.triggered import due_after_event, repeat_due
from campaigns.planner.unbuilt_keys import unbuilt
from campaigns.planner.versions import is_wrong, version, versions

__all__ = [
    "FIRST_ZONE",
    "LAST_ZONE",
    "Awaited",
    "Blocked",
    "EffectiveCourtesy",
    "Fatigue",
    "Group",
    "Went",
    "Wish",
    "audience",
    "awaited_event",
    "content_hash",
    "courtesy",
    "defaults",
    "due_after_event",
    "due_in_zone",
    "edition",
    "fatigue",
    "fatigue_findings",
    "is_wrong",
    "live_through",
    "max_late",
    "offer_window",
    "on_late",
    "over_at",
    "personas",
    "plan",
    "priority",
    "reach",
    "repeat_awaits",
    "repeat_due",
    "rules",
    "span",
    "unbuilt",
    "version",
    "versions",
]
