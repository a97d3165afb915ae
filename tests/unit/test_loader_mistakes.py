"""What the loader says about a broken file: everything at once, in order, beside its line, without consequences of its own."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.errors import DefinitionError, Mistake
from campaigns.loader import load

HEAD = "campaign: spring\n"
STAGES = "stages:\n  - {stage: awareness, kind: awareness, when: early january}\n"


def mistakes(text: str | bytes, source: str = "a.yaml") -> tuple[Mistake, ...]:
    with pytest.raises(DefinitionError) as refused:
        load(text, source)
    return refused.value.mistakes


def test_a_mistake_names_line_column_word_and_remedy() -> None:
    (found,) = mistakes(HEAD + STAGES.replace("kind: awareness", "kind: awarness"))

    assert str(found) == (
        "a.yaml:3:30: `kind`: expected one of awareness, consideration, conversion, retention, loyalty, advocacy, "
        "got 'awarness' - did you mean 'awareness'?"
    )
    assert found.code == "value"
    assert found.place.text == "  - {stage: awareness, kind: awarness, when: early january}"
    assert found.place.width == 8


@pytest.mark.parametrize(
    ("written", "column"),
    [("when: a week befor easter", 18), ('when: "a week befor easter"', 19), ("when: 'a week befor easter'", 19)],
)
def test_an_unreadable_word_of_a_phrase_is_pointed_at(written: str, column: int) -> None:
    (found,) = mistakes(f"{HEAD}stages:\n  - stage: awareness\n    kind: awareness\n    {written}\n")

    assert (found.place.line, found.place.column, found.place.width) == (5, column, 5)
    assert found.remedy.startswith("did you mean 'before'?")


def test_an_unreadable_word_of_a_text_on_several_lines_points_at_its_start() -> None:
    (found,) = mistakes(
        f"{HEAD}stages:\n  - stage: awareness\n    kind: awareness\n    when: >\n      a week befor easter\n"
    )

    assert (found.place.line, found.place.column) == (5, 11)


def test_an_unreadable_word_of_an_audience_is_pointed_at() -> None:
    (found,) = mistakes(f"{HEAD}audience: city = 'Paris' und age < 35\n{STAGES}")

    assert (found.place.line, found.place.column, found.place.width) == (2, 26, 3)


def test_mistakes_come_in_the_order_of_the_file() -> None:
    found = mistakes("country: UK\ntitel: x\nstages:\n  - {kind: awareness, stage: a}\n  - {kind: aware, stage: a}\n")

    assert [(mistake.place.line, mistake.code) for mistake in found] == [
        (1, "missing-key"),
        (1, "value"),
        (2, "unknown-key"),
        (5, "value"),
        (5, "used-twice"),
    ]


def test_two_hundred_mistakes_are_two_hundred_lines() -> None:
    touches = "".join(f"      - {{id: touch-{n}, chanel: email, channel: email, text: Hi}}\n" for n in range(200))

    found = mistakes(
        f"{HEAD}stages:\n  - stage: a\n    kind: awareness\n    when: early january\n    touches:\n{touches}"
    )

    assert len(found) == 200
    assert str(DefinitionError(found)).count("\n") == 199
    assert found[199].place.line == 206


def test_an_unknown_language_is_one_mistake_and_its_phrases_none() -> None:
    (found,) = mistakes("campaign: a\nlanguage: klingon\nstarts: qaStaHvIS\ndecision_time: loSmaH jaj\n" + STAGES)

    assert found.message.startswith("`language`: expected one of en, fr, ro, ru, es, de")


def test_an_unreadable_offer_does_not_make_its_code_unknown() -> None:
    found = mistakes(
        f"{HEAD}offers:\n  SPRING10:\nstages:\n  - stage: a\n    kind: awareness\n    when: early january\n"
        "    touches:\n      - {id: b, channel: email, text: Hi, offer: SPRING10}\n"
    )

    assert [mistake.message for mistake in found] == ["`SPRING10` has no value"]


def test_a_stage_without_a_name_does_not_make_other_names_unknown() -> None:
    found = mistakes(
        f"{HEAD}stages:\n  - {{stage: , kind: awareness, when: early january}}\n"
        "  - {stage: b, kind: loyalty, when: late january, loop: a}\n"
    )

    assert [mistake.message for mistake in found] == ["`stage` has no value"]


def test_a_misspelled_key_is_not_missing_too() -> None:
    found = mistakes(f"{HEAD}stages:\n  - {{stge: awareness, kind: awareness, when: early january}}\n")

    assert [mistake.remedy for mistake in found] == ["did you mean `stage`?"]


def test_several_broken_texts_are_found_in_one_run_and_the_rest_is_checked() -> None:
    found = mistakes(
        f"{HEAD}country: UK\nstages:\n  - stage: a\n    kind: awareness\n    when: early january\n    touches:\n"
        "      - id: one\n        channel: email\n        text: Hello: you\n"
        "      - id: two\n        channel: email\n        text: @you\n"
        "      - id: three\n        chanel: email\n        text: fine\n"
    )

    assert [mistake.place.line for mistake in found] == [2, 10, 13, 15]


@pytest.mark.parametrize(
    "line",
    [
        "smtp_password: tr0ub4dor&3",
        "accounts: {instagram: EAABsbCS1iHgBAZDZD0123456789abcdefghijklmnopqrstuvwxyz}",
        "media_url: https://me:tr0ub4dor@cdn.shop.example/",
        "senders: {email: Shop <a@shop.example>, api_key: tr0ub4dor}",
        "title: >\n  the key is sk_live_0123456789abcdefABCDEF\n  keep it",
        "disable: {x: ghp_0123456789abcdefghijABCDEFGHIJ0123}",
    ],
)
def test_a_secret_is_refused_and_never_shown(line: str) -> None:
    found = mistakes(f"{HEAD}{line}\n{STAGES}")

    shown = "\n".join(f"{mistake} {mistake.place.text}" for mistake in found)
    assert [mistake.code for mistake in found] == ["secret"]
    assert "put it in the environment" in found[0].remedy
    for secret in ("tr0ub4dor", "EAABsb", "sk_live", "ghp_", "0123456789"):
        assert secret not in shown


def test_a_secret_is_not_shown_by_another_mistake_of_its_line() -> None:
    found = mistakes(f"{HEAD}senders: {{mail: Shop <a@shop.example>, token: tr0ub4dor}}\n{STAGES}")

    assert {mistake.code for mistake in found} == {"secret", "unknown-key"}
    assert all("tr0ub4dor" not in str(mistake.place.text) for mistake in found)


def test_words_that_only_sound_like_secrets_are_no_secrets() -> None:
    campaign = load(
        f"{HEAD}offers:\n  SECRET: {{terms: a secret sale}}\ndisable: {{api-token: we have none}}\n"
        f"personas: {{lea: {{says: forgets every password}}}}\n{STAGES}"
    )

    assert campaign.offers["SECRET"].terms == "a secret sale"


def test_a_number_sign_with_a_space_is_a_comment_and_a_hashtag_is_refused() -> None:
    assert load(f"{HEAD}title: Spring # for everybody\n{STAGES}").title == "Spring"
    (found,) = mistakes(f"{HEAD}title: Spring #sale\n{STAGES}")
    assert found.message == "'#sale' would be read as a comment and be lost"


@given(st.binary(max_size=200))
@settings(max_examples=100, deadline=None)
def test_no_bytes_make_the_loader_fall_over(content: bytes) -> None:
    with pytest.raises(DefinitionError) as refused:
        load(content)

    assert all(mistake.place.line and mistake.remedy for mistake in refused.value.mistakes)


FULL = HEAD + (
    "language: fr\ntimezone: Europe/Paris\noccasion: saint-valentin\n"
    "senders: {email: Shop <a@shop.example>, unsubscribe: 'mailto:stop@shop.example'}\n"
    "offers:\n  X: {terms: -30 %, from: conversion, until: 10 jours avant la saint-valentin}\n"
    "stages:\n  - stage: conversion\n    kind: conversion\n    when: début janvier\n    touches:\n"
    "      - id: one\n        channel: email\n        text: |\n          Bonjour {{ contact.first_name }},\n"
    '        offer: X\n        at: 09:30\n      - {id: two, channel: instagram, text: "l\'anneau"}\n'
)


@given(st.integers(0, len(FULL)), st.integers(0, 6), st.text("{}[]:,-#&*!|>'\"%@` \n\tab?é", max_size=4))
@settings(max_examples=300, deadline=None)
def test_a_damaged_file_is_loaded_or_refused_with_lines_and_remedies(start: int, cut: int, put: str) -> None:
    damaged = FULL[:start] + put + FULL[start + cut :]

    try:
        load(damaged)
        found: tuple[Mistake, ...] = ()
    except DefinitionError as error:
        found = error.mistakes

    assert all(mistake.place.line and mistake.place.column and mistake.remedy for mistake in found)
