"""How one fact of a contact is compared in SQL: the rules of `segments.matches`, for both databases.

A fact is a column, the age, the list of consents, or a value of the JSON object `facts`, whose kind (text, number,
truth, list) differs from contact to contact; so each comparison first asks for the kind.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Double,
    Integer,
    Text,
    and_,
    case,
    cast,
    column,
    false,
    func,
    literal,
    not_,
    null,
    or_,
    select,
    true,
    type_coerce,
)

from campaigns.segments import Operator, Value
from scheduler.store.people.consents import held_consents
from scheduler.store.people.contacts import COLUMNS
from scheduler.store.tables import CONTACTS

Clause = ColumnElement[bool]
_C = CONTACTS.c

# What Python's str.strip() takes away, so that both sides read the same number from ' 12 '.
_BLANKS = "".join(chr(code) for code in (*range(9, 14), *range(28, 33), 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B)))
_BLANKS += "".join(chr(code) for code in (0x2028, 0x2029, 0x202F, 0x205F, 0x3000))

_COMPARE: dict[Operator, Callable[[Any, Any], ColumnElement[bool]]] = {
    Operator.EQUAL: lambda left, right: left == right,
    Operator.UNEQUAL: lambda left, right: left != right,
    Operator.LESS: lambda left, right: left < right,
    Operator.AT_MOST: lambda left, right: left <= right,
    Operator.MORE: lambda left, right: left > right,
    Operator.AT_LEAST: lambda left, right: left >= right,
}


@dataclass(frozen=True, slots=True)
class _Fact:
    """A value of one of the kinds text, number, true, false, list, object and null; `kind` is NULL where it is absent.

    `text` is the value written out, `document` the JSON it lies in (for lists).
    """

    kind: ColumnElement[Any]
    text: ColumnElement[Any]
    document: ColumnElement[Any] | None = None


class Facts:
    """The facts of CONTACTS rows in the SQL of one database; `today` is the day on which people have their age."""

    def __init__(self, dialect: str, *, today: date) -> None:
        self._postgresql = dialect == "postgresql"
        self._today = today

    def is_known(self, name: str) -> Clause:
        """Return the condition that the fact says something: not missing, not null, not empty."""
        if name == "consent":
            return held_consents().exists()
        if name in COLUMNS:
            return func.coalesce(_C[name], "") != ""
        fact = self._free(name)
        known = _known(fact, self._is_empty_list(fact))
        return or_(func.coalesce(_C.birthday, "") != "", known) if name == "age" else known

    def compare(self, name: str, operator: Operator, value: Value) -> Clause:
        """Return the condition that the fact is known and stands in this relation to the value."""
        if name == "consent":
            return self._consent(operator, value)
        if name in COLUMNS:
            text = func.coalesce(_C[name], "")
            return and_(text != "", self._relation(_Fact(literal("text"), text), operator, value))
        compared = self._compare_free(name, operator, value)
        if name != "age":
            return compared
        birthday = func.coalesce(_C.birthday, "")
        age = _Fact(literal("number"), cast(self._age(birthday), Text))
        return case((birthday != "", self._relation(age, operator, value)), else_=compared)

    def _compare_free(self, name: str, operator: Operator, value: Value) -> Clause:
        fact = self._free(name)
        single = and_(_known(fact, false()), self._relation(fact, operator, value))
        wanted = Operator.EQUAL if operator is Operator.UNEQUAL else operator
        item = self._item()
        matching = and_(_known(item, false()), self._relation(item, wanted, value))
        some = select(literal(1)).select_from(self._items(fact)).where(matching).exists()
        listed = and_(not_(self._is_empty_list(fact)), not_(some) if operator is Operator.UNEQUAL else some)
        return case((fact.kind.is_(None), false()), (fact.kind == "list", listed), else_=single)

    def _consent(self, operator: Operator, value: Value) -> Clause:
        """The purposes a person agrees to are a list of texts."""
        held = held_consents()
        purpose = _Fact(literal("text"), held.selected_columns[0])
        wanted = Operator.EQUAL if operator is Operator.UNEQUAL else operator
        some = held.where(self._relation(purpose, wanted, value)).exists()
        return and_(held.exists(), not_(some)) if operator is Operator.UNEQUAL else some

    def _relation(self, fact: _Fact, operator: Operator, value: Value) -> Clause:
        """Compare a known fact, read as the kind of the value; one that cannot be read so is only unequal."""
        left: ColumnElement[Any]
        right: ColumnElement[Any]
        if isinstance(value, bool):
            left, right = self._truth(fact), literal(int(value))
        elif isinstance(value, (int, float)):
            left, right = self._number(fact), literal(_double(value), Double())
        elif isinstance(value, date):
            left, right = _day(func.substr(self._stripped(fact.text), 1, 10)), literal(value.isoformat())
        else:
            text = case((fact.kind == "object", null()), else_=fact.text)
            left, right = self._ordered(text), literal(value.replace("\x00", ""))
        return func.coalesce(_COMPARE[operator](left, right), true() if operator is Operator.UNEQUAL else false())

    def _truth(self, fact: _Fact) -> ColumnElement[Any]:
        word = func.lower(self._stripped(fact.text))
        return case(
            (fact.kind.in_(("list", "object")), null()), (word == "true", 1), (word == "false", 0), else_=null()
        )

    def _number(self, fact: _Fact) -> ColumnElement[Any]:
        written = func.replace(self._stripped(fact.text), ",", ".")
        return case(
            (fact.kind == "number", cast(fact.text, Double)),
            (and_(fact.kind == "text", self._is_number(written)), cast(written, Double)),
            else_=null(),
        )

    def _is_number(self, text: ColumnElement[Any]) -> Clause:
        if self._postgresql:
            return text.regexp_match(r"^[-+]?[0-9]{1,300}(\.[0-9]+)?$")
        bare = case((func.substr(text, 1, 1).in_(("-", "+")), func.substr(text, 2)), else_=text)
        points = func.length(bare) - func.length(func.replace(bare, ".", ""))
        return and_(
            bare.op("GLOB")("[0-9]*"),
            not_(bare.op("GLOB")("*[^0-9.]*")),
            not_(bare.op("GLOB")("*.")),
            points <= 1,
            func.length(bare) <= 300,
        )

    def _age(self, birthday: ColumnElement[Any]) -> ColumnElement[Any]:
        """Completed years on `today`, from an ISO date: `people.age`."""
        had_none = func.substr(birthday, 6, 5) > f"{self._today:%m-%d}"
        return self._today.year - cast(func.substr(birthday, 1, 4), Integer) - case((had_none, 1), else_=0)

    def _stripped(self, text: ColumnElement[Any]) -> ColumnElement[Any]:
        return func.btrim(text, _BLANKS) if self._postgresql else func.trim(text, _BLANKS)

    def _ordered(self, text: ColumnElement[Any]) -> ColumnElement[Any]:
        """Order by code points, as Python does, whatever the database's own collation is."""
        return cast(text, Text).collate("C") if self._postgresql else text

    # --- the JSON of each database

    def _free(self, name: str) -> _Fact:
        """A fact of the JSON object; dots lead into nested objects."""
        path = name.split(".")
        if self._postgresql:
            value: ColumnElement[Any] = type_coerce(_C.facts, Text())
            value = func.jsonb_extract_path(value, *path)
            return _Fact(_kind_of(func.jsonb_typeof(value)), func.jsonb_extract_path_text(_C.facts, *path), value)
        where = "$" + "".join(f'."{part}"' for part in path)
        kind = _kind_of(func.json_type(_C.facts, where, type_=Text()))
        return _Fact(kind, _written(kind, func.json_extract(_C.facts, where, type_=Text())), literal(where))

    def _items(self, fact: _Fact) -> Any:
        """The items of a fact that is a list, as a table expression `item`."""
        assert fact.document is not None
        if self._postgresql:
            listed = case((fact.kind == "list", fact.document), else_=func.jsonb_build_array())
            return func.jsonb_array_elements(listed).table_valued("value", name="item")
        return func.json_each(_C.facts, fact.document).table_valued("type", "value", name="item")

    def _item(self) -> _Fact:
        if self._postgresql:
            value: ColumnElement[Any] = column("value")
            # the text of a JSON scalar without its quotes
            return _Fact(_kind_of(func.jsonb_typeof(value)), value.op("#>>")(literal("{}")))
        kind = _kind_of(column("type"))
        return _Fact(kind, _written(kind, column("value")))

    def _is_empty_list(self, fact: _Fact) -> Clause:
        assert fact.document is not None
        if self._postgresql:
            length = func.jsonb_array_length(case((fact.kind == "list", fact.document), else_=func.jsonb_build_array()))
        else:
            length = func.json_array_length(_C.facts, fact.document)
        return type_coerce(and_(func.coalesce(fact.kind, "") == "list", func.coalesce(length, 0) == 0), Boolean())


def _known(fact: _Fact, empty_list: Clause) -> Clause:
    kind = func.coalesce(fact.kind, "null")
    return and_(kind != "null", not_(and_(kind == "text", func.coalesce(fact.text, "") == "")), not_(empty_list))


def _kind_of(kind: ColumnElement[Any]) -> ColumnElement[Any]:
    """Name the kinds of both databases alike."""
    return case(
        (kind.in_(("text", "string")), "text"),
        (kind.in_(("integer", "real", "number")), "number"),
        (kind.in_(("true", "false", "boolean")), "truth"),
        (kind == "array", "list"),
        (kind == "object", "object"),
        (kind == "null", "null"),
        else_=null(),
    )


def _written(kind: ColumnElement[Any], value: ColumnElement[Any]) -> ColumnElement[Any]:
    """SQLite hands out JSON's truths as 1 and 0: write them as words."""
    truth = case((cast(value, Integer) == 1, "true"), else_="false")
    return case((kind == "truth", truth), else_=cast(value, Text))


def _day(text: ColumnElement[Any]) -> ColumnElement[Any]:
    """An ISO date that exists, else NULL."""
    year, month, day = func.substr(text, 1, 4), func.substr(text, 6, 2), func.substr(text, 9, 2)
    digits = func.replace(func.replace(func.replace(func.replace(text, "1", "0"), "2", "0"), "3", "0"), "4", "0")
    for digit in "56789":
        digits = func.replace(digits, digit, "0")
    number = cast(year, Integer)
    leap = and_(number % 4 == 0, or_(number % 100 != 0, number % 400 == 0))
    february = case((leap, "29"), else_="28")
    last = case((month == "02", february), (month.in_(("04", "06", "09", "11")), "30"), else_="31")
    exists = and_(year > "0000", month >= "01", month <= "12", day >= "01", day <= last)
    return case((digits != "0000-00-00", null()), (exists, text), else_=null())


def _double(value: int | float) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")
