"""Single values of a contacts file: mailboxes, phone numbers, days and facts as they are written, or why not."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from functools import lru_cache

from campaigns.errors import CampaignError
from scheduler.contacts_csv import phones

Fact = str | int | float | bool | tuple[str, ...]
KINDS = ("text", "number", "date", "yes-no", "list")
_DISTINCT = 4_096  # countries, languages, zones, domains: many rows have the same few

# A local part that needs no interpretation (RFC 5322 dot-atom of letters that every provider takes).
_PLAIN_LOCAL = re.compile(r"[a-z0-9_+\-]+(?:\.[a-z0-9_+\-]+)*", re.ASCII)
_PURPOSE = re.compile(r"marketing(:(email|sms|whatsapp|call|postcard))?|measurement")
_YES = frozenset(["yes", "y", "true", "1", "oui", "da", "ja", "si", "sí", "да"])
_NO = frozenset(["no", "n", "false", "0", "non", "nu", "nein", "нет"])
_BARE = frozenset(["0", "1", "false", "true"])  # read as what they are without a word of the author


class RowError(Exception):
    """Why a row is refused."""


def mailbox(value: str, header: str) -> str:
    """Read a mailbox and return it in lower case; `+tags` and dots stay, they may be different people's.

    The domain is judged by email-validator once; a local part beyond plain letters every time.
    """
    local, _, domain = value.lower().rpartition("@")
    if len(local) <= 64 and len(value) <= 254 and _PLAIN_LOCAL.fullmatch(local):
        read = _domain(domain)
        if read is not None:
            return f"{local}@{read}"
    else:
        try:
            return _validated(value)
        except ValueError:
            pass
    raise RowError(f"{header}: “{value}” is not an e-mail address") from None


@lru_cache(_DISTINCT)
def _domain(domain: str) -> str | None:
    try:
        return _validated(f"a@{domain}")[2:]
    except ValueError:
        return None


def _validated(value: str) -> str:
    from email_validator import validate_email

    return validate_email(value, check_deliverability=False).normalized.lower()


def phone(value: str, header: str, country: str | None) -> str:
    """Read a phone number and return it as E.164; `country` is that of numbers without a country code."""
    if (number := phones.e164(value, country)) is not None:
        return number
    where = f" in {country}" if country else " (with its country code, e.g. +33 6 12 34 56 78)"
    raise RowError(f"{header}: “{value}” is not a phone number{where}")


@lru_cache(_DISTINCT)
def country(value: str, header: str) -> str:
    """Read a country code (ISO 3166-1 alpha-2)."""
    code = value.upper()
    if not re.fullmatch(r"[A-Z]{2}", code):
        raise RowError(f"{header}: “{value}” is not a country code such as FR")
    return code


@lru_cache(_DISTINCT)
def language(value: str, header: str) -> str:
    """Read a language code (ISO 639-1); a region after it is left out."""
    code = value.lower()
    if not re.fullmatch(r"[a-z]{2}([-_][a-z0-9]{2,8})?", code):
        raise RowError(f"{header}: “{value}” is not a language code such as fr")
    return code[:2]


@lru_cache(_DISTINCT)
def zone(value: str, header: str) -> str:
    """Read the name of a time zone."""
    from campaigns.timing import zones

    try:
        zones.zone(value)
    except CampaignError as error:
        raise RowError(f"{header}: {error.message}") from None
    return value


@lru_cache(_DISTINCT)
def day(value: str, header: str) -> str:
    """Read `1990-04-03` or `03.04.1990`; `03/04/1990` says two different days and is refused."""
    try:
        if dotted := re.fullmatch(r"(\d{1,2})\.(\d{1,2})\.(\d{4})", value):
            return date(int(dotted[3]), int(dotted[2]), int(dotted[1])).isoformat()
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
            return date.fromisoformat(value).isoformat()
    except ValueError:
        pass
    raise RowError(f"{header}: “{value}” is not a day such as 1990-04-03")


@lru_cache(_DISTINCT)
def consent(value: str, header: str) -> tuple[str, ...]:
    """Read the purposes a person agreed to; empty means none, and nothing but the known words is taken for consent."""
    purposes = tuple(dict.fromkeys(word for word in re.split(r"[\s,;|+]+", value.lower()) if word))
    for purpose in purposes:
        if not _PURPOSE.fullmatch(purpose):
            raise RowError(
                f"{header}: “{purpose}” is not a purpose, expected marketing, marketing:sms or measurement, or nothing"
            )
    return purposes


def fact(value: str, *, decimal_comma: bool = False) -> Fact:
    """Read a free value as a number, true or false where it is written as one, else as text (`0123` stays text)."""
    if value[:1].isdigit() or value[:1] == "-":
        if re.fullmatch(r"-?(0|[1-9]\d{0,14})", value, re.ASCII):
            return int(value)
        if re.fullmatch(r"-?(0|[1-9]\d{0,14})\.\d{1,9}", value, re.ASCII):
            return float(value)
        if decimal_comma and re.fullmatch(r"-?(0|[1-9]\d{0,14}),\d{1,9}", value, re.ASCII):
            return float(value.replace(",", "."))
        return value
    return value.lower() == "true" if value.lower() in ("true", "false") else value


def fact_of_kind(value: str, kind: str, header: str, *, decimal_comma: bool = False) -> Fact:
    """Read a free value of which the author said what it is; see `KINDS`.

    A list is separated by `|`, else by commas. Raises: RowError for what is not of this kind.
    """
    if kind == "text":
        return value
    if kind == "list":
        return tuple(item for part in value.split("|" if "|" in value else ",") if (item := part.strip()))
    if kind == "date":
        return day(value, header)
    if kind == "yes-no":
        if (word := value.lower()) in _YES or word in _NO:
            return word in _YES
        raise RowError(f"{header}: “{value}” is neither yes nor no")
    number = fact(value.replace(" ", "").replace("\N{NO-BREAK SPACE}", ""), decimal_comma=decimal_comma)
    if isinstance(number, bool) or not isinstance(number, (int, float)):
        raise RowError(f"{header}: “{value}” is not a number")
    return number


def is_yes_or_no(value: object) -> bool:
    """Whether a value is a text that says yes or no, and would be read so only where the author says `yes-no`."""
    return isinstance(value, str) and value.lower() in (_YES | _NO) - _BARE


def unquoted(value: str) -> str:
    """Return a value without the apostrophe that keeps a spreadsheet from taking it for a formula; see `quoted`."""
    return value[1:] if value[:1] == "'" and value[1:2] in _FORMULA else value


def quoted(value: str) -> str:
    """Return a text so that no spreadsheet takes it for a formula: an apostrophe before `=`, `+`, `-` and `@`."""
    return f"'{value}" if value[:1] in _FORMULA and value else value


_FORMULA: Mapping[str, None] = dict.fromkeys("=+-@\t\r")
