"""Single values of the file: what each key accepts, and what it says to the rest."""

from __future__ import annotations

from datetime import date, time
from decimal import Decimal

import pytest

from campaigns import planner
from campaigns.definition import Campaign, Cap, Feeling
from campaigns.errors import DefinitionError, suggestion
from campaigns.loader import load


def campaign(top: str = "", stage: str = "", touch: str = "") -> Campaign:
    return load(
        f"campaign: a\n{top}\nstages:\n  - stage: awareness\n    kind: awareness\n    when: early january\n    {stage}\n"
        f"    touches:\n      - id: one\n        channel: email\n        text: Hi\n        {touch}\n"
    )


def refusal(top: str = "", stage: str = "", touch: str = "") -> str:
    with pytest.raises(DefinitionError) as refused:
        campaign(top, stage, touch)
    (mistake,) = refused.value.mistakes
    return f"{mistake.message} - {mistake.remedy}"


@pytest.mark.parametrize(("written", "meant"), [("9:05", time(9, 5)), ("00:00", time(0)), ("'23:59'", time(23, 59))])
def test_a_time_of_day_has_hours_and_minutes(written: str, meant: time) -> None:
    assert campaign(touch=f"at: {written}").stages[0].touches[0].at == meant


@pytest.mark.parametrize("written", ["24:00", "9h30", "9:5", "930", "noon", "[09:30]"])
def test_any_other_time_of_day_is_refused(written: str) -> None:
    assert refusal(touch=f"at: {written}").endswith("write it as 09:30, from 00:00 to 23:59")


@pytest.mark.parametrize(
    ("written", "days"),
    [
        ("mon-fri", {0, 1, 2, 3, 4}),
        ("sat-mon", {5, 6, 0}),
        ("[mon, Wednesday, sat]", {0, 2, 5}),
        ("tue, thu", {1, 3}),
        ("all", {0, 1, 2, 3, 4, 5, 6}),
        ("sun", {6}),
    ],
)
def test_weekdays_are_ranges_lists_or_all(written: str, days: set[int]) -> None:
    assert (
        campaign(
            f"courtesy: {{weekdays: '{written}'}}" if "[" not in written else f"courtesy: {{weekdays: {written}}}"
        ).courtesy.weekdays
        == days
    )


@pytest.mark.parametrize(
    ("written", "caps"),
    [
        ("1 per day", (Cap(1, 1),)),
        ("[1 per day, 3 per week]", (Cap(1, 1), Cap(3, 7))),
        ("2/month", (Cap(2, 30),)),
        ("5 per 10 days", (Cap(5, 10),)),
        ("none", ()),
    ],
)
def test_caps_are_messages_in_a_span(written: str, caps: tuple[Cap, ...]) -> None:
    assert campaign(f"courtesy:\n  caps: {written}").courtesy.caps == caps


@pytest.mark.parametrize("written", ["0 per day", "1 per 0 days", "often", "[]", "1 per year"])
def test_other_caps_are_refused(written: str) -> None:
    assert refusal(f"courtesy:\n  caps: {written}").endswith("write [1 per day, 3 per week, 1 sms per week], or none")


@pytest.mark.parametrize(
    ("written", "feeling"),
    [
        ("1 curious", Feeling(1, "curious")),
        ("-2", Feeling(-2)),
        ("−1 worried and tired", Feeling(-1, "worried and tired")),
        ("0", Feeling(0)),
    ],
)
def test_a_feeling_is_a_number_and_a_word(written: str, feeling: Feeling) -> None:
    assert campaign(stage=f"feels: {written}").stages[0].feels == feeling


@pytest.mark.parametrize("written", ["10%", "10 %", "10", "0.5%"])
def test_a_percentage_may_carry_its_sign(written: str) -> None:
    assert campaign(f"holdout: {written}").holdout == Decimal(written.strip(" %"))


@pytest.mark.parametrize("written", ["yes", "true", "True"])
def test_an_answer_is_yes_or_true(written: str) -> None:
    assert campaign(f"offers: {{X: {{terms: t, staff_briefed: {written}}}}}").offers["X"].staff_briefed is True


@pytest.mark.parametrize(
    "written",
    [
        "hello@shop.example",
        "Shop <hello@shop.example>",
        "BikSouv & Pro <bonjour@biksouv.example>",
        "Кафе <cafe@пример.example>",
    ],
)
def test_a_sender_is_an_address_with_or_without_a_name(written: str) -> None:
    assert campaign(f"senders: {{email: {written}}}").senders.email == written


@pytest.mark.parametrize(
    "written",
    [
        "hello",
        "a@b",
        "Shop <hello@shop.example",
        "a@shop.example, b@shop.example",
        '"a@shop.example\\nBcc: x@shop.example"',
    ],
)
def test_any_other_sender_is_refused(written: str) -> None:
    assert refusal(f"senders:\n  email: {written}").endswith("write it as: Shop <hello@shop.example>")


@pytest.mark.parametrize(
    "written", ["mailto:stop@shop.example", "mailto:stop@shop.example?subject=stop", "https://shop.example/stop?u=1"]
)
def test_an_opt_out_is_a_mail_or_a_web_address(written: str) -> None:
    assert campaign(f"senders: {{unsubscribe: '{written}'}}").senders.unsubscribe == written


@pytest.mark.parametrize(
    "written", ["http://shop.example", "mailto:stop", "https://", "javascript:alert(1)", "https://shop.example/a b"]
)
def test_any_other_opt_out_is_refused(written: str) -> None:
    assert "expected an" in refusal(f"senders: {{unsubscribe: '{written}'}}")


@pytest.mark.parametrize(
    "written", ["mailto:Stop <stop@shop.example>", "mailto:a@shop.example?subject=x\\nBcc: b@c.example"]
)
def test_a_mail_to_opt_out_is_an_address_alone(written: str) -> None:
    assert "expected an address alone after mailto:" in refusal(f'senders: {{unsubscribe: "{written}"}}')


@pytest.mark.parametrize(
    "written", ["ring.jpg", "media/ring.jpg", "médias/bague dorée.jpg", "https://cdn.shop.example/r.jpg"]
)
def test_media_are_files_of_the_project_or_on_the_web(written: str) -> None:
    assert campaign(touch=f"media: '{written}'").stages[0].touches[0].media[0].file == written


@pytest.mark.parametrize(
    "written",
    [
        "/etc/passwd",
        "../ring.jpg",
        "media/../../ring.jpg",
        "~/ring.jpg",
        "C:/ring.jpg",
        "a\\\\b.jpg",
        "file:///etc/passwd",
        "http://a.example/b.jpg",
        "media/",
    ],
)
def test_media_outside_the_project_are_refused(written: str) -> None:
    assert "`file`: expected" in refusal(touch=f'media: "{written}"')


@pytest.mark.parametrize(
    ("written", "remedy"),
    [
        ("UK", "did you mean 'GB'?"),
        ("fr", "did you mean 'FR'?"),
        ("France", "write its two letters, such as FR, RO or GB"),
    ],
)
def test_a_country_has_two_capital_letters(written: str, remedy: str) -> None:
    assert refusal(f"country: {written}").endswith(remedy)


def test_a_channel_stands_once_in_a_list() -> None:
    with pytest.raises(DefinitionError) as refused:
        load(
            "campaign: a\nstages: [{stage: b, kind: loyalty, when: early january, touches: [{id: c, channel: [sms, sms], text: Hi}]}]"
        )

    assert refused.value.message == "`channel`: expected each channel once"


def test_closed_days_stand_beside_the_holidays_and_add_up() -> None:
    shop = campaign(
        "closed_days: 2030-01-02\ncourtesy: {closed_days: [2030-01-03]}", touch="courtesy: {closed_days: 2030-01-04}"
    )

    closed = planner.courtesy(shop, shop.stages[0], shop.stages[0].touches[0]).closed_days

    assert closed == {date(2030, 1, 2), date(2030, 1, 3), date(2030, 1, 4)}


def test_a_personas_event_has_a_name_and_a_moment() -> None:
    assert refusal("personas: {lea: {events: [{name: purchase}]}}") == (
        "`events`: an event of a persona needs `at` - write it as {name: purchase, at: day 12 10:15}"
    )
    assert refusal("personas: {lea: {events: [{name: purchse, at: day 1}]}}").endswith("did you mean 'purchase'?")


def test_a_list_of_a_personas_facts_may_hold_groups_of_them() -> None:
    event = "{name: purchase, at: day 1, items: [{name: Ring, price: 20, sku: '007'}, Card]}"
    (lived,) = campaign(f"personas: {{lea: {{events: [{event}]}}}}").personas["lea"].events

    assert lived["items"] == ({"name": "Ring", "price": 20, "sku": "007"}, "Card")
    for nested in ("items: {name: Ring}", "items: [{name: [Ring]}]", "items: [[Ring]]"):
        assert refusal(f"personas: {{lea: {{events: [{{name: purchase, at: day 1, {nested}}}]}}}}").endswith(
            "write one value a key; only a list may hold groups, as in items: [{name: Ring, price: 20}]"
        )


def test_a_near_name_is_found_whatever_its_case() -> None:
    assert suggestion("Cart Abandoned", ["cart_abandoned", "purchase"]) == "did you mean 'cart_abandoned'?"
    assert suggestion("spring10", ["SPRING10"]) == "did you mean 'SPRING10'?"
    assert suggestion("xyz", ["purchase"]) == ""


@pytest.mark.parametrize(
    ("written", "said", "burst"),
    [
        ("100 per hour", "100 per hour", 10),
        ("30/min", "30 per minute", 3),
        ("5 a second", "5 per second", 1),
        ("1000 per days", "1000 per day", 100),
    ],
)
def test_a_rate_is_messages_in_a_unit_of_time(written: str, said: str, burst: int) -> None:
    rate = campaign(f"rate: {{email: {written}}}").rate["email"]

    assert (str(rate), rate.burst) == (said, burst)


@pytest.mark.parametrize("written", ["0 per hour", "fast", "10", "10 per week", "-1 per day"])
def test_another_rate_is_refused(written: str) -> None:
    with pytest.raises(DefinitionError, match="expected a rate"):
        campaign(f"rate: {{email: '{written}'}}")
