"""What a new plan changes for people, held against what was applied; values in, values out, no database here."""

from campaigns.diff.applied import AppliedPlan, AppliedTouch, snapshot
from campaigns.diff.changes import Action, Change, Changes
from campaigns.diff.comparison import compare

__all__ = ["Action", "AppliedPlan", "AppliedTouch", "Change", "Changes", "compare", "snapshot"]
