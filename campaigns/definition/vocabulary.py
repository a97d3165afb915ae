"""The closed words of the file (kinds, channels, built-in events, countries); what a key means stands in the models."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """The six kinds of stage of a customer journey."""

    AWARENESS = "awareness"
    CONSIDERATION = "consideration"
    CONVERSION = "conversion"
    RETENTION = "retention"
    LOYALTY = "loyalty"
    ADVOCACY = "advocacy"


class Purpose(StrEnum):
    """Why a message is sent: marketing needs consent, transactional answers something the person did."""

    MARKETING = "marketing"
    TRANSACTIONAL = "transactional"


class OnLate(StrEnum):
    """What happens to a message that is later than `max_late`."""

    SEND = "send"
    SKIP = "skip"
    ASK = "ask"


# Channels by what they carry: posts are for everybody, tasks for the staff, the rest for one person each.
POSTS = frozenset({"instagram", "facebook", "mastodon", "bluesky", "threads", "linkedin", "x", "telegram"})
TASKS = frozenset({"call", "manual", "postcard"})
PERSONAL = frozenset({"email", "sms", "whatsapp"})
OTHER = frozenset({"webhook", "slack", "outbox"})
CHANNELS = POSTS | TASKS | PERSONAL | OTHER
# Where a comment stands below a post and is no post itself, and where posts answer one another.
COMMENTS = frozenset({"facebook", "instagram", "linkedin"})
THREADS = frozenset({"threads", "mastodon", "bluesky", "x", "telegram", "slack"})

# Events every campaign knows; a file may declare more under `events:`.
EVENTS = frozenset(
    {
        "purchase",
        "cart_abandoned",
        "delivered",
        "signup",
        "review",
        "bad_experience",
        "complaint",
        "bounce",
        "unsubscribe",
        "opened",
        "clicked",
        "redeemed",
    }
)

LANGUAGES = ("en", "fr", "ro", "ru", "es", "de")

# ISO 3166-1 alpha-2, officially assigned codes.
_CODES = (
    "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT "
    "BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH "
    "ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT "
    "HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS "
    "LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI "
    "NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG "
    "SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG "
    "UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW "
)
COUNTRIES = frozenset(_CODES.split())
