"""What a campaign is and what it would do: pure functions over frozen values.

`load(text, source="...")`, `plan(campaign, now=...)` and `when(phrase, now=...)` are the public functions, and
`CampaignError` is what they raise. They are imported on first use, so that importing one module stays cheap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from campaigns.api import load, plan, when
    from campaigns.errors import CampaignError

__all__ = ["CampaignError", "load", "plan", "when"]


def __getattr__(name: str) -> object:
    if name == "CampaignError":
        from campaigns.errors import CampaignError

        return CampaignError
    if name in __all__:
        from campaigns import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
