"""One row of a contacts file: its values read into a person, or the reason why not."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from campaigns.errors import CampaignError
from scheduler.errors import SchedulerError

FIELDS = (
    "ref",
    "email",
    "phone",
    "first_name",
    "last_name",
    "city",
    "country",
    "language",
    "timezone",
    "birthday",
    "consent",
)

Fact = str | int | float | bool | tuple[str, ...]


class RowError(Exception):
    """Why a row is refused."""


@dataclass(frozen=True, slots=True)
class ContactRow:
    """One accepted row: `email` lower case, `phone` E.164, `birthday` ISO.

    `consent` is None where the file has no such column; `line` is the 1-based line the row starts on.
    """

    line: int
    ref: str | None = None
    email: str | None = None
    phone: str | None = None
    first_name: str = ""
    last_name: str = ""
    city: str = ""
    country: str = ""
    language: str = ""
    timezone: str = ""
    birthday: str | None = None
    consent: tuple[str, ...] | None = None
    facts: Mapping[str, Fact] = field(default_factory=dict)

    @property
    def who(self) -> str:
        """What the shop calls this person by: mailbox, else phone number, else customer number."""
        return self.email or self.phone or self.ref or ""

    def as_facts(self) -> dict[str, object]:
        """Return the plain facts an audience expression and a template may ask for; what is unknown is absent."""
        known: dict[str, object] = {
            name: value for name in FIELDS if name != "consent" and (value := getattr(self, name)) not in (None, "")
        }
        return {**self.facts, **known, "consent": self.consent or ()}


def person(
    line: int,
    values: Mapping[str, str],
    headers: Mapping[str, str],
    at_home: str | None,
    *,
    decimal_comma: bool,
) -> ContactRow:
    """Read the values of one row, by field; `headers` says what the author called each field.

    `at_home` is the country of phone numbers that name none.
    Raises: RowError with the column, the value and what was expected.
    """
    country = values.get("country", "").upper()
    if country and not re.fullmatch(r"[A-Z]{2}", country):
        raise RowError(f"{headers['country']}: “{values['country']}” is not a country code such as FR")
    language = values.get("language", "").lower()
    if language and not re.fullmatch(r"[a-z]{2}([-_][a-z0-9]{2,8})?", language):
        raise RowError(f"{headers['language']}: “{values['language']}” is not a language code such as fr")
    row = ContactRow(
        line=line,
        ref=values.get("ref"),
        email=_email(values["email"], headers["email"]) if "email" in values else None,
        phone=_phone(values["phone"], headers["phone"], country or at_home) if "phone" in values else None,
        first_name=values.get("first_name", ""),
        last_name=values.get("last_name", ""),
        city=values.get("city", ""),
        country=country,
        language=language[:2],
        timezone=_zone(values["timezone"], headers["timezone"]) if "timezone" in values else "",
        birthday=_birthday(values["birthday"], headers["birthday"]) if "birthday" in values else None,
        consent=_consent(values.get("consent", ""), headers["consent"]) if "consent" in headers else None,
        facts={name: fact(value, decimal_comma=decimal_comma) for name, value in values.items() if name not in FIELDS},
    )
    if not row.who:
        raise RowError("neither a mailbox nor a phone number nor a customer number")
    return row


def from_facts(facts: Mapping[str, object]) -> ContactRow:
    """Make a contact of plain facts, such as those of a persona; what is no field stays a fact of its own.

    Raises: SchedulerError when an address is none, or when there is neither mailbox nor phone number nor reference.
    """
    values = {
        name: str(value).strip()
        for name, value in facts.items()
        if name in FIELDS and name != "consent" and value not in (None, "")
    }
    agreed = facts.get("consent", ())
    values["consent"] = " ".join(str(word) for word in agreed) if isinstance(agreed, (list, tuple)) else str(agreed)
    try:
        row = person(0, values, {name: name for name in FIELDS}, None, decimal_comma=False)
    except RowError as error:
        raise SchedulerError(str(error)) from None
    free = {name: _free(value) for name, value in facts.items() if name not in FIELDS and value is not None}
    return replace(row, facts=free)


def _free(value: object) -> Fact:
    if isinstance(value, (list, tuple)):
        return tuple(str(item) for item in value)
    return value if isinstance(value, (str, int, float, bool)) else str(value)


def _email(value: str, header: str) -> str:
    from email_validator import EmailNotValidError, validate_email

    try:
        return validate_email(value, check_deliverability=False).normalized.lower()
    except EmailNotValidError:
        raise RowError(f"{header}: “{value}” is not an e-mail address") from None


def _phone(value: str, header: str, country: str | None) -> str:
    import phonenumbers

    where = f" in {country}" if country else " (with its country code, e.g. +33 6 12 34 56 78)"
    try:
        number = phonenumbers.parse(value, country)
    except phonenumbers.NumberParseException:
        raise RowError(f"{header}: “{value}” is not a phone number{where}") from None
    if not phonenumbers.is_possible_number(number):
        raise RowError(f"{header}: “{value}” is not a phone number{where}")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _zone(value: str, header: str) -> str:
    from campaigns.timing import zones

    try:
        zones.zone(value)
    except CampaignError as error:
        raise RowError(f"{header}: {error.message}") from None
    return value


def _birthday(value: str, header: str) -> str:
    """Read `1990-04-03` or `03.04.1990`; `03/04/1990` says two different days and is refused."""
    try:
        if dotted := re.fullmatch(r"(\d{1,2})\.(\d{1,2})\.(\d{4})", value):
            return date(int(dotted[3]), int(dotted[2]), int(dotted[1])).isoformat()
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
            return date.fromisoformat(value).isoformat()
    except ValueError:
        pass
    raise RowError(f"{header}: “{value}” is not a day such as 1990-04-03")


_PURPOSE = re.compile(r"marketing(:(email|sms|whatsapp|call|postcard))?")


def _consent(value: str, header: str) -> tuple[str, ...]:
    """Read the purposes a person agreed to; empty means none, and nothing but the known words is taken for consent."""
    purposes = tuple(dict.fromkeys(word for word in re.split(r"[\s,;|+]+", value.lower()) if word))
    for purpose in purposes:
        if not _PURPOSE.fullmatch(purpose):
            raise RowError(f"{header}: “{purpose}” is not a purpose, expected marketing or marketing:sms, or nothing")
    return purposes


def fact(value: str, *, decimal_comma: bool = False) -> Fact:
    """Read a free value as a number, true or false where it is written as one, else as text (`0123` stays text)."""
    if re.fullmatch(r"-?(0|[1-9]\d{0,14})", value):
        return int(value)
    if re.fullmatch(r"-?(0|[1-9]\d{0,14})\.\d{1,9}", value):
        return float(value)
    if decimal_comma and re.fullmatch(r"-?(0|[1-9]\d{0,14}),\d{1,9}", value):
        return float(value.replace(",", "."))
    return value.lower() == "true" if value.lower() in ("true", "false") else value
