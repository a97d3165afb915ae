"""One row of a contacts file: its values read into a person, or the reason why not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from scheduler.contacts_csv import values as read
from scheduler.contacts_csv.values import Fact, RowError
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
_ADDRESSES = ("ref", "email", "phone")
_TEXTS = ("ref", "first_name", "last_name", "city")
_CHECKED: Mapping[str, Callable[[str, str], object]] = {
    "email": read.mailbox,
    "country": read.country,
    "language": read.language,
    "timezone": read.zone,
    "birthday": read.day,
    "consent": read.consent,
}


@dataclass(frozen=True, slots=True)
class ContactRow:
    """One accepted row: `email` lower case, `phone` E.164, `birthday` ISO.

    `consent` is None where the file has no such column; `line` is the 1-based line the row starts on. `also` are
    further customer and phone numbers (kind, value) of the same mailbox, where several rows were joined.
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
    also: tuple[tuple[str, str], ...] = ()

    @property
    def who(self) -> str:
        """What the shop calls this person by: mailbox, else phone number, else customer number."""
        return self.email or self.phone or self.ref or ""

    def addresses(self) -> list[tuple[str, str]]:
        """Return every address of this person as (kind, value)."""
        return [(name, value) for name in _ADDRESSES if (value := getattr(self, name))] + list(self.also)

    def as_facts(self) -> dict[str, object]:
        """Return the plain facts an audience expression and a template may ask for; what is unknown is absent."""
        known: dict[str, object] = {
            name: value for name in FIELDS if name != "consent" and (value := getattr(self, name)) not in (None, "")
        }
        return {**self.facts, **known, "consent": self.consent or ()}


def joined(first: ContactRow, second: ContactRow) -> ContactRow:
    """Return one person of two rows with the same mailbox.

    What the later row says stands over the earlier one; a second customer or phone number is kept beside the first;
    agreed is only what both rows agree to. So the order of the rows never decides about consent.
    """
    texts = {
        name: getattr(second, name) or getattr(first, name)
        for name in ("first_name", "last_name", "city", "country", "language", "timezone", "birthday")
    }
    kept = {name: getattr(first, name) or getattr(second, name) for name in _ADDRESSES}
    known = set(kept.items())
    also = dict.fromkeys(key for key in (*first.addresses(), *second.addresses()) if key not in known)
    consent = None
    if first.consent is not None and second.consent is not None:
        consent = tuple(purpose for purpose in first.consent if purpose in second.consent)
    return ContactRow(
        line=first.line, **kept, **texts, consent=consent, facts={**first.facts, **second.facts}, also=tuple(also)
    )


class RowReader:
    """Reads the rows of one file, whose columns it knows.

    `at_home` is the country of phone numbers that name none; `decimal_comma` lets `12,5` be a number.
    """

    def __init__(
        self,
        header: Sequence[str],
        mapping: Mapping[str, str],
        kinds: Mapping[str, str],
        at_home: str | None,
        *,
        decimal_comma: bool,
    ) -> None:
        self._width = len(header)
        self._kinds = kinds
        self._at_home = at_home
        self._decimal_comma = decimal_comma
        self._columns = [(place, mapping[name], name) for place, name in enumerate(header) if name in mapping]
        # The country first: it says how the phone number is read.
        self._columns.sort(key=lambda column: column[1] != "country")
        self._with_consent = "consent" in mapping.values()

    def read(self, line: int, row: Sequence[str]) -> ContactRow:
        """Read the values of one row.

        Raises: RowError with the column, the value and what was expected.
        """
        width = len(row)
        if width > self._width and any(value.strip() for value in row[self._width :]):
            raise RowError(f"{width} values for {self._width} columns")
        known: dict[str, object] = {}
        facts: dict[str, Fact] = {}
        for place, target, header in self._columns:
            if place >= width or not (value := row[place].strip()):
                continue
            if target in _TEXTS:
                known[target] = read.unquoted(value)
            elif target == "phone":
                known[target] = read.phone(value, header, known.get("country") or self._at_home)  # type: ignore[arg-type]
            elif (check := _CHECKED.get(target)) is not None:
                known[target] = check(value, header)
            elif target in self._kinds:
                kind = self._kinds[target]
                facts[target] = read.fact_of_kind(value, kind, header, decimal_comma=self._decimal_comma)
            else:
                facts[target] = read.fact(read.unquoted(value), decimal_comma=self._decimal_comma)
        if not ("email" in known or "phone" in known or "ref" in known):
            raise RowError("neither a mailbox nor a phone number nor a customer number")
        if self._with_consent:
            known.setdefault("consent", ())
        return ContactRow(line, facts=facts, **known)  # type: ignore[arg-type]  # by the names of FIELDS


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
    reader = RowReader(FIELDS, {name: name for name in FIELDS}, {}, None, decimal_comma=False)
    try:
        row = reader.read(0, [values.get(name, "") for name in FIELDS])
    except RowError as error:
        raise SchedulerError(str(error)) from None
    free = {name: _free(value) for name, value in facts.items() if name not in FIELDS and value is not None}
    return replace(row, facts=free)


def _free(value: object) -> Fact:
    if isinstance(value, (list, tuple)):
        return tuple(str(item) for item in value)
    return value if isinstance(value, (str, int, float, bool)) else str(value)
