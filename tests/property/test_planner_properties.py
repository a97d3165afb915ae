"""Laws of the plan that hold whatever the campaign says and whenever it is planned."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns import loader, planner
from campaigns.timing import zones

PHRASES = [
    "early january",
    "mid january",
    "late january",
    "in march",
    "as soon as possible",
    "3 to 5 days later",
    "1 week later",
    "next monday",
    "14 february",
    "10 days before valentine's day",
]
ZONES = ["Europe/Paris", "America/New_York", "Asia/Tokyo", "Africa/Cairo", "Australia/Lord_Howe", "Pacific/Apia", "UTC"]
CLOCKS = [None, "09:30", "18:00", "12:15"]
moments = st.integers(0, 2190 * 24 * 60).map(
    lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)


@st.composite
def campaigns(draw):
    stages = []
    for number, phrase in enumerate(draw(st.lists(st.sampled_from(PHRASES), min_size=1, max_size=4))):
        clock = draw(st.sampled_from(CLOCKS))
        at = f', at: "{clock}"' if clock else ""
        pick = draw(st.sampled_from(["", ", pick: earliest", ", pick: latest", ", pick: spread"]))
        channel = draw(st.sampled_from(["facebook", "email"]))
        stages.append(
            f"  - {{stage: s{number}, kind: awareness, when: '{phrase.replace(chr(39), chr(39) * 2)}', touches: "
            f"[{{id: t{number}, channel: {channel}, subject: Hi, text: Hi{at}{pick}}}]}}"
        )
    zone = draw(st.sampled_from(ZONES))
    head = draw(
        st.sampled_from(["", "occasion: valentine's day\n", "courtesy: {weekdays: mon-fri, holidays: avoid}\n"])
    )
    return loader.load(
        f"campaign: shop\nlanguage: en\ncountry: FR\ntimezone: {zone}\n{head}stages:\n" + "\n".join(stages), "shop.yaml"
    )


@settings(deadline=None, max_examples=60)
@given(campaigns(), moments)
def test_a_planned_moment_lies_in_its_window_and_disturbs_nobody(campaign, now):
    timeline = planner.plan(campaign, now=now)

    for touch in timeline.touches:
        for one in touch.occurrences:
            if one.state != "planned":
                continue
            assert one.due_at == one.window.target
            assert one.window.earliest <= one.due_at
            assert one.window.latest is None or one.due_at <= one.window.latest
            assert one.due_at >= now
            assert one.expires_at >= one.due_at
            assert 8 <= zones.local(one.due_at, campaign.zone).hour < 21


@settings(deadline=None, max_examples=40)
@given(campaigns(), moments)
def test_the_same_plan_twice_is_the_same_value(campaign, now):
    assert planner.plan(campaign, now=now) == planner.plan(campaign, now=now)


@settings(deadline=None, max_examples=40)
@given(campaigns(), moments, st.integers(0, 400))
def test_once_applied_the_present_moves_nothing(campaign, reference, days):
    first = planner.plan(campaign, now=reference)

    later = planner.plan(campaign, now=reference + timedelta(days=days), reference=reference)

    assert later.hash == first.hash
    assert later.edition == first.edition
    for before, after in zip(first.touches, later.touches, strict=True):
        assert [(one.key, one.due_at) for one in before.occurrences] == [
            (one.key, one.due_at) for one in after.occurrences
        ]


@settings(deadline=None, max_examples=40)
@given(campaigns(), moments)
def test_stages_follow_one_another(campaign, now):
    timeline = planner.plan(campaign, now=now)

    windows = [stage.window for stage in timeline.stages if stage.window is not None]
    told = {finding.code for finding in timeline.findings}
    for before, after in pairwise(windows):
        assert after.latest is None or after.latest >= before.earliest or "stage-order" in told


@settings(deadline=None, max_examples=40)
@given(campaigns(), moments)
def test_a_restored_campaign_plans_the_same(campaign, now):
    restored = loader.restore(campaign.model_dump(mode="json", by_alias=True, exclude_defaults=True))

    again = planner.plan(restored, now=now)

    first = planner.plan(campaign, now=now)
    assert again.hash == first.hash
    assert [touch.occurrences for touch in again.touches] == [touch.occurrences for touch in first.touches]


@settings(deadline=None, max_examples=60)
@given(moments, st.sampled_from(ZONES), st.sampled_from(["cart", "thanks", "months"]))
def test_an_event_touch_is_never_due_before_its_event(event_at, zone, name):
    campaign = loader.load(
        """\
campaign: shop
language: en
timezone: contact
fallback_timezone: Europe/Paris
stages:
  - stage: a
    kind: loyalty
    enter_on: purchase
    touches:
      - {id: cart, channel: email, on: cart_abandoned, when: 1 day later, subject: Hi, text: Hi}
      - {id: thanks, channel: email, purpose: transactional, on: purchase, when: 5 minutes later, subject: Hi, text: Hi}
      - {id: months, channel: sms, on: purchase, when: 3 to 4 months later, text: Hi}
""",
        "shop.yaml",
    )
    timeline = planner.plan(campaign, now=event_at)
    touch = next(touch for _, touch in campaign.touches() if touch.id == name)

    due = planner.due_after_event(campaign, touch, event_at=event_at, zone=zone, reference=event_at, timeline=timeline)

    assert due.due_at > event_at
    assert due.expires_at > due.due_at
    if name != "thanks":
        assert 8 <= zones.local(due.due_at, zone).hour < 21
