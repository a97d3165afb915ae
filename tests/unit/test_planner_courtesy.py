"""What binds a touch: the defaults that protect people, what the file changes, and what is free."""

from datetime import date, datetime, time

import pytest

from campaigns import loader, planner
from campaigns.definition import Cap
from campaigns.timing.model import Hours

NOW = datetime.fromisoformat("2026-11-20T09:12:00+01:00")
QUIET = Hours(time(21), time(8))

SHOP = """\
campaign: shop
language: en
country: FR
timezone: Europe/Paris
{campaign}stages:
  - stage: a
    kind: awareness
    when: early january
    {stage}
    touches:
      - {{id: mail, channel: email, subject: Hi, text: Hi{touch}}}
      - {{id: post, channel: facebook, text: Hi{touch}}}
      - {{id: thanks, channel: email, on: purchase, purpose: transactional, subject: Hi, text: Hi{touch}}}
      - {{id: call, channel: call, on: purchase, text: Hi{touch}}}
      - {{id: hook, channel: webhook{touch}}}
"""


def bound(name, *, campaign="", stage="why: because", touch=""):
    loaded = loader.load(SHOP.format(campaign=campaign, stage=stage, touch=touch), "shop.yaml")
    stage_, touch_ = next((s, t) for s, t in loaded.touches() if t.id == name)
    return planner.courtesy(loaded, stage_, touch_)


def test_marketing_to_a_person_is_bound_by_quiet_hours_and_caps():
    courtesy = bound("mail")

    assert courtesy.quiet_hours == QUIET
    assert courtesy.caps == (Cap(1, 1), Cap(3, 7))
    assert courtesy.send_hours is None
    assert courtesy.weekdays == frozenset(range(7))
    assert not courtesy.avoid_holidays


def test_posts_keep_quiet_hours_and_have_no_caps():
    assert bound("post").quiet_hours == QUIET
    assert bound("post").caps == ()


@pytest.mark.parametrize("name", ["thanks", "call", "hook"])
def test_transactional_messages_tasks_and_hooks_are_free(name):
    line = "courtesy: {quiet_hours: 20:00-09:00, weekdays: mon-fri, holidays: avoid, caps: 1 per week}\n"

    for courtesy in (bound(name), bound(name, campaign=line), bound(name, stage=line.strip())):
        assert courtesy.quiet_hours is None
        assert courtesy.weekdays == frozenset(range(7))
        assert not courtesy.avoid_holidays
        assert courtesy.caps == ()


def test_what_stands_on_a_free_touch_binds_it():
    assert bound("call", touch=", courtesy: {send_hours: 09:00-18:00}").send_hours == Hours(time(9), time(18))


def test_the_nearest_line_counts():
    campaign = "courtesy: {quiet_hours: 20:00-09:00, weekdays: mon-fri, caps: 2 per week}\n"
    stage = "courtesy: {quiet_hours: 19:00-10:00, holidays: avoid}"

    courtesy = bound("mail", campaign=campaign, stage=stage, touch=", courtesy: {weekdays: sat}")

    assert courtesy.quiet_hours == Hours(time(19), time(10))
    assert courtesy.weekdays == frozenset({5})
    assert courtesy.avoid_holidays
    assert courtesy.caps == (Cap(2, 7),)


def test_none_and_all_switch_a_courtesy_off():
    campaign = (
        "courtesy: {quiet_hours: none, send_hours: 09:00-18:00, weekdays: mon-fri, caps: none, holidays: avoid}\n"
    )
    touch = ", courtesy: {send_hours: none, weekdays: all, holidays: allow}"

    courtesy = bound("mail", campaign=campaign, touch=touch)

    assert courtesy.quiet_hours is None
    assert courtesy.send_hours is None
    assert courtesy.weekdays == frozenset(range(7))
    assert courtesy.caps == ()
    assert not courtesy.avoid_holidays


def test_closed_days_bind_marketing_posts_and_the_staff():
    line = "closed_days: [2 january]\n"

    assert date(2027, 1, 2) in bound("mail", campaign=line).closed_days
    assert date(2031, 1, 2) in bound("post", campaign=line).closed_days
    assert date(2027, 1, 2) in bound("call", campaign=line).closed_days
    assert bound("thanks", campaign=line).closed_days == frozenset()


def test_the_defaults_that_take_part_are_told():
    loaded = loader.load(SHOP.format(campaign="", stage="why: because", touch=""), "shop.yaml")

    assert planner.defaults(loaded) == (
        "10:00 where no time is named",
        "quiet 21:00–08:00 for marketing and posts",
        "at most 1 per day, 3 per week of marketing to one person",
        "more than 24 h late: skipped",
        "more than 72 h late: skipped or held for you to decide",
    )
