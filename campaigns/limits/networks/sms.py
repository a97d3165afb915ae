"""SMS by Twilio; the parts are those of GSM 03.38 and 03.40, whoever carries it."""

from __future__ import annotations

from datetime import date

from campaigns.limits.model import Limit, Measure, most

_SEEN = date(2026, 11, 22)
_TWILIO = "https://www.twilio.com/docs/glossary/what-sms-character-limit"

LIMITS: tuple[Limit, ...] = (
    most("sms.text.length", Measure.CHARACTERS, 1_600, _TWILIO, _SEEN),
    # Twilio advises at most 320 characters, which are three parts of 153.
    most("sms.segments", Measure.SEGMENTS, 3, _TWILIO, _SEEN, strict=False),
)
