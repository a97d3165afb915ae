"""A contacts file from bytes to accepted and refused rows."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from campaigns.errors import Place
from scheduler.contacts_csv import header as headers
from scheduler.contacts_csv.row import ContactRow, RowError, person
from scheduler.errors import SchedulerError

MAX_BYTES = 200_000_000


@dataclass(frozen=True, slots=True)
class Refusal:
    """A row that was not taken, with the 1-based line it starts on."""

    line: int
    reason: str
    row: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ContactsFile:
    """A contacts file as read: `mapping` says what each header became (a field, or the name of a fact)."""

    path: str
    people: tuple[ContactRow, ...]
    refused: tuple[Refusal, ...]
    mapping: Mapping[str, str]
    header: tuple[str, ...]
    delimiter: str
    encoding: str


def read(
    path: Path, *, country: str | None = None, encoding: str | None = None, names: Mapping[str, str] | None = None
) -> ContactsFile:
    """Read a contacts file.

    `country` is the default for phone numbers without a country code; `names` maps headers to fields or fact names and
    goes before the built-in table. Without `encoding` the file must be UTF-8, with or without byte order mark.
    Raises: SchedulerError when the file as a whole cannot be read; a bad row is refused, not raised.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise SchedulerError(f"{path} is larger than {MAX_BYTES // 1_000_000} MB", remedy="import it in parts")
        data = path.read_bytes()
    except OSError as error:
        raise SchedulerError(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from None
    return parse(data, source=str(path), country=country, encoding=encoding, names=names)


def parse(
    data: bytes,
    *,
    source: str = "contacts",
    country: str | None = None,
    encoding: str | None = None,
    names: Mapping[str, str] | None = None,
) -> ContactsFile:
    """Read contacts from the bytes of a file; see `read`."""
    text = _decode(data, source, encoding)
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = _delimiter(first)
    rows = _rows(text, delimiter, source)
    header = tuple(name.strip() for name in next(rows, (1, []))[1])
    if not any(header):
        raise SchedulerError(
            f"{source} is empty", remedy="the first line names the columns, e.g. email,first_name,consent"
        )
    mapping = headers.mapping(header, names or {}, source)
    people, refused = _people(rows, header, mapping, country, decimal_comma=delimiter == ";")
    return ContactsFile(source, tuple(people), tuple(refused), mapping, header, delimiter, encoding or "utf-8")


def _decode(data: bytes, source: str, encoding: str | None) -> str:
    try:
        return data.decode(encoding or "utf-8-sig")
    except LookupError:
        raise SchedulerError(
            f"unknown encoding {encoding!r}", remedy="e.g. --encoding cp1252, cp1250, cp1251 or utf-16"
        ) from None
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise SchedulerError(
            f"not {encoding or 'UTF-8'}: byte {error.start} (0x{data[error.start]:02x}) cannot be read",
            place=Place(source, line),
            remedy="save it as UTF-8, or say: --encoding cp1252 (Western), cp1250 (Romanian), cp1251 (Russian)",
        ) from None


def _delimiter(header: str) -> str:
    """Return the separator of the header line: the one of `;`, `,` and tab that stands there most often."""
    outside = re.sub(r'"[^"]*"', "", header)
    return max((";", ",", "\t"), key=outside.count) if any(mark in outside for mark in ";,\t") else ","


def _rows(text: str, delimiter: str, source: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each row with the line it starts on; rows without any value are left out."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    start = 1
    try:
        for row in reader:
            if any(value.strip() for value in row):
                yield start, row
            start = reader.line_num + 1
    except csv.Error as error:
        raise SchedulerError(
            f"cannot read the row: {error}",
            place=Place(source, start),
            remedy='check the quotes: "" stands for one quote',
        ) from None


def _people(
    rows: Iterator[tuple[int, list[str]]],
    header: tuple[str, ...],
    mapping: Mapping[str, str],
    country: str | None,
    *,
    decimal_comma: bool,
) -> tuple[list[ContactRow], list[Refusal]]:
    people: list[ContactRow] = []
    refused: list[Refusal] = []
    seen: dict[tuple[str, str], int] = {}
    names = {target: name for name, target in mapping.items()}
    for line, row in rows:
        try:
            if len(row) > len(header) and any(value.strip() for value in row[len(header) :]):
                raise RowError(f"{len(row)} values for {len(header)} columns")
            values = {
                mapping[name]: value.strip()
                for name, value in zip(header, row, strict=False)
                if name in mapping and value.strip()
            }
            found = person(line, values, names, country, decimal_comma=decimal_comma)
            _refuse_twice(found, seen)
        except RowError as error:
            refused.append(Refusal(line, str(error), tuple(row)))
            continue
        people.append(found)
    return people, refused


def _refuse_twice(person: ContactRow, seen: dict[tuple[str, str], int]) -> None:
    keys = [(name, value) for name in ("email", "phone", "ref") if (value := getattr(person, name))]
    for name, value in keys:
        if (name, value) in seen:
            raise RowError(f"{name}: the same as on line {seen[name, value]}")
    seen.update(dict.fromkeys(keys, person.line))


def refused_csv(file: ContactsFile, refused: Sequence[Refusal]) -> str:
    """Return the refused rows as CSV with the line and the reason before them, to mend and import again."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=file.delimiter, lineterminator="\n")
    writer.writerow(["line", "reason", *file.header])
    for refusal in refused:
        writer.writerow([refusal.line, refusal.reason, *refusal.row])
    return out.getvalue()
