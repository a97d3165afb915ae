"""What the file says of corrections: whom they correct, what they take over, what contradicts itself."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from campaigns import loader, planner
from campaigns.definition import Purpose, renamed
from campaigns.errors import DefinitionError
from campaigns.timing.model import Now, OnBlocked

HEAD = """\
campaign: spring
timezone: Europe/Paris
senders: {email: The Tea Room <hello@tea-room.example>}
offers: {SPRING: {terms: half, until: 5 march}}
stages:
  - stage: first
    kind: awareness
    when: early march
    touches:
      - {id: offer, channel: [email, sms, mastodon], subject: Offer, text: SPRNG}
      - {id: bill, channel: email, purpose: transactional, on: purchase, when: 1 hour later, subject: Bill, text: x}
      - {id: post, channel: mastodon, text: SPRNG}
"""


def load(touch: str):  # type: ignore[no-untyped-def]
    return loader.load(HEAD + f"      - {{id: fix, {touch}}}\n")


def fix(touch: str):  # type: ignore[no-untyped-def]
    return {one.id: one for _, one in load(touch).touches()}["fix"]


def mistakes(touch: str) -> list[str]:
    with pytest.raises(DefinitionError) as refused:
        load(touch)
    return [mistake.message for mistake in refused.value.mistakes]


def test_a_correction_goes_at_once_waits_for_room_and_is_worth_sending_for_three_days() -> None:
    found = fix("channel: email, corrects: bill, subject: Sorry, text: y")

    assert found.when is not None
    assert isinstance(found.when.anchor, Now)
    assert found.on_blocked is OnBlocked.FOLLOWING
    assert str(found.max_late) == "3 days"
    assert found.is_personal


def test_what_it_says_itself_stands() -> None:
    found = fix(
        "channel: email, corrects: bill, subject: S, text: y, when: 9 march, max_late: 2 hours, on_blocked: skip"
    )

    assert (found.when.phrase, str(found.max_late), found.on_blocked) == ("9 march", "2 hours", OnBlocked.SKIP)


def test_a_correction_of_what_is_transactional_is_transactional_too() -> None:
    assert fix("channel: email, corrects: bill, subject: S, text: y").purpose is Purpose.TRANSACTIONAL
    assert fix("channel: email, corrects: offer, subject: S, text: y").purpose is Purpose.MARKETING
    assert fix("channel: email, corrects: bill, purpose: marketing, subject: S, text: y").purpose is Purpose.MARKETING


def test_of_several_channels_its_own_is_corrected_and_else_all_that_reach_people() -> None:
    assert fix("channel: sms, corrects: offer, text: y").corrects.touch == ("offer.sms",)
    assert fix("channel: call, corrects: offer, text: y").corrects.touch == ("offer.email", "offer.sms")
    assert fix("channel: call, corrects: [offer.sms, bill], text: y").corrects.touch == ("offer.sms", "bill")
    both = {one.id: one for _, one in load("channel: [email, sms], corrects: offer, subject: S, text: y").touches()}
    assert both["fix.email"].corrects.touch == ("offer.email",)
    assert both["fix.sms"].corrects.touch == ("offer.sms",)


def test_the_moments_are_read_in_the_zone_of_the_campaign() -> None:
    found = fix(
        "channel: sms, corrects: {touch: offer, since: 2027-03-01 10:00, before: '2027-03-01T12:00+00:00'}, text: y"
    )

    assert found.corrects.span("Europe/Paris") == (
        datetime(2027, 3, 1, 9, 0, tzinfo=UTC),
        datetime(2027, 3, 1, 12, 0, tzinfo=UTC),
    )


def test_what_was_applied_is_restored_and_follows_a_new_name() -> None:
    campaign = load("channel: sms, corrects: {touch: offer, version: 12345678}, text: y")

    stored = campaign.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    names = {one.id: "first" if one.id == "offer.sms" else one.id for _, one in campaign.touches()}

    assert loader.restore(stored) == campaign
    after = {one.id: one for _, one in renamed(campaign, names).touches()}
    assert after["fix"].corrects.touch == ("first",)


@pytest.mark.parametrize(
    ("touch", "message"),
    [
        ("channel: sms, corrects: ofer, text: y", "`touch`: unknown touch 'ofer'"),
        ("channel: sms, corrects: fix, text: y", "'fix' corrects itself"),
        ("channel: sms, corrects: post, text: y", "'post' is a post, and nobody knows who read it"),
        ("channel: sms, corrects: offer.mastodon, text: y", "'offer.mastodon' is a post, and nobody knows who read it"),
        (
            "channel: mastodon, corrects: offer, text: y",
            "`corrects` concerns single people, but a post on mastodon is for everybody",
        ),
        (
            "channel: sms, corrects: offer, on: purchase, text: y",
            "`corrects` says whom it is for and that it goes at once, and `on` says otherwise",
        ),
        (
            "channel: sms, corrects: offer, repeat: every day, text: y",
            "`corrects` says whom it is for and that it goes at once, and `repeat` says otherwise",
        ),
        (
            "channel: sms, corrects: offer, purpose: transactional, text: y",
            "a correction of 'offer', which is marketing, is marketing too: it asks for the same consent",
        ),
        (
            "channel: sms, corrects: {touch: offer, version: abc}, text: y",
            "`version`: expected a version of 8 letters and digits, got 'abc'",
        ),
        (
            "channel: sms, corrects: {touch: offer, since: monday}, text: y",
            "`since`: expected a date and a time, got 'monday'",
        ),
        (
            "channel: sms, corrects: {version: 12345678}, text: y",
            "missing key `touch`: a correction says whose words were wrong",
        ),
        ("channel: sms, corrects: {id: offer}, text: y", "unknown key `id`"),
    ],
)
def test_what_cannot_be_meant_is_refused(touch: str, message: str) -> None:
    assert message in mistakes(touch)


def test_a_wording_is_told_apart_by_its_content_and_by_the_dates_of_its_offer() -> None:
    campaign = load("channel: sms, offer: SPRING, text: y")
    found = {one.id: one for _, one in campaign.touches()}["fix"]
    later = loader.load(
        HEAD.replace("5 march", "6 march") + "      - {id: fix, channel: sms, offer: SPRING, text: y}\n"
    )
    again = loader.load(
        HEAD.replace("5 march", "march 5") + "      - {id: fix, channel: sms, offer: SPRING, text: y}\n"
    )

    versions = [planner.version(one, found, "content") for one in (campaign, later, again)]

    assert len(versions[0]) == 8
    assert versions[0] != versions[1]
    assert versions[0] == versions[2]
    assert planner.version(campaign, found, "other") != versions[0]
