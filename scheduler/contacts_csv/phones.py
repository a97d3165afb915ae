"""Phone numbers as they are written, read as E.164; phonenumbers is the judge.

A number written plainly, in a country whose rules are plain, is read here by the same rules and the same data, since
phonenumbers takes a tenth of a millisecond for each; everything else goes to it. A property test compares the two over
every country.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

_PLAIN = re.compile(r"\+?[0-9](?:[ .\-]?[0-9]){4,18}", re.ASCII)
_NOTHING = "(?!)"
_PUNCTUATION = str.maketrans("", "", " .-")


@dataclass(frozen=True, slots=True)
class _Country:
    """What plain numbers of the main country of a calling code must be like."""

    code: str
    prefix: re.Pattern[str]  # what stands before national numbers only, such as 0
    abroad: re.Pattern[str]  # how calls abroad begin: what may be one is not plain
    national: re.Pattern[str]
    lengths: frozenset[int]


def e164(value: str, country: str | None) -> str | None:
    """Return a phone number as E.164, None when it is none; `country` is that of numbers without a country code."""
    import phonenumbers

    if (plain := _plain(value, country)) is not None:
        return plain
    try:
        number = phonenumbers.parse(value, country)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _plain(value: str, country: str | None) -> str | None:
    """Return what phonenumbers would make of a plainly written number; None when it has to be asked."""
    if _PLAIN.fullmatch(value) is None:
        return None
    digits = value.translate(_PUNCTUATION)
    if digits[0] == "+":
        rules = _by_code(digits[1:2]) or _by_code(digits[1:3]) or _by_code(digits[1:4])
        if rules is None:
            return None
        national = digits[1 + len(rules.code) :]
        if rules.prefix.match(national):
            return None
    else:
        rules = None if country is None else _by_country(country)
        if rules is None or digits.startswith(rules.code) or rules.abroad.match(digits):
            return None
        stripped = rules.prefix.match(digits)
        national = digits[stripped.end() :] if stripped else digits
    # A leading zero is a digit of its own in some countries.
    if len(national) not in rules.lengths or national[0] == "0" or not rules.national.fullmatch(national):
        return None
    return f"+{rules.code}{national}"


@cache
def _by_code(code: str) -> _Country | None:
    """Return the rules of a calling code's main country; calling codes are prefix-free (ITU-T E.164)."""
    from phonenumbers import region_code_for_country_code

    return None if not code or code[0] == "0" else _rules(region_code_for_country_code(int(code)))


@cache
def _by_country(country: str) -> _Country | None:
    """Return the rules of a country, None for one that shares another one's calling code."""
    from phonenumbers import country_code_for_region, region_code_for_country_code

    code = country_code_for_region(country)
    return _rules(country) if code and region_code_for_country_code(code) == country else None


def _rules(country: str) -> _Country | None:
    """Return the rules of a country of which phonenumbers' data are plain."""
    from phonenumbers import PhoneMetadata

    data = PhoneMetadata.metadata_for_region(country, None)
    if data is None or data.general_desc is None or data.general_desc.national_number_pattern is None:
        return None
    prefix = re.compile(data.national_prefix_for_parsing or _NOTHING)
    if prefix.groups or data.national_prefix_transform_rule:  # carrier codes, and numbers that are rewritten
        return None
    return _Country(
        str(data.country_code),
        prefix,
        re.compile(data.international_prefix or _NOTHING),
        re.compile(data.general_desc.national_number_pattern),
        frozenset(data.general_desc.possible_length) - frozenset(data.general_desc.possible_length_local_only),
    )
