"""WhatsApp Business Cloud."""

from __future__ import annotations

from datetime import date

from campaigns.limits.model import Applies, Limit, Measure, formats, most

_SEEN = date(2026, 11, 22)
_TEMPLATES = "https://docs.bird.com/api/touchpoints-api/supported-projects/whatsapp-approved-message-templates"
_MEDIA = "https://help.vtex.com/en/docs/tutorials/supported-media-sending-whatsapp-cloud"

LIMITS: tuple[Limit, ...] = (
    # The body of an approved template, which is all that may go to people who have not just written.
    most("whatsapp.text.length", Measure.CHARACTERS, 1_024, _TEMPLATES, _SEEN),
    most("whatsapp.media.max", Measure.MEDIA, 1, _MEDIA, _SEEN),
    formats("whatsapp.image.format", ("JPEG", "PNG"), _MEDIA, _SEEN),
    most("whatsapp.image.size", Measure.SIZE, 5_000_000, _MEDIA, _SEEN, applies=Applies.IMAGES, strict=False),
    most("whatsapp.video.size", Measure.SIZE, 16_000_000, _MEDIA, _SEEN, applies=Applies.VIDEOS),
)
