"""Audience expressions are read whole, or refused at the word with what would fit."""

from datetime import date

import pytest

from campaigns.errors import ExpressionError
from campaigns.segments import And, Comparison, Happened, Known, Membership, Not, Operator, Or, events, fields, parse
from campaigns.timing.model import Span, Unit


def test_the_audience_of_the_ring_shop_is_read():
    expression = parse("city = 'Paris' and not purchased('ring') within 12 months")

    assert expression == And(
        (
            Comparison("city", Operator.EQUAL, "Paris"),
            Not(Happened("purchase", "ring", within=Span(12, Unit.MONTH))),
        )
    )


def test_and_binds_tighter_than_or():
    expression = parse("age < 35 or age >= 60 and city = 'Lyon'")

    assert expression == Or(
        (
            Comparison("age", Operator.LESS, 35),
            And((Comparison("age", Operator.AT_LEAST, 60), Comparison("city", Operator.EQUAL, "Lyon"))),
        )
    )


def test_parentheses_come_first():
    expression = parse("(age < 35 or age >= 60) and city = 'Lyon'")

    assert isinstance(expression, And)
    assert isinstance(expression.parts[0], Or)


def test_keywords_may_be_written_in_capitals():
    assert parse("NOT vip = true AND age IN (1, 2)") == parse("not vip = true and age in (1, 2)")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("city = 'Paris'", "Paris"),
        ('city = "L\'Isle"', "L'Isle"),
        ("city = « Paris »", "Paris"),
        ("city = “Paris”", "Paris"),
        ("city = „Iași”", "Iași"),
        ("city = „Köln“", "Köln"),
        ("city = ‘Cádiz’", "Cádiz"),
        ("score = 12", 12),
        ("score = -3", -3),
        ("score = 12.5", 12.5),
        ("score = 12,5", 12.5),
        ("joined = 2027-02-14", date(2027, 2, 14)),
        ("joined = 14/02/2027", date(2027, 2, 14)),
        ("joined = 14.02.2027", date(2027, 2, 14)),
        ("joined = 2.3.2027", date(2027, 3, 2)),
        ("vip = true", True),
        ("vip = false", False),
    ],
)
def test_values_are_read_as_people_write_them(text, value):
    expression = parse(text)

    assert isinstance(expression, Comparison)
    assert expression.value == value
    assert type(expression.value) is type(value)


def test_the_comma_separates_the_values_of_a_list():
    assert parse("age in (1,5, 7)") == Membership("age", (1, 5, 7))
    assert parse("(score > 1,5)") == Comparison("score", Operator.MORE, 1.5)


def test_not_in_asks_for_a_known_fact():
    expression = parse("city not in ('Paris', 'Lyon')")

    assert expression == And((Known("city"), Not(Membership("city", ("Paris", "Lyon")))))


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("city is known", Known("city")),
        ("city is unknown", Not(Known("city"))),
        ("city is not known", Not(Known("city"))),
        ("city is not unknown", Not(Not(Known("city")))),
    ],
)
def test_knowledge_can_be_asked_for(text, expression):
    assert parse(text) == expression


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("purchased()", Happened("purchase")),
        ("purchase('ring')", Happened("purchase", "ring")),
        ("bought('ring') since 2026-11-01", Happened("purchase", "ring", since=date(2026, 11, 1))),
        ("cart_abandoned within 2 weeks", Happened("cart_abandoned", within=Span(2, Unit.WEEK))),
        ("abandoned('17')", Happened("cart_abandoned", "17")),
        ("grooming('bath') within 30 jours", Happened("grooming", "bath", within=Span(30, Unit.DAY))),
        ("purchased() within 12 mois", Happened("purchase", within=Span(12, Unit.MONTH))),
    ],
)
def test_events_are_read_with_their_key_and_period(text, expression):
    assert parse(text) == expression


def test_contact_before_a_fact_is_taken_as_in_templates():
    assert parse("contact.city = 'Paris'") == parse("city = 'Paris'")


def test_columns_of_any_language_are_facts():
    assert parse("prénom = 'Léa'") == Comparison("prénom", Operator.EQUAL, "Léa")


def test_fields_and_events_are_named():
    expression = parse("city = 'Paris' and (age in (1, 2) or vip is known) and not purchased() within 3 days")

    assert fields(expression) == {"city", "age", "vip"}
    assert events(expression) == {"purchase"}


@pytest.mark.parametrize(
    ("text", "at", "message", "remedy"),
    [
        ("", 0, "an empty audience", "expected e.g. city = 'Paris', or leave `audience:` out for everybody"),
        ("city = Paris", 7, "'Paris' is not a value", "put it in quotes: 'Paris'"),
        ("city = 'Paris", 7, 'the text that begins at "\'Paris" is not closed', "close it with '"),
        ("city = 'Paris' adn age < 3", 15, "cannot read 'adn'", "did you mean 'and'?"),
        ("city = 'Paris' && age < 3", 15, "cannot read '&&'", "write and"),
        ("city = 'Paris' age < 3", 15, "cannot read 'age'", "expected 'and', 'or' or the end"),
        ("city", 4, "'city' is not compared with anything", "write city = 'value' for a fact, city() for an event"),
        ("purchased", 9, "'purchased' is not compared with anything", "write purchased()"),
        ("city = ", 7, "a value is missing", "expected a text in quotes, a number, a date, true or false"),
        ("purchased() withn 3 days", 12, "cannot read 'withn'", "did you mean 'within'?"),
        ("purchased() within 3 dayz", 21, "'dayz' is not a unit of time", "did you mean 'days'?"),
        ("purchased() within soon", 19, "cannot read the time after 'within'", "expected e.g. within 12 months"),
        ("purchased() since 3", 18, "cannot read '3' after 'since'", "expected a date such as 2026-11-01"),
        ("(city = 'Paris'", 15, "a parenthesis is not closed", "close it with )"),
        ("city in 'Paris'", 8, "a list is missing after 'in'", "expected e.g. in ('Paris', 'Lyon')"),
        ("city is knwon", 8, "cannot read 'knwon' after 'is'", "did you mean 'known'?"),
        ("joined = 2027-02-30", 9, "no such day: '2027-02-30'", "write a date as 2027-02-14"),
        ("joined = 02/03/2027", 9, "cannot tell day from month in '02/03/2027'", "write 2027-03-02 or 2027-02-03"),
        ("city = 'Paris' ; drop", 15, "cannot read ';'", "expected 'and', 'or' or the end"),
        ("a @ 3", 2, "cannot read '@'", "expected e.g. city = 'Paris' and age < 35"),
    ],
)
def test_what_cannot_be_read_is_refused_at_its_place(text, at, message, remedy):
    with pytest.raises(ExpressionError) as caught:
        parse(text)

    assert (caught.value.at, caught.value.message, caught.value.remedy) == (at, message, remedy)


def test_deep_nesting_is_refused():
    with pytest.raises(ExpressionError, match="nested more than 40 deep"):
        parse("(" * 60 + "a = 1" + ")" * 60)


def test_a_huge_expression_is_refused():
    with pytest.raises(ExpressionError, match="too long"):
        parse("a = 1 and " * 200 + "a = 1")


def test_an_expression_can_be_told_again():
    text = "city = 'Paris' and not (purchase('ring') within 12 months) and (age < 35 or vip = true)"

    assert str(parse(text)) == text
    assert parse(str(parse(text))) == parse(text)
