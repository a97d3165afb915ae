"""What each network takes, as dated data, and texts measured as each network counts them; no campaign, no files."""

from campaigns.limits.catalog import LIMITS, NAMES, PRICES, limit, of, price
from campaigns.limits.mending import MENDING, Mending, how_to_mend
from campaigns.limits.model import TEXT_MEASURES, Applies, Limit, Measure, Price
from campaigns.limits.setting import Setting, read_setting

__all__ = [
    "LIMITS",
    "MENDING",
    "NAMES",
    "PRICES",
    "TEXT_MEASURES",
    "Applies",
    "Limit",
    "Measure",
    "Mending",
    "Price",
    "Setting",
    "how_to_mend",
    "limit",
    "of",
    "price",
    "read_setting",
]
