"""The campaign as its author wrote it: frozen, validated values in the keys of the file; no YAML, no planning here."""

from __future__ import annotations

from campaigns.definition.campaign import Campaign, Offer, Pain, Persona, Senders, Signup, Stage
from campaigns.definition.hours import Cap
from campaigns.definition.names import Names
from campaigns.definition.rates import Rate, read_rate
from campaigns.definition.references import plainly
from campaigns.definition.renamed import renamed
from campaigns.definition.sequence import START, Reached, Sequence, only_waits, says
from campaigns.definition.several import apart
from campaigns.definition.touch import (
    RECEIVED,
    ChannelWording,
    Courtesy,
    Media,
    Message,
    Model,
    Step,
    Touch,
    Variant,
    WaitFor,
    Wording,
    channels_of,
)
from campaigns.definition.values import OF_CHANNEL, Again, Feeling, PlainText, UnreadableError
from campaigns.definition.vocabulary import (
    CHANNELS,
    COUNTRIES,
    EVENTS,
    LANGUAGES,
    OTHER,
    PERSONAL,
    POSTS,
    TASKS,
    Kind,
    OnLate,
    Purpose,
)

__all__ = [
    "CHANNELS",
    "COUNTRIES",
    "EVENTS",
    "LANGUAGES",
    "OF_CHANNEL",
    "OTHER",
    "PERSONAL",
    "POSTS",
    "RECEIVED",
    "START",
    "TASKS",
    "Again",
    "Campaign",
    "Cap",
    "ChannelWording",
    "Courtesy",
    "Feeling",
    "Kind",
    "Media",
    "Message",
    "Model",
    "Names",
    "Offer",
    "OnLate",
    "Pain",
    "Persona",
    "PlainText",
    "Purpose",
    "Rate",
    "Reached",
    "Senders",
    "Sequence",
    "Signup",
    "Stage",
    "Step",
    "Touch",
    "UnreadableError",
    "Variant",
    "WaitFor",
    "Wording",
    "apart",
    "channels_of",
    "only_waits",
    "plainly",
    "read_rate",
    "renamed",
    "says",
]
