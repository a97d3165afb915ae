"""Laws of audience expressions: they never raise for a person, and are told as they are read."""

from datetime import UTC, date, datetime

from hypothesis import given
from hypothesis import strategies as st

from campaigns.errors import ExpressionError
from campaigns.segments import And, Comparison, Happened, Known, Membership, Not, Operator, Or, evaluate, fields, parse
from campaigns.timing.model import Span, Unit

NOW = datetime(2027, 1, 21, tzinfo=UTC)
names = st.sampled_from(["city", "age", "vip", "prénom", "address.city"])
texts = st.text(
    st.characters(codec="utf-8", exclude_characters="'\"\n\r", exclude_categories=("Cs", "Cc")), max_size=12
)
values = st.one_of(
    texts.filter(lambda text: text == text.strip()),
    st.integers(-10_000, 10_000),
    st.booleans(),
    st.dates(date(1900, 1, 1), date(2100, 1, 1)),
)
leaves = st.one_of(
    st.builds(Comparison, names, st.sampled_from(Operator), values),
    st.builds(Membership, names, st.lists(values, min_size=1, max_size=3).map(tuple)),
    st.builds(Known, names),
    st.builds(
        Happened,
        st.sampled_from(["purchase", "grooming"]),
        st.none() | texts.filter(bool),
        st.none() | st.builds(Span, st.integers(1, 99), st.sampled_from([Unit.DAY, Unit.MONTH])),
    ),
)
expressions = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(And, st.lists(inner.filter(lambda e: not isinstance(e, And)), min_size=2, max_size=3).map(tuple)),
        st.builds(Or, st.lists(inner.filter(lambda e: not isinstance(e, Or)), min_size=2, max_size=3).map(tuple)),
    ),
    max_leaves=6,
)
facts = st.dictionaries(
    st.sampled_from(["city", "age", "vip", "prénom", "address"]),
    st.one_of(
        st.none(), st.text(max_size=5), st.integers(), st.floats(), st.booleans(), st.lists(st.integers(), max_size=2)
    ),
)


@given(expressions)
def test_an_expression_told_and_read_again_is_the_same(expression):
    assert parse(str(expression)) == expression


@given(expressions, facts)
def test_deciding_never_raises_and_not_is_the_opposite(expression, person):
    decided = evaluate(expression, person, (), NOW)

    assert evaluate(Not(expression), person, (), NOW) is not decided


@given(expressions)
def test_nobody_known_is_only_reached_by_asking_for_the_unknown(expression):
    if not evaluate(expression, {}, (), NOW):
        return

    assert "not" in str(expression) or not fields(expression)


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_at_a_place_in_it(text):
    place, remedy = read(text)

    assert 0 <= place <= len(text)
    assert remedy


def read(text):
    try:
        parse(text)
    except ExpressionError as error:
        return error.at, error.remedy
    return 0, "none needed"
