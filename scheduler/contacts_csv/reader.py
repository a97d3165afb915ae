"""A contacts file from bytes to accepted and refused rows."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TextIO

from campaigns.errors import Place
from scheduler.contacts_csv import encoding as encodings
from scheduler.contacts_csv.collecting import uncollected
from scheduler.contacts_csv.header import read_columns
from scheduler.contacts_csv.row import ContactRow, RowReader
from scheduler.contacts_csv.spool import Refusal, Spool
from scheduler.contacts_csv.values import RowError
from scheduler.errors import SchedulerError

MAX_BYTES = 200_000_000
_CHUNK = 2_000


@dataclass(frozen=True, slots=True)
class Shape:
    """How a contacts file is written: `mapping` says what each header became (a field, or the name of a fact).

    `unknown` are the headers that no table knows and nobody named; `kinds` the facts whose kind was given.
    """

    path: str
    mapping: Mapping[str, str]
    header: tuple[str, ...]
    delimiter: str
    encoding: str
    kinds: Mapping[str, str]
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ContactsFile:
    """A whole contacts file in memory: accepted people, refused rows, and how it is written."""

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
    """Read a contacts file into memory; for a large one see `opened`.

    `country` is the default for phone numbers without a country code; `names` maps headers to fields or fact names and
    goes before the built-in table. Without `encoding` the file must be UTF-8, with or without byte order mark.
    Raises: SchedulerError when the file as a whole cannot be read; a bad row is refused, not raised.
    """
    with _file(path) as file:
        if path.stat().st_size > MAX_BYTES:
            raise SchedulerError(f"{path} is larger than {MAX_BYTES // 1_000_000} MB", remedy="import it in parts")
        return _whole(file, str(path), country, encoding, names or {})


def parse(
    data: bytes,
    *,
    source: str = "contacts",
    country: str | None = None,
    encoding: str | None = None,
    names: Mapping[str, str] | None = None,
) -> ContactsFile:
    """Read contacts from the bytes of a file; see `read`."""
    return _whole(io.BytesIO(data), source, country, encoding, names or {})


@contextmanager
def opened(
    path: Path, *, country: str | None = None, encoding: str | None = None, names: Mapping[str, str] | None = None
) -> Iterator[tuple[Shape, Spool]]:
    """Read a contacts file of any size: how it is written, and its rows, which lie on the disk; see `read`."""
    with _file(path) as file, closing(Spool()) as spool:
        shape = _shape(file, str(path), encoding, names or {})
        _fill(spool, file, shape, country)
        yield shape, spool


def shape_of(path: Path, *, encoding: str | None = None, names: Mapping[str, str] | None = None) -> Shape:
    """Say how a contacts file is written, by its first line; see `read`."""
    with _file(path) as file:
        return _shape(file, str(path), encoding, names or {})


@contextmanager
def _file(path: Path) -> Iterator[BinaryIO]:
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise SchedulerError(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from None


def _whole(
    file: BinaryIO, source: str, country: str | None, encoding: str | None, names: Mapping[str, str]
) -> ContactsFile:
    shape = _shape(file, source, encoding, names)
    with closing(Spool()) as spool:
        _fill(spool, file, shape, country)
        people = tuple(person for chunk in spool.chunks() for person in chunk)
        refused = tuple(spool.refusals())
    return ContactsFile(source, people, refused, shape.mapping, shape.header, shape.delimiter, shape.encoding)


def _shape(file: BinaryIO, source: str, encoding: str | None, names: Mapping[str, str]) -> Shape:
    if encoding is None:
        encoding = encodings.certain(file, source)
    else:
        encodings.check(encoding)
    with _decoded(file, encoding, source) as text:
        first = next((line for line in text if line.strip()), "")
    delimiter = _delimiter(first)
    with _decoded(file, encoding, source) as text:
        header = tuple(name.strip() for name in next(_rows(text, delimiter, source), (1, []))[1])
    if not any(header):
        raise SchedulerError(
            f"{source} is empty", remedy="the first line names the columns, e.g. email,first_name,consent"
        )
    columns = read_columns(header, names, source)
    shown = "utf-8" if encoding == "utf-8-sig" else encoding
    return Shape(source, columns.mapping, header, delimiter, shown, columns.kinds, columns.unknown)


@contextmanager
def _decoded(file: BinaryIO, encoding: str, source: str) -> Iterator[TextIO]:
    """Give the file as text from its beginning, line ends as they are; it stays open."""
    file.seek(0)
    # With the mark or without it: the codec with the mark reads both.
    text = io.TextIOWrapper(file, encoding="utf-8-sig" if encoding == "utf-8" else encoding, newline="")
    try:
        yield text
    except UnicodeDecodeError as error:
        raise SchedulerError(
            f"not {encoding}: byte 0x{error.object[error.start]:02x} cannot be read",
            place=Place(source),
            remedy="name another encoding, e.g. --encoding cp1252",
        ) from None
    except UnicodeError as error:
        raise SchedulerError(f"not {encoding}: {error}", place=Place(source)) from None
    finally:
        text.detach()


def _delimiter(header: str) -> str:
    """Return the separator of the header line: the one of `;`, `,` and tab that stands there most often."""
    outside = re.sub(r'"[^"]*"', "", header)
    return max((";", ",", "\t"), key=outside.count) if any(mark in outside for mark in ";,\t") else ","


def _rows(text: Iterable[str], delimiter: str, source: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each row with the line it starts on; rows without any value are left out."""
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    start = 1
    try:
        for row in reader:
            if "".join(row).strip():
                yield start, row
            start = reader.line_num + 1
    except csv.Error as error:
        raise SchedulerError(
            f"cannot read the row: {error}",
            place=Place(source, start),
            remedy='check the quotes: "" stands for one quote',
        ) from None


def _fill(spool: Spool, file: BinaryIO, shape: Shape, country: str | None) -> None:
    """Read every row behind the header into the spool."""
    reader = RowReader(shape.header, shape.mapping, shape.kinds, country, decimal_comma=shape.delimiter == ";")
    with uncollected(), _decoded(file, shape.encoding, shape.path) as text:
        rows = itertools.islice(_rows(text, shape.delimiter, shape.path), 1, None)
        while chunk := list(itertools.islice(rows, _CHUNK)):
            accepted = []
            for line, row in chunk:
                try:
                    accepted.append((reader.read(line, row), row))
                except RowError as error:
                    spool.refuse(Refusal(line, str(error), tuple(row)))
            spool.add(accepted)


def refused_csv(file: ContactsFile | Shape, refused: Iterable[Refusal]) -> str:
    """Return the refused rows as CSV with the line and the reason before them, to mend and import again."""
    out = io.StringIO()
    write_refused(out, file, refused)
    return out.getvalue()


def write_refused(out: TextIO, file: ContactsFile | Shape, refused: Iterable[Refusal]) -> None:
    """Write the refused rows as `refused_csv` returns them, one at a time."""
    writer = csv.writer(out, delimiter=file.delimiter, lineterminator="\n")
    writer.writerow(["line", "reason", *file.header])
    for refusal in refused:
        writer.writerow([refusal.line, refusal.reason, *refusal.row])


def as_row(file: ContactsFile | Shape, person: ContactRow) -> tuple[str, ...]:
    """Return the values of a person as a row of its file, so that it can be mended there."""
    facts = {**person.as_facts(), "consent": " ".join(person.consent or ())}
    return tuple(_written(facts.get(file.mapping.get(header, ""), "")) for header in file.header)


def _written(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return "|".join(str(item) for item in value)
    return str(value)
