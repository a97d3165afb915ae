"""The grammar of audience expressions: words to typed values, or the first place where that is impossible.

expression  = all , { "or" , all } ;
all         = one , { "and" , one } ;
one         = "not" , one | "(" , expression , ")" | comparison | event ;
comparison  = fact , ( "=" | "!=" | "<" | "<=" | ">" | ">=" ) , value
            | fact , [ "not" ] , "in" , "(" , value , { "," , value } , ")"
            | fact , "is" , ( "known" | "unknown" ) ;
event       = name , "(" , [ text ] , ")" , [ period ] | name , period ;
period      = "within" , number , unit | "since" , date ;
"""

from __future__ import annotations

from datetime import date
from difflib import get_close_matches

from campaigns.errors import ExpressionError, PhraseError
from campaigns.segments.expression import (
    And,
    Comparison,
    Expression,
    Happened,
    Known,
    Membership,
    Not,
    Operator,
    Or,
    Value,
)
from campaigns.segments.tokens import KEYWORDS, Token, tokens
from campaigns.timing import phrases
from campaigns.timing.model import Span

# People say what they did: the verbs of the built-in events.
VERBS = {
    "purchased": "purchase",
    "bought": "purchase",
    "ordered": "purchase",
    "abandoned": "cart_abandoned",
    "abandoned_cart": "cart_abandoned",
    "signed_up": "signup",
    "reviewed": "review",
    "complained": "complaint",
    "bounced": "bounce",
    "unsubscribed": "unsubscribe",
}
_MEANT = {"==": "=", "<>": "!=", "≠": "!=", "≤": "<=", "≥": ">="}
_FOREIGN = {"&&": "and", "||": "or", "!": "not"}
_LANGUAGES = ("en", "fr", "ro", "ru", "es", "de")
_DEEPEST = 40


def parse(text: str) -> Expression:
    """Read an audience expression whole.

    Names of facts and events are free (a shop has its own columns); words around them are closed. Units of `within`
    are read in every language of the product.

    Raises: ExpressionError with the offset of the first word that does not fit, and what would.
    """
    return _Parser(text).parse()


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = tokens(text)
        self.next = 0
        self.depth = 0

    def parse(self) -> Expression:
        if self.token.kind == "end":
            raise self.error(
                "an empty audience", remedy="expected e.g. city = 'Paris', or leave `audience:` out for everybody"
            )
        expression = self.alternatives()
        if self.token.kind != "end":
            raise self.error(f"cannot read {self.token.text!r}", remedy=self.joining())
        return expression

    @property
    def token(self) -> Token:
        return self.tokens[self.next]

    def take(self) -> Token:
        token = self.token
        self.next += 1
        return token

    def accept(self, *words: str) -> bool:
        if self.token.kind in ("keyword", "mark") and self.token.text in words:
            self.next += 1
            return True
        return False

    def error(self, message: str, *, remedy: str, at: Token | None = None) -> ExpressionError:
        return ExpressionError(message, expression=self.text, at=(at or self.token).at, remedy=remedy)

    def joining(self) -> str:
        """Say what could stand where a whole comparison has just ended."""
        word = self.token.text
        if word in _FOREIGN:
            return f"write {_FOREIGN[word]}"
        if near := get_close_matches(word.lower(), sorted(KEYWORDS), 1):
            return f"did you mean {near[0]!r}?"
        return "expected 'and', 'or' or the end"

    def alternatives(self) -> Expression:
        parts = [self.conjunction()]
        while self.accept("or"):
            parts.append(self.conjunction())
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def conjunction(self) -> Expression:
        parts = [self.single()]
        while self.accept("and"):
            parts.append(self.single())
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def single(self) -> Expression:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise self.error(f"nested more than {_DEEPEST} deep", remedy="mark the people in a fact of their own")
        if self.accept("not"):
            expression: Expression = Not(self.single())
        elif self.accept("("):
            expression = self.alternatives()
            if not self.accept(")"):
                raise self.error("a parenthesis is not closed", remedy="close it with )")
        else:
            expression = self.predicate()
        self.depth -= 1
        return expression

    def predicate(self) -> Expression:
        token = self.token
        if token.kind != "name":
            found = f"cannot read {token.text!r}" if token.text else "the audience ends too early"
            remedy = (
                "write not" if token.text == "!" else "expected a fact such as city = 'Paris', or purchased('ring')"
            )
            raise self.error(found, remedy=remedy)
        name = self.take()
        if self.accept("("):
            return self.event(name)
        if self.token.kind == "keyword" and self.token.text in ("within", "since"):
            return self.period(name, None)
        if self.accept("is"):
            return self.knowledge(name)
        if self.accept("in"):
            return Membership(_field(name), self.listed())
        if self.accept("not"):
            if not self.accept("in"):
                raise self.error(
                    f"cannot read {self.token.text!r} after 'not'", remedy="expected e.g. city not in ('Paris', 'Lyon')"
                )
            field = _field(name)
            return And((Known(field), Not(Membership(field, self.listed()))))
        return self.comparison(name)

    def comparison(self, name: Token) -> Expression:
        mark = self.token
        if mark.kind != "mark" or _MEANT.get(mark.text, mark.text) not in set(Operator):
            raise self.error(f"{name.text!r} is not compared with anything", remedy=self.after_name(name), at=mark)
        self.next += 1
        return Comparison(_field(name), Operator(_MEANT.get(mark.text, mark.text)), self.value())

    def after_name(self, name: Token) -> str:
        word = self.token.text.lower()
        if name.text in VERBS:
            return f"write {name.text}()"
        if near := get_close_matches(word, ["in", "is", "within", "since"], 1):
            return f"did you mean {near[0]!r}?"
        return f"write {name.text} = 'value' for a fact, {name.text}() for an event"

    def knowledge(self, name: Token) -> Expression:
        denied = self.accept("not")
        if self.accept("known"):
            known: Expression = Known(_field(name))
        elif self.accept("unknown"):
            known = Not(Known(_field(name)))
        else:
            near = get_close_matches(self.token.text.lower(), ["known", "unknown"], 1)
            hint = f"did you mean {near[0]!r}?" if near else f"write {name.text} is known, or {name.text} = 'value'"
            raise self.error(f"cannot read {self.token.text!r} after 'is'", remedy=hint)
        return Not(known) if denied else known

    def listed(self) -> tuple[Value, ...]:
        if not self.accept("("):
            raise self.error("a list is missing after 'in'", remedy="expected e.g. in ('Paris', 'Lyon')")
        values = [self.value()]
        while self.accept(",", ";"):
            values.append(self.value())
        if not self.accept(")"):
            raise self.error("a list is not closed", remedy="separate the values with commas and close the list with )")
        return tuple(values)

    def value(self) -> Value:
        token = self.take()
        if token.kind == "keyword" and token.text in ("true", "false"):
            return token.text == "true"
        if token.kind in ("text", "number", "date") and token.value is not None:
            return token.value
        if token.kind == "name":
            raise self.error(f"{token.text!r} is not a value", remedy=f"put it in quotes: '{token.text}'", at=token)
        raise self.error(
            "a value is missing", remedy="expected a text in quotes, a number, a date, true or false", at=token
        )

    def event(self, name: Token) -> Happened:
        key = None
        if not self.accept(")"):
            token = self.take()
            if token.kind not in ("text", "number"):
                raise self.error(
                    f"cannot read {token.text!r} in {name.text}(...)",
                    remedy=f"expected e.g. {name.text}('ring')",
                    at=token,
                )
            key = str(token.value)
            if not self.accept(")"):
                raise self.error(f"{name.text}(... is not closed", remedy="close it with )")
        return self.period(name, key)

    def period(self, name: Token, key: str | None) -> Happened:
        event = VERBS.get(name.text.lower(), name.text)
        if self.accept("within"):
            return Happened(event, key, within=self.span())
        if self.accept("since"):
            token = self.take()
            if token.kind != "date" or not isinstance(token.value, date):
                raise self.error(
                    f"cannot read {token.text!r} after 'since'", remedy="expected a date such as 2026-11-01", at=token
                )
            return Happened(event, key, since=token.value)
        return Happened(event, key)

    def span(self) -> Span:
        number, unit = self.take(), self.take()
        if number.kind != "number" or not isinstance(number.value, int) or unit.kind not in ("name", "keyword"):
            raise self.error("cannot read the time after 'within'", remedy="expected e.g. within 12 months", at=number)
        for language in _LANGUAGES:
            try:
                return phrases.parse_span(f"{number.value} {unit.text}", language=language)
            except PhraseError:
                continue
        near = get_close_matches(unit.text.lower(), ["days", "weeks", "months", "years", "hours", "minutes"], 1)
        remedy = f"did you mean {near[0]!r}?" if near else "expected days, weeks, months or years"
        raise self.error(f"{unit.text!r} is not a unit of time", remedy=remedy, at=unit)


def _field(name: Token) -> str:
    """Take `contact.city` for `city`: templates write the one, audiences may write both."""
    return name.text.removeprefix("contact.")
