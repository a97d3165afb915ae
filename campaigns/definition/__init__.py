"""The campaign as its author wrote it: frozen, validated values in the keys of the file; no YAML, no planning here."""

from __future__ import annotations

from campaigns.definition.campaign import Campaign, Offer, Pain, Persona, Senders, Signup, Stage
from campaigns.definition.corrections import with_corrections
from campaigns.definition.corrects import VERSION_LENGTH, Corrects
from campaigns.definition.hours import Cap
from campaigns.definition.names import Names
from campaigns.definition.rates import Rate, read_rate
from campaigns.definition.references import plainly
from campaigns.definition.renamed import renamed
from campaigns.definition.sequence import START, Reached, Sequence, only_waits, says
from campaigns.definition.several import apart
from campaigns.definition.touch import (
    RECEIVED,
    ByHand,
    ChannelWording,
    Courtesy,
    Media,
    Message,
    Model,
    NoKey,
    Step,
    ThreadPost,
    Touch,
    Variant,
    WaitFor,
    Wording,
    channels_of,
)
from campaigns.definition.values import COMMENT, OF_CHANNEL, Again, Feeling, PlainText, UnreadableError, meant_by
from campaigns.definition.vocabulary import (
    CHANNELS,
    COMMENTS,
    COUNTRIES,
    EVENTS,
    LANGUAGES,
    OTHER,
    PERSONAL,
    POSTS,
    TASKS,
    THREADS,
    Kind,
    OnLate,
    Purpose,
)

__all__ = [
    "CHANNELS",
    "COMMENT",
    "COMMENTS",
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
    "THREADS",
    "VERSION_LENGTH",
    "Again",
    "ByHand",
    "Campaign",
    "Cap",
    "ChannelWording",
    "Corrects",
    "Courtesy",
    "Feeling",
    "Kind",
    "Media",
    "Message",
    "Model",
    "Names",
    "NoKey",
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
    "ThreadPost",
    "Touch",
    "UnreadableError",
    "Variant",
    "WaitFor",
    "Wording",
    "apart",
    "channels_of",
    "meant_by",
    "only_waits",
    "plainly",
    "read_rate",
    "renamed",
    "says",
    "with_corrections",
]
