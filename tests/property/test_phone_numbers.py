"""A phone number read the quick way is what phonenumbers makes of it, for every country it knows."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scheduler.contacts_csv import phones

COUNTRIES = sorted(phonenumbers.SUPPORTED_REGIONS)
DIGITS = st.text("0123456789", min_size=3, max_size=16)


def judged(value: str, country: str | None) -> str | None:
    """What the library says."""
    try:
        number = phonenumbers.parse(value, country)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


@st.composite
def written(draw: st.DrawFn) -> tuple[str, str | None]:
    """A number as people write it: of some country, whole or nearly so, with blanks and dots, home or abroad."""
    country = draw(st.sampled_from(COUNTRIES))
    kind = draw(st.sampled_from(phonenumbers.PhoneNumberType.values()))
    sample = phonenumbers.example_number_for_type(country, kind) or phonenumbers.example_number(country)
    national = phonenumbers.national_significant_number(sample) if sample else "612345678"
    for place in draw(st.lists(st.integers(0, len(national) - 1), max_size=3)):
        national = national[:place] + draw(st.sampled_from("0123456789")) + national[place + 1 :]
    national = draw(st.sampled_from([national, national[:-1], f"{national}5", draw(DIGITS)]))
    code = str(phonenumbers.country_code_for_region(country))
    before = draw(st.sampled_from(["", "", "0", "1", "8", "00", "011", code, f"+{code}", f"+{code}", f"+{code}0", "+"]))
    mark = draw(st.sampled_from(["", " ", ".", "-", "  ", "/", ") "]))
    gap = draw(st.integers(1, 5))
    text = f"{before}{mark if before else ''}" + mark.join(national[i : i + gap] for i in range(0, len(national), gap))
    return text, draw(st.sampled_from([country, country, country, None, "FR", "ZZ"]))


@given(written())
@example(("06 12 34 56 78", "FR"))
@example(("0033612345678", "FR"))
@example(("33612345678", "FR"))
@example(("+33 06 12 34 56 78", "FR"))
@example(("+062050123", "UZ"))
@example(("+39 06 1234 5678", "IT"))
@example(("8 912 345-67-89", "RU"))
@example(("1 415 555 2671", "US"))
@example(("15 2345 6789", "AR"))
def test_a_plain_number_is_what_phonenumbers_makes_of_it(number: tuple[str, str | None]) -> None:
    assert phones.e164(*number) == judged(*number)


@pytest.mark.parametrize("country", COUNTRIES)
def test_the_examples_of_every_country_are_read_as_phonenumbers_reads_them(country: str) -> None:
    for kind in phonenumbers.PhoneNumberType.values():
        if (sample := phonenumbers.example_number_for_type(country, kind)) is None:
            continue
        for form in (phonenumbers.PhoneNumberFormat.NATIONAL, phonenumbers.PhoneNumberFormat.INTERNATIONAL):
            text = phonenumbers.format_number(sample, form)
            assert phones.e164(text, country) == judged(text, country), text
