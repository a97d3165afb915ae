"""X, and what its API costs."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from campaigns.limits.model import Applies, Limit, Measure, Price, between, formats, most

_SEEN = date(2026, 11, 1)
_COUNTING = "https://docs.x.com/fundamentals/counting-characters"
_MEDIA = "https://docs.x.com/x-api/media/quickstart/best-practices"
_PRICING = "https://docs.x.com/x-api/getting-started/pricing"

LIMITS: tuple[Limit, ...] = (
    most("x.text.weighted", Measure.WEIGHTED, 280, _COUNTING, _SEEN),
    most("x.media.max", Measure.MEDIA, 4, _MEDIA, _SEEN),
    most("x.alt.length", Measure.ALT, 1_000, _MEDIA, _SEEN),
    formats("x.image.format", ("JPEG", "PNG", "GIF", "WEBP"), _MEDIA, _SEEN),
    most("x.image.size", Measure.SIZE, 5_000_000, _MEDIA, _SEEN, applies=Applies.IMAGES, strict=False),
    between("x.video.duration", Measure.DURATION, "0.5", 140, _MEDIA, _SEEN, applies=Applies.VIDEOS),
    most("x.video.size", Measure.SIZE, 512_000_000, _MEDIA, _SEEN, applies=Applies.VIDEOS),
)

PRICES: tuple[Price, ...] = (
    Price("x.price.post", Decimal("0.015"), _PRICING, _SEEN),
    Price("x.price.link", Decimal("0.200"), _PRICING, _SEEN),
)
