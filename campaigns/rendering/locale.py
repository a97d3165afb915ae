"""Dates, numbers and money in words of the campaign's language and country, and in the reader's zone, by babel."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from jinja2 import pass_context
from jinja2.runtime import Context

from campaigns.rendering.environment import printable
from campaigns.rendering.words import words
from campaigns.timing import zones

if TYPE_CHECKING:
    from babel import Locale

_WIDTHS = ("short", "medium", "long", "full")
_PATTERN = re.compile(r"[\w\s.,/:'’\-–()]{1,64}")
_DATE_LETTERS = frozenset("GyYuQqMLwWdDFgEec")
_TIME_LETTERS = frozenset("abBhHkKjmsSAzZOvVXx")


def read_moment(value: Any, zone: str) -> datetime | date | time:
    """Return a moment as the reader's clock shows it (naive), a date or a time of day, from ISO 8601 text.

    A moment with an offset is moved to `zone`; one without is taken as local. Raises ValueError for anything else.
    """
    if isinstance(value, str):
        text = value.strip()
        for kind in (date, datetime, time):
            try:
                value = kind.fromisoformat(text)
            except ValueError:
                continue
            break
        else:
            raise ValueError(f"cannot read {text!r} as a date\nexpected e.g. 2027-02-14 or 2027-02-14T09:30+01:00")
    if isinstance(value, datetime):
        return value if value.tzinfo is None else zones.local(value, zone).replace(tzinfo=None)
    if isinstance(value, (date, time)):
        return value
    raise ValueError(f"cannot read {printable(value)!r} as a date\nexpected e.g. 2027-02-14")


def read_number(value: Any) -> Decimal:
    """Return a number from a number or its text (29.90, with a point); ValueError otherwise."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError(f"cannot read {printable(value)!r} as a number\nexpected e.g. 29.90")
    try:
        number = +Decimal(str(value).strip())
    except ArithmeticError:
        raise ValueError(f"cannot read {str(value)!r} as a number\nexpected e.g. 29.90") from None
    if not number.is_finite() or abs(number) >= Decimal(10) ** 30 or number.as_tuple().exponent < -30:  # type: ignore[operator]
        raise ValueError(f"cannot read {str(value)!r} as a number\nexpected one of a sensible size")
    return number


def _zone(context: Context) -> str:
    touch = context.get("touch")
    zone = touch.get("timezone") if isinstance(touch, dict) else None
    return str(zone) if zone else "UTC"


class Words:
    """The filters that speak the campaign's language; babel is loaded at the first use."""

    def __init__(self, language: str, country: str | None) -> None:
        self._language = language
        self._country = country
        self._found: Locale | None = None

    @property
    def locale(self) -> Locale:
        """The language as the country writes it, else as its own does; English of nowhere else is that of the world."""
        if self._found is None:
            from babel import Locale, UnknownLocaleError

            try:
                self._found = Locale.parse("_".join(filter(None, (self._language, self._country))))
            except UnknownLocaleError:  # CLDR has the pairs that are at home somewhere: no English of Japan
                self._found = Locale.parse("en_001" if self._language == "en" else self._language)
        return self._found

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by the names templates use; days and times that many readers share are kept."""
        day, clock = lru_cache(maxsize=512)(self.day), lru_cache(maxsize=512)(self.clock)

        @pass_context
        def on(context: Context, value: Any, form: str = "") -> str:
            return day(read_moment(value, _zone(context)), form)

        @pass_context
        def at(context: Context, value: Any, form: str = "short") -> str:
            return clock(read_moment(value, _zone(context)), form)

        @pass_context
        def both(context: Context, value: Any, form: str = "") -> str:
            moment = read_moment(value, _zone(context))
            if not isinstance(moment, datetime):
                raise ValueError(f"expected a moment with a time of day, got {printable(value)!r}\nuse `| date`")
            return f"{day(moment, form)} {words(self._language)['at']} {clock(moment, 'short')}"

        @pass_context
        def weekday(context: Context, value: Any) -> str:
            return day(read_moment(value, _zone(context)), "EEEE")

        return {
            "date": on,
            "time": at,
            "datetime": both,
            "weekday": weekday,
            "number": self.number,
            "money": self.money,
            "percent": self.percent,
        }

    def day(self, moment: datetime | date | time, form: str) -> str:
        """Write a day: `7 février` by default, a width (short medium long full), or a pattern such as `d MMM`."""
        from babel import dates

        if isinstance(moment, time):
            raise ValueError(f"expected a date, got the time {moment:%H:%M}\nuse `| time`")
        if form in ("", "MMMMd"):
            written = dates.format_skeleton("MMMMd", _for_babel(moment), locale=self.locale)
        elif form in _WIDTHS:
            written = dates.format_date(moment, form, locale=self.locale)
        else:
            _check_pattern(form, _DATE_LETTERS | (_TIME_LETTERS if isinstance(moment, datetime) else frozenset()))
            written = dates.format_datetime(_for_babel(moment), form, locale=self.locale)
        # The first of the month is an ordinal in French, which the locale data leaves out.
        return (
            re.sub(r"(?<!\d)1(?= [^\W\d])", "1er", written) if self._language == "fr" and moment.day == 1 else written
        )

    def clock(self, moment: datetime | date | time, form: str) -> str:
        """Write a time of day: a width (short medium long full), or a pattern such as `HH'h'mm`."""
        from babel import dates

        if not isinstance(moment, (datetime, time)):
            raise ValueError(f"expected a time of day, got the date {moment.isoformat()}\nuse `| date`")
        if form not in _WIDTHS[:2]:
            _check_pattern(form, _TIME_LETTERS)
        clock = moment.time() if isinstance(moment, datetime) else moment
        return dates.format_time(clock.replace(tzinfo=UTC), form, locale=self.locale)

    def number(self, value: Any, decimals: int | None = None) -> str:
        """Write a number with the language's separators; `decimals` fixes how many follow."""
        from babel import numbers

        number = read_number(value)
        if decimals is None:
            return numbers.format_decimal(number, locale=self.locale)
        if isinstance(decimals, bool) or not isinstance(decimals, int) or not 0 <= decimals <= 10:
            raise ValueError(f"expected 0 to 10 decimals, got {printable(decimals)}")
        return numbers.format_decimal(number, f"#,##0.{'0' * decimals}" if decimals else "#,##0", locale=self.locale)

    def money(self, value: Any, currency: str | None = None) -> str:
        """Write an amount of `currency` (ISO 4217), by default that of the campaign's country."""
        from babel import numbers

        currency = currency or self._currency()
        if not isinstance(currency, str) or currency not in self.locale.currencies:
            raise ValueError(f"unknown currency {printable(currency)!r}\nexpected a code such as EUR, MDL or USD")
        return numbers.format_currency(read_number(value), currency, locale=self.locale)

    def percent(self, value: Any, decimals: int | None = None) -> str:
        """Write a share of one as a percentage: 0.3 is 30 %."""
        from babel import numbers

        share = read_number(value)
        if decimals is None:
            digits = max(0, min(2, -int((share * 100).normalize().as_tuple().exponent)))
        elif isinstance(decimals, bool) or not isinstance(decimals, int) or not 0 <= decimals <= 10:
            raise ValueError(f"expected 0 to 10 decimals, got {printable(decimals)}")
        else:
            digits = decimals
        pattern = str(self.locale.percent_formats[None].pattern)
        wanted = pattern.replace("#,##0", "#,##0." + "0" * digits if digits else "#,##0")
        return numbers.format_percent(share, wanted, locale=self.locale)

    def _currency(self) -> str:
        from babel import numbers

        if self._country is None:
            raise ValueError("no country, so no currency\nname it: `| money('EUR')`, or give the campaign a `country:`")
        known = numbers.get_territory_currencies(self._country)
        if not known:
            raise ValueError(f"the country {self._country} has no currency of its own\nname it: `| money('EUR')`")
        return known[0]


def _for_babel(moment: datetime | date) -> datetime:
    """Return the moment, or the day's first, as babel wants it: it takes UTC where we mean the reader's own clock."""
    clock = moment if isinstance(moment, datetime) else datetime.combine(moment, time())
    return clock.replace(tzinfo=UTC)


def _check_pattern(form: Any, allowed: frozenset[str]) -> None:
    """Refuse a pattern that is not one; letters between single quotes stand for themselves."""
    text = form if isinstance(form, str) else ""
    letters = set(re.sub(r"'[^']*'", "", text)) & set(map(chr, (*range(65, 91), *range(97, 123))))
    if not _PATTERN.fullmatch(text) or not letters or letters - allowed or re.search(r"([A-Za-z])\1{8}", text):
        raise ValueError(
            f"cannot read the form {printable(form)!r}\nexpected {', '.join(_WIDTHS)} or a pattern such as 'd MMM'"
        )
