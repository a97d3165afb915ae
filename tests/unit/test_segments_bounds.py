"""What an audience says at most when nobody knows yet what people will have done."""

import pytest

from campaigns import segments


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        ("city = 'Paris' and purchased('ring') within 12 months", "city = 'Paris'"),
        ("city = 'Paris' and not purchased('ring')", "city = 'Paris'"),
        ("city = 'Paris' or purchased()", None),
        ("purchased()", None),
        ("not (city = 'Paris')", "not (city = 'Paris')"),
        ("age < 35 and city = 'Paris'", "age < 35 and city = 'Paris'"),
    ],
)
def test_conditions_on_events_are_left_out_of_the_bound(text: str, bound: str | None) -> None:
    found = segments.at_most(segments.parse(text))

    assert found == (segments.parse(bound) if bound is not None else None)
