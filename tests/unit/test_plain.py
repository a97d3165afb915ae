"""Plain data: what JSON text may be taken as it is, and what is looked through value by value."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.errors import RenderError
from campaigns.plain import PlainFacts, PlainList, from_json, plain


def test_what_a_harmless_object_nests_is_marked_and_comes_out_of_plain_as_it_is() -> None:
    found = from_json('{"items":[{"id":1,"price":19.5}],"address":{"city":"Lyon"},"points":3}')

    assert (type(found["items"]), type(found["address"]), type(found["points"])) == (PlainList, PlainFacts, int)
    assert plain(found) == {"items": [{"id": 1, "price": 19.5}], "address": {"city": "Lyon"}, "points": 3}
    assert type(plain(found)["items"]) is list  # type: ignore[index]


@pytest.mark.parametrize(
    "text",
    [
        '{"a":["x\\u0000"]}',
        '{"a":["x\\ny"]}',
        '{"a":["\N{RIGHT-TO-LEFT OVERRIDE}x"]}',
        '{"a":[NaN]}',
        '{"a":[1e999]}',
        f'{{"a":[{"9" * 400}]}}',
        f'{{"a":{"[" * 25}1{"]" * 25}}}',
    ],
)
def test_a_doubtful_object_is_looked_through(text: str) -> None:
    found = from_json(text)

    assert type(found["a"]) is list


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def _same(value: Any) -> Any:
    try:
        return plain(value)
    except RenderError as error:
        return str(error)


@given(st.dictionaries(st.text(), JSON), st.booleans())
def test_what_was_read_from_json_is_made_plain_as_if_it_had_never_been_marked(
    value: dict[str, Any], ascii_only: bool
) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)

    assert repr(_same(from_json(text))) == repr(_same(json.loads(text)))
