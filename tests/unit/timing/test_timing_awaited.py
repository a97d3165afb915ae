"""The expected and the overdue order: said in every language, resolved from what is forecast."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from campaigns.errors import CampaignError
from campaigns.timing import phrases, resolver, structure
from campaigns.timing.model import Event, Moments, Offset, Relation, Timing, Unit

PARIS = ZoneInfo("Europe/Paris")
ORDERED = datetime(2027, 3, 1, 10, tzinfo=PARIS)
EXPECTED = datetime(2027, 3, 21, 10, tzinfo=PARIS)
LATE = datetime(2027, 4, 11, 10, tzinfo=PARIS)


@pytest.mark.parametrize(
    ("phrase", "language"),
    [
        ("2 days after the overdue order", "en"),
        ("2 jours après la commande en retard", "fr"),
        ("la 2 zile după comanda întârziată", "ro"),
        ("через 2 дня после просроченного заказа", "ru"),
        ("2 días después del pedido atrasado", "es"),
        ("2 Tage nach der überfälligen Bestellung", "de"),
    ],
)
def test_the_overdue_order_is_said_in_every_language(phrase: str, language: str) -> None:
    timing = phrases.parse(phrase, language=language)

    assert timing == Timing(Event("purchase", late=True), Relation.OFFSET, Offset(Unit.DAY, 2, 2))


@pytest.mark.parametrize(
    ("phrase", "due"),
    [
        ("5 days before the expected order", datetime(2027, 3, 16, 10, tzinfo=PARIS)),
        ("the expected order", EXPECTED),
        ("the overdue order", LATE),
        ("a week after the overdue order", datetime(2027, 4, 18, 10, tzinfo=PARIS)),
    ],
)
def test_it_counts_from_what_is_forecast(phrase: str, due: datetime) -> None:
    moments = Moments(
        now=ORDERED,
        zone="Europe/Paris",
        events={"purchase": ORDERED},
        expected={"purchase": EXPECTED},
        late={"purchase": LATE},
    )

    assert resolver.resolve(phrases.parse(phrase), moments).target == due


@pytest.mark.parametrize(
    ("phrase", "said"), [("the expected order", "is not expected yet"), ("the overdue order", "is not forecast yet")]
)
def test_without_a_forecast_it_is_unresolved_and_never_now(phrase: str, said: str) -> None:
    moments = Moments(now=ORDERED, zone="Europe/Paris", events={"purchase": ORDERED})

    with pytest.raises(CampaignError, match=said) as raised:
        resolver.resolve(phrases.parse(phrase), moments)

    assert raised.value.remedy == "say what it is expected after, such as `on: purchase`"


def test_the_overdue_order_is_written_structurally() -> None:
    timing = Timing(Event("purchase", late=True), Relation.OFFSET, Offset(Unit.DAY, 2, 2))

    written = structure.write(timing)

    assert written == {"days": 2, "after": {"event": "purchase", "late": True}}
    assert structure.read(written, language="en", country=None, events=("purchase",), occasions=()) == timing
