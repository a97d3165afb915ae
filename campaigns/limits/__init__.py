"""What each network takes, as dated data, and texts measured as each network counts them; no campaign, no files."""

from campaigns.limits.catalog import LIMITS, NAMES, PRICES, limit, of, price
from campaigns.limits.model import TEXT_MEASURES, Applies, Limit, Measure, Price
from campaigns.limits.setting import Setting, read_setting

__all__ = [
    "LIMITS",
    "NAMES",
    "PRICES",
    "TEXT_MEASURES",
    "Applies",
    "Limit",
    "Measure",
    "Price",
    "Setting",
    "limit",
    "of",
    "price",
    "read_setting",
]
