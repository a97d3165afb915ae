"""A renamed touch keeps the id history knows it by; a rename that nobody declared is refused."""

from __future__ import annotations

import json
from datetime import datetime

import pytest

from campaigns import diff, loader, planner
from campaigns.definition import Campaign, renamed
from campaigns.diff import Identities

NOW = datetime.fromisoformat("2027-01-05T09:00:00+01:00")
Applied = dict[str, object]


def file(*touches: str) -> Campaign:
    """Return a campaign of these touches, written as flow mappings without braces."""
    lines = "\n".join(f"      - {{{touch}, channel: email, when: 1 february}}" for touch in touches)
    return loader.load(
        "campaign: shop\nlanguage: en\ntimezone: Europe/Paris\nstages:\n"
        f"  - stage: a\n    kind: awareness\n    when: february\n    touches:\n{lines}\n",
        "shop.yaml",
    )


def identify(campaign: Campaign, before: Applied | None) -> Identities:
    contents = {touch.id: planner.content_hash(campaign, touch, {}) for _, touch in campaign.touches()}
    return diff.identify(campaign, contents, before)


def apply(before: Applied | None, *touches: str) -> Applied:
    """Return what is stored when a file of these touches is applied after `before`."""
    campaign = file(*touches)
    found = identify(campaign, before)
    assert found.findings == ()
    named = renamed(campaign, found.keys)
    snapshot = diff.snapshot(planner.plan(named, now=NOW), named, found)
    return dict(json.loads(json.dumps(snapshot)))


def keys(before: Applied | None, *touches: str) -> dict[str, str]:
    return dict(identify(file(*touches), before).keys)


A, B = "id: a, text: one", "id: b, text: two"


def test_before_the_first_apply_every_touch_is_known_by_its_id_whatever_it_was_called() -> None:
    assert keys(None, "id: c, moved: a, text: one", B) == {"c": "c", "b": "b"}


def test_a_renamed_touch_keeps_its_first_id() -> None:
    assert keys(apply(None, A, B), "id: c, moved: a, text: one", B) == {"c": "a", "b": "b"}


def test_the_line_that_renamed_it_may_stay_for_ever() -> None:
    renamed = "id: c, moved: a, text: one"
    later = apply(apply(apply(None, A), renamed), renamed, B)

    assert keys(later, renamed, B) == {"c": "a", "b": "b"}


def test_a_chain_of_renames_ends_at_the_first_id() -> None:
    second = apply(apply(None, A), "id: c, moved: a, text: one")
    third = apply(second, "id: d, moved: c, text: one")

    assert keys(third, "id: d, moved: c, text: one") == {"d": "a"}
    assert diff.name_of(third, "a") == "d"


def test_two_touches_may_swap_their_ids_and_stay_swapped() -> None:
    swapped = ("id: b, moved: a, text: one", "id: a, moved: b, text: two")
    once = apply(apply(None, A, B), *swapped)

    assert keys(apply(None, A, B), *swapped) == {"b": "a", "a": "b"}
    assert keys(once, *swapped) == {"b": "a", "a": "b"}


def test_a_new_touch_under_an_id_that_another_had_has_a_history_of_its_own() -> None:
    renamed = apply(apply(None, A), "id: b, moved: a, text: one")

    found = keys(renamed, "id: b, text: one", "id: a, text: three")

    assert found == {"b": "a", "a": "a-2"}


def test_a_removed_touch_that_comes_back_has_its_history() -> None:
    removed = apply(apply(None, A, B), B)

    assert keys(removed, B, "id: a, text: other words") == {"b": "b", "a": "a"}
    assert keys(removed, B, "id: c, moved: a, text: other words") == {"b": "b", "c": "a"}


def test_a_rename_that_nobody_declared_is_refused_with_its_remedy() -> None:
    [finding] = identify(file("id: c, text: one", B), apply(None, A, B)).findings

    assert (finding.code, finding.level.value, finding.message, finding.remedy) == (
        "renamed",
        "error",
        "'a' is gone, and 'c' says exactly the same: is it renamed?",
        "write `moved: a` into it, so that nobody gets it twice",
    )
    assert str(finding.place).startswith("shop.yaml:9:14")


def test_another_touch_with_other_words_may_take_the_place_of_one() -> None:
    assert identify(file("id: c, text: three", B), apply(None, A, B)).findings == ()


def test_a_former_id_that_was_never_applied_is_refused_with_a_near_name() -> None:
    before = apply(None, "id: offer-email, text: one")

    [finding] = identify(file("id: offer-mail, moved: ofer-email, text: one"), before).findings[:1]

    assert (finding.message, finding.remedy) == (
        "`moved`: no touch 'ofer-email' was ever applied",
        "did you mean 'offer-email'?",
    )


def test_two_touches_cannot_have_been_one() -> None:
    found = identify(file("id: c, moved: a, text: one", "id: d, moved: a, text: two"), apply(None, A))

    assert [finding.message for finding in found.findings] == ["two touches were called 'a'"]


def test_what_counts_from_a_renamed_touch_follows_it() -> None:
    text = """\
campaign: shop
language: en
timezone: Europe/Paris
offers:
  SALE: {terms: 10 % off, from: letter, until: 48 hours later}
stages:
  - stage: a
    kind: awareness
    when: 1 february
    touches:
      - {id: letter, moved: mail, channel: email, subject: Hi, text: Hi, offer: SALE}
"""
    campaign = loader.load(text, "shop.yaml")

    named = renamed(campaign, {"letter": "mail"})
    restored = loader.restore(json.loads(json.dumps(named.model_dump(mode="json", by_alias=True))))

    [offer] = planner.plan(restored, now=NOW).offers
    [own] = planner.plan(campaign, now=NOW).offers
    assert [touch.id for _, touch in restored.touches()] == ["mail"]
    assert (offer.starts_at, offer.ends_at) == (own.starts_at, own.ends_at)
    assert offer.ends_at == datetime.fromisoformat("2027-02-03T10:00:00+01:00")


@pytest.mark.parametrize("moved", ["a", "b"])
def test_a_former_id_that_a_touch_still_has_is_refused_by_the_file_itself(moved: str) -> None:
    from campaigns.errors import DefinitionError

    with pytest.raises(DefinitionError, match="a touch is still called"):
        file(A, f"id: b, moved: {moved}, text: two")


def posts(channel: str, *, name: str = "teaser", moved: str = "") -> Campaign:
    line = f"id: {name}, channel: {channel}, when: 1 february, text: Rings{moved}"
    return loader.load(
        "campaign: shop\nlanguage: en\ntimezone: Europe/Paris\nstages:\n"
        f"  - stage: a\n    kind: awareness\n    when: february\n    touches:\n      - {{{line}}}\n",
        "shop.yaml",
    )


def applied(campaign: Campaign, before: Applied | None) -> tuple[Applied, dict[str, str]]:
    found = identify(campaign, before)
    assert found.findings == ()
    named = renamed(campaign, found.keys)
    snapshot = diff.snapshot(planner.plan(named, now=NOW), named, found)
    return dict(json.loads(json.dumps(snapshot))), dict(found.keys)


def test_a_post_that_goes_to_another_network_too_keeps_its_history_on_the_first() -> None:
    before, _ = applied(posts("mastodon"), None)

    after, keys = applied(posts("[instagram, mastodon]"), before)
    again, kept = applied(posts("[mastodon, instagram, facebook]"), after)
    _, alone = applied(posts("instagram"), again)

    assert keys == {"teaser.instagram": "teaser.instagram", "teaser.mastodon": "teaser"}
    assert kept == {**keys, "teaser.facebook": "teaser.facebook"}
    assert alone == {"teaser": "teaser.instagram"}


def test_a_post_on_several_networks_is_renamed_on_each() -> None:
    before, _ = applied(posts("mastodon"), None)
    after, _ = applied(posts("[instagram, mastodon]"), before)

    _, keys = applied(posts("[instagram, mastodon, facebook]", name="hello", moved=", moved: teaser"), after)

    assert keys == {
        "hello.instagram": "teaser.instagram",
        "hello.mastodon": "teaser",
        "hello.facebook": "hello.facebook",
    }
