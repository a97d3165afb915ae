"""What a new plan changes for people, held against what was applied; values in, values out, no database here."""

from campaigns.diff.applied import (
    AppliedPlan,
    AppliedTouch,
    Flight,
    dates_fingerprint,
    planned_touch,
    same_for_people,
    snapshot,
)
from campaigns.diff.changes import Action, Change, Changes
from campaigns.diff.comparison import compare
from campaigns.diff.identity import NAMES, Identities, identify, name_of

__all__ = [
    "NAMES",
    "Action",
    "AppliedPlan",
    "AppliedTouch",
    "Change",
    "Changes",
    "Flight",
    "Identities",
    "compare",
    "dates_fingerprint",
    "identify",
    "name_of",
    "planned_touch",
    "same_for_people",
    "snapshot",
]
