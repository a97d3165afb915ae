"""X, and what its API costs."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from campaigns.limits.model import Applies, Limit, Measure, Price, between, formats, most

_SEEN = date(2026, 11, 1)
_READ = date(2026, 11, 22)
_COUNTING = "https://docs.x.com/fundamentals/counting-characters"
_MEDIA = "https://docs.x.com/x-api/media/quickstart/best-practices"
_PRICING = "https://docs.x.com/x-api/getting-started/pricing"

LIMITS: tuple[Limit, ...] = (
    most("x.text.weighted", Measure.WEIGHTED, 280, _COUNTING, _READ),
    most("x.media.max", Measure.MEDIA, 4, _MEDIA, _READ),
    most("x.alt.length", Measure.ALT, 1_000, _MEDIA, _SEEN),
    formats("x.image.format", ("JPEG", "PNG", "GIF", "WEBP"), _MEDIA, _READ),
    most("x.image.size", Measure.SIZE, 5_000_000, _MEDIA, _READ, applies=Applies.IMAGES, strict=False),
    # Of accounts that pay for Premium: 125 minutes and 16 GB.
    between("x.video.duration", Measure.DURATION, "0.5", 1_200, _MEDIA, _READ, applies=Applies.VIDEOS),
    most("x.video.size", Measure.SIZE, 8_000_000_000, _MEDIA, _READ, applies=Applies.VIDEOS),
    between("x.video.aspect", Measure.ASPECT, "0.33", 3, _MEDIA, _READ, applies=Applies.VIDEOS),
)

PRICES: tuple[Price, ...] = (
    Price("x.price.post", Decimal("0.015"), _PRICING, _SEEN),
    Price("x.price.link", Decimal("0.200"), _PRICING, _SEEN),
)
