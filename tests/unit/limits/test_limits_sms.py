"""An SMS is counted in parts: septets of GSM-7, or 16-bit units as soon as one character is foreign to it."""

import pytest

from campaigns.limits.sms import parts


@pytest.mark.parametrize(
    ("text", "segments", "encoding"),
    [
        ("", 1, "gsm-7"),
        ("a" * 160, 1, "gsm-7"),
        ("a" * 161, 2, "gsm-7"),
        ("a" * 306, 2, "gsm-7"),
        ("a" * 307, 3, "gsm-7"),
        ("é" * 160, 1, "gsm-7"),
        ("€" * 80, 1, "gsm-7"),
        ("€" * 81, 2, "gsm-7"),
        ("ê" * 70, 1, "ucs-2"),
        ("ê" * 71, 2, "ucs-2"),
        ("ê" * 134, 2, "ucs-2"),
        ("ê" * 135, 3, "ucs-2"),
        ("a" * 159 + "ê", 3, "ucs-2"),
        ("😀" * 35, 1, "ucs-2"),
        ("😀" * 36, 2, "ucs-2"),
    ],
)
def test_parts_are_as_the_standard_cuts_them(text, segments, encoding):
    found = parts(text)

    assert (found.segments, found.encoding) == (segments, encoding)


def test_no_character_is_cut_in_two_at_the_end_of_a_part():
    # 152 septets leave one in the first part, and a euro sign needs two: 152 + 153 would fit into two parts.
    assert parts("a" * 152 + "€" + "a" * 151).segments == 2
    assert parts("a" * 152 + "€" + "a" * 152).segments == 3
    # 67 units hold 33 emoji; 67 of them would fit into two parts if one were cut.
    assert parts("😀" * 66).segments == 2
    assert parts("😀" * 67).segments == 3


def test_what_made_it_expensive_is_named_once_in_its_order():
    assert parts("Où êtes-vous, « chère » Zoë ? Être là…").foreign == ("ê", "«", "»", "ë", "Ê", "…")
