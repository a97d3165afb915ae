"""People: contacts and their facts, consents and suppressions, and their import."""

from scheduler.store.people.consents import (
    ConsentRecord,
    Counts,
    SuppressionRecord,
    add_consent,
    consent_history,
    consents,
    consents_to,
    counts,
    held_consents,
    is_suppressed,
    lock,
    suppress,
    suppressed,
    suppressions,
)
from scheduler.store.people.contacts import ContactRecord, age, contact, contacts, facts, find, timezone
from scheduler.store.people.importing import Clash, Imported, Person, upsert_contacts

__all__ = [
    "Clash",
    "ConsentRecord",
    "ContactRecord",
    "Counts",
    "Imported",
    "Person",
    "SuppressionRecord",
    "add_consent",
    "age",
    "consent_history",
    "consents",
    "consents_to",
    "contact",
    "contacts",
    "counts",
    "facts",
    "find",
    "held_consents",
    "is_suppressed",
    "lock",
    "suppress",
    "suppressed",
    "suppressions",
    "timezone",
    "upsert_contacts",
]
