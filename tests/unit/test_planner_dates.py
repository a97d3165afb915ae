"""Where stages and touches fall: counting, floors, years, clocks, repetitions, zones, and what is refused."""

from datetime import UTC, date, datetime

import pytest

from campaigns import loader, planner
from campaigns.errors import TimingError
from campaigns.finding import Level

NOW = datetime.fromisoformat("2026-11-20T09:12:00+01:00")


def at(text):
    return datetime.fromisoformat(text)


def load(stages, head=""):
    text = f"campaign: shop\nlanguage: en\ncountry: FR\ntimezone: Europe/Paris\n{head}stages:\n{stages}"
    return loader.load(text, "shop.yaml")


def stage(name, when, *touches, extra=""):
    lines = [f"  - stage: {name}", "    kind: awareness"]
    lines += [f"    when: {when}"] if when else []
    lines += [f"    {extra}"] if extra else []
    lines += ["    touches:", *(f"      - {{{touch}}}" for touch in touches)] if touches else []
    return "\n".join(lines) + "\n"


def post(name, more=""):
    return f"id: {name}, channel: facebook, text: Hello" + (f", {more}" if more else "")


def plan(stages, head="", now=NOW, **known):
    return planner.plan(load(stages, head), now=now, **known)


def due(timeline, touch):
    return [one.due_at for one in timeline.touch(touch).occurrences]


def test_later_in_a_touch_counts_from_its_stage():
    timeline = plan(stage("a", "early january", post("one"), post("two", "when: 3 days later")))

    assert due(timeline, "one") == [at("2027-01-01T10:00:00+01:00")]
    assert due(timeline, "two") == [at("2027-01-04T10:00:00+01:00")]


def test_later_in_a_touch_counts_from_the_stage_as_it_really_began():
    sent = {"one": at("2027-01-03T15:00:00+01:00")}

    timeline = plan(
        stage("a", "early january", post("one"), post("two", "when: 3 days later")), reference=NOW, sent=sent
    )

    assert due(timeline, "two") == [at("2027-01-06T10:00:00+01:00")]


def test_a_touch_that_counts_from_its_stage_does_not_move_itself_by_going():
    sent = {"two": at("2027-01-04T10:00:00+01:00")}

    timeline = plan(stage("a", "early january", post("two", "when: 3 days later")), reference=NOW, sent=sent)

    assert due(timeline, "two") == [at("2027-01-04T10:00:00+01:00")]


def test_later_skips_stages_that_people_enter_by_an_event():
    stages = (
        stage("a", "early january", post("one"))
        + stage("b", "", "id: thanks, channel: call, on: purchase, text: Call", extra="enter_on: purchase")
        + stage("c", "3 days later", post("two"))
    )

    assert due(plan(stages), "two") == [at("2027-01-04T10:00:00+01:00")]


def test_later_in_the_first_stage_counts_from_the_start():
    timeline = plan(stage("a", "3 days later", post("one")), head="starts: 1 december\n")

    assert due(timeline, "one") == [at("2026-12-04T10:00:00+01:00")]


def test_later_in_the_first_stage_without_a_start_is_refused_with_its_line():
    timeline = plan(stage("a", "3 days later", post("one")))

    [finding] = timeline.findings
    assert (finding.code, finding.level, finding.place.line) == ("unresolved", Level.ERROR, 8)
    assert timeline.touch("one").occurrences == ()


def test_what_waits_for_a_missing_moment_is_not_told_again():
    stages = stage("a", "3 days later", post("one"), post("two", "when: 1 day later")) + stage(
        "b", "3 days later", post("three")
    )

    assert [finding.message for finding in plan(stages).findings] == [
        "stage 'a': there is no earlier stage with a moment of its own to count from"
    ]


def test_an_occasion_without_a_date_is_refused_with_its_line():
    campaign = loader.load(
        "campaign: shop\nlanguage: en\noccasion: mother's day\nstages:\n"
        + stage("a", "as soon as possible", post("one")),
        "shop.yaml",
    )

    with pytest.raises(TimingError, match=r"shop.yaml:3:\d+: occasion .mother's day."):
        planner.plan(campaign, now=NOW)


def test_nothing_left_of_an_open_window_expires():
    head = "occasion: valentine's day\ncourtesy: {weekdays: mon-fri}\n"

    timeline = plan(stage("a", "early january", post("one")), head=head, now=at("2027-01-09T12:00:00+01:00"))

    [finding] = timeline.findings
    assert finding.message == "one: 'early january' has no allowed moment left until 10 Jan 2027; it will not be sent"


def test_as_soon_as_possible_waits_for_the_start():
    timeline = plan(stage("a", "as soon as possible", post("one")), head="starts: 1 december\n")

    assert due(timeline, "one") == [at("2026-12-01T08:00:00+01:00")]


def test_no_stage_falls_before_the_one_before_it():
    stages = stage("a", "mid january", post("one")) + stage("b", "early january", post("two"))

    timeline = plan(stages)

    assert due(timeline, "two") == [at("2028-01-01T10:00:00+01:00")]


def test_stages_may_overlap():
    stages = stage("a", "mid january", post("one")) + stage("b", "in january", post("two"))

    timeline = plan(stages)

    assert [finding.code for finding in timeline.findings] == []
    assert timeline.stages[1].window.latest == at("2027-01-31T23:59:59+01:00")


def test_a_stage_that_ends_before_the_one_before_it_begins_is_an_error():
    stages = stage("a", "20 january 2027", post("one")) + stage("b", "10 january 2027", post("two"))

    timeline = plan(stages)

    assert [(finding.code, finding.level) for finding in timeline.findings] == [("stage-order", Level.ERROR)]


def test_a_month_that_is_just_over_means_next_year_with_a_warning():
    timeline = plan(stage("a", "early november", post("one")))

    assert due(timeline, "one") == [at("2027-11-01T10:00:00+01:00")]
    [finding] = timeline.findings
    assert (finding.code, finding.level) == ("next-year", Level.WARNING)
    assert finding.message == "stage 'a': 'early november' was over on 10 Nov 2026, so it means November 2027"


def test_an_open_window_is_clipped_to_what_is_left():
    timeline = plan(stage("a", "mid november", post("one")), now=at("2026-11-17T15:00:00+01:00"))

    [occurrence] = timeline.touch("one").occurrences
    assert occurrence.due_at == at("2026-11-17T15:00:00+01:00")
    assert occurrence.window.earliest == at("2026-11-17T15:00:00+01:00")


def test_an_open_window_keeps_its_own_time_on_the_days_left():
    stages = stage("a", "early february", post("one", "at: 10:30"))

    timeline = plan(stages, head="occasion: valentine's day\n", now=at("2027-02-05T15:00:00+01:00"))

    assert due(timeline, "one") == [at("2027-02-06T10:30:00+01:00")]


def test_a_date_with_its_year_that_is_past_is_an_error():
    timeline = plan(stage("a", "10 january 2026", post("one")))

    assert [(finding.code, finding.level) for finding in timeline.findings] == [("past-date", Level.ERROR)]


def test_a_past_date_of_a_touch_that_was_applied_is_history():
    timeline = plan(
        stage("a", "25 november 2026", post("one")),
        now=at("2027-01-10T10:00:00+01:00"),
        reference=NOW,
        known={"one": NOW},
    )

    assert timeline.findings == ()


def test_a_new_touch_in_the_past_is_an_error_though_the_campaign_was_applied_before():
    timeline = plan(
        stage("a", "25 november 2026", post("one")), now=at("2027-01-10T10:00:00+01:00"), reference=NOW, known={}
    )

    assert [finding.code for finding in timeline.findings] == ["past-date"]


def test_a_touch_that_was_added_later_is_clipped_to_its_own_first_apply():
    added = at("2027-01-05T15:00:00+01:00")
    stages = stage("a", "early january", "id: mail, channel: email, subject: Hi, text: Hi")
    campaign = load(stages)

    timeline = planner.plan(campaign, now=at("2027-01-08T09:00:00+01:00"), reference=NOW, known={"mail": added})

    assert due(timeline, "mail") == [added]
    spread = planner.due_in_zone(campaign, timeline, "mail", "once", "Europe/Paris", spread_key="lea")
    assert spread.due_at == added


def test_a_stage_counts_from_a_stage_that_really_went_later():
    stages = stage("a", "early january", post("one")) + stage("b", "a week later", post("two"))

    planned = plan(stages)
    real = plan(stages, reference=NOW, sent={"one": at("2027-01-05T18:00:00+01:00")})

    assert due(planned, "two") == [at("2027-01-08T10:00:00+01:00")]
    assert due(real, "two") == [at("2027-01-12T10:00:00+01:00")]


def test_the_clock_of_a_touch_stands_over_its_stage_and_that_over_ten():
    stages = stage("a", "early january", post("one"), post("two", "at: 18:00"), extra="at: 09:00")

    timeline = plan(stages)

    assert due(timeline, "one") == [at("2027-01-01T09:00:00+01:00")]
    assert due(timeline, "two") == [at("2027-01-01T18:00:00+01:00")]


def test_pick_of_a_touch_stands_over_its_stage():
    stages = stage("a", "late january", post("one"), post("two", "pick: latest"), post("three", "pick: target"))
    stages = stages.replace("    touches:", "    pick: earliest\n    touches:")

    timeline = plan(stages)

    assert due(timeline, "one") == [at("2027-01-21T10:00:00+01:00")]
    assert due(timeline, "two") == [at("2027-01-31T10:00:00+01:00")]
    assert due(timeline, "three") == [at("2027-01-31T10:00:00+01:00")]


def test_a_blocked_target_goes_later_inside_its_window_else_earlier():
    head = "courtesy: {weekdays: mon-fri}\n"

    timeline = plan(stage("a", "late january", post("one")) + stage("b", "mid may", post("two")), head=head)

    assert due(timeline, "one") == [at("2027-01-29T10:00:00+01:00")]
    assert due(timeline, "two") == [at("2027-05-17T10:00:00+02:00")]


def test_closed_days_are_kept_every_year():
    head = "closed_days: [1 january, 2 january]\n"

    timeline = plan(stage("a", "early january", post("one")), head=head)

    assert due(timeline, "one") == [at("2027-01-03T10:00:00+01:00")]
    assert "closed day" in timeline.touch("one").reason


def test_closed_weeks_are_kept():
    head = "closed_days: [from 1 august to 21 august]\n"

    timeline = plan(stage("a", "in august", post("one")), head=head)

    assert due(timeline, "one") == [at("2027-08-22T10:00:00+02:00")]


def test_an_offer_may_run_between_two_days():
    head = "offers: {SALE: {terms: '-10 %', from: 5 january, until: 10 january}}\n"

    timeline = plan(stage("a", "6 january", post("one", "offer: SALE")), head=head)

    assert timeline.offer("SALE").starts_at == at("2027-01-05T00:00:00+01:00")
    assert timeline.offer("SALE").ends_at == at("2027-01-10T23:59:59+01:00")
    assert timeline.offer("SALE").says == "Tue 5 Jan 00:00 to Sun 10 Jan"


def test_on_late_send_never_expires_but_by_the_end_of_the_offer():
    head = "offers: {SALE: {terms: '-10 %', until: 10 january}}\n"
    stages = stage("a", "6 january", post("one", "on_late: send"), post("two", "on_late: send, offer: SALE"))

    timeline = plan(stages, head=head)

    assert timeline.touch("one").occurrences[0].expires_at is None
    assert timeline.touch("two").occurrences[0].expires_at == at("2027-01-10T23:59:59+01:00")


def test_expires_and_max_late_count_from_the_end_of_the_window():
    stages = stage("a", "early january", post("one", "max_late: 2 days"), post("two", "expires: 6 hours"))

    timeline = plan(stages)

    assert timeline.touch("one").occurrences[0].expires_at == at("2027-01-12T23:59:59+01:00")
    assert timeline.touch("two").occurrences[0].expires_at == at("2027-01-11T05:59:59+01:00")


def test_a_repetition_is_keyed_by_its_nominal_days():
    head = "courtesy: {weekdays: mon-fri}\n"
    stages = stage("a", "1 january 2027", post("one", "repeat: 'every 8 days, 3 times'"))

    timeline = plan(stages, head=head)

    assert [(one.key, one.due_at) for one in timeline.touch("one").occurrences] == [
        ("2027-01-01", at("2027-01-01T10:00:00+01:00")),
        ("2027-01-09", at("2027-01-11T10:00:00+01:00")),
        ("2027-01-17", at("2027-01-18T10:00:00+01:00")),
    ]


def test_a_weekly_repetition_ends_with_the_day_it_names():
    stages = stage(
        "a", "as soon as possible", post("one"), post("two", "when: every monday until 14 december, at: 12:00")
    )

    timeline = plan(stages)

    assert [one.key for one in timeline.touch("two").occurrences] == [
        "2026-11-23",
        "2026-11-30",
        "2026-12-07",
        "2026-12-14",
    ]


def test_a_repetition_without_an_end_stops_with_the_campaign():
    stages = stage("a", "1 december", post("one", "repeat: every week"))

    timeline = plan(stages, head="ends: 24 december\n")

    assert [one.key for one in timeline.touch("one").occurrences] == [
        "2026-12-01",
        "2026-12-08",
        "2026-12-15",
        "2026-12-22",
    ]


def test_a_repetition_keeps_its_wall_clock_over_the_change_of_the_clocks():
    stages = stage("a", "20 march 2027", post("one", "repeat: 'every week, 3 times'"))

    assert due(plan(stages), "one") == [
        at("2027-03-20T10:00:00+01:00"),
        at("2027-03-27T10:00:00+01:00"),
        at("2027-04-03T10:00:00+02:00"),
    ]


def test_the_start_gives_the_edition_when_there_is_no_occasion():
    campaign = load(stage("a", "mid january", post("one")), head="starts: 1 december\n")

    assert planner.edition(campaign, NOW) == "2026"


def test_the_edition_is_the_present_year_without_occasion_and_start():
    assert planner.edition(load(stage("a", "mid january", post("one"))), NOW) == "2026"


def test_in_the_middle_of_a_campaign_its_start_is_the_last_one_not_the_next():
    campaign = load(stage("a", "mid january", post("one")), head="starts: 1 december\nends: 31 january\n")

    timeline = planner.plan(campaign, now=at("2027-01-16T09:00:00+01:00"))

    assert timeline.edition == "2026"
    assert timeline.touch("one").occurrences[0].state == "planned"


def test_days_after_the_occasion_are_this_edition():
    head = "occasion: valentine's day\n"
    stages = stage("a", "2 weeks before valentine's day", post("one")) + stage(
        "b", "10 days after valentine's day", post("two")
    )

    timeline = plan(stages, head=head, now=at("2026-02-20T09:00:00+01:00"))

    assert timeline.occasion_on == date(2027, 2, 14)
    assert due(timeline, "one") == [at("2027-01-31T10:00:00+01:00")]
    assert due(timeline, "two") == [at("2027-02-24T10:00:00+01:00")]


def test_a_day_of_the_file_can_be_the_occasion():
    head = "occasion: our birthday\noccasions: {our birthday: 3 march}\n"

    timeline = plan(stage("a", "10 days before our birthday", post("one")), head=head)

    assert timeline.occasion_on == date(2027, 3, 3)
    assert due(timeline, "one") == [at("2027-02-21T10:00:00+01:00")]


def test_moments_that_wait_for_one_another_are_refused():
    head = "offers: {SALE: {terms: '-10 %', from: one, until: 2 days later}}\n"
    stages = stage("a", "early january", post("one", "when: 1 day before the offer ends, offer: SALE"))

    timeline = plan(stages, head=head)

    [finding] = timeline.findings
    assert (finding.code, finding.message) == ("unresolved", "touch 'one': nobody knows when SALE ends")


def test_a_touch_can_count_from_the_end_of_its_offer():
    head = "offers: {SALE: {terms: '-10 %', from: a, until: 10 days later}}\n"
    stages = stage("a", "early january", post("one"), post("last", "when: 1 day before the offer ends, offer: SALE"))

    timeline = plan(stages, head=head)

    assert timeline.offer("SALE").ends_at == at("2027-01-11T23:59:59+01:00")
    assert due(timeline, "last") == [at("2027-01-10T10:00:00+01:00")]


def test_a_touch_after_the_end_of_its_offer_is_an_error():
    head = "offers: {SALE: {terms: '-10 %', until: 5 january}}\n"

    timeline = plan(stage("a", "late january", post("one", "offer: SALE")), head=head)

    assert [finding.code for finding in timeline.findings] == ["offer-ended"]


def test_an_offer_nobody_limits_has_no_end():
    timeline = plan(stage("a", "late january", post("one", "offer: SALE")), head="offers: {SALE: {terms: '-10 %'}}\n")

    assert (timeline.offer("SALE").starts_at, timeline.offer("SALE").ends_at) == (None, None)


def test_people_with_their_own_zones_get_it_on_the_same_local_day():
    text = """\
campaign: shop
language: en
timezone: contact
fallback_timezone: Europe/Paris
stages:
  - stage: a
    kind: awareness
    when: mid january
    touches:
      - {id: mail, channel: email, subject: Hi, text: Hi}
      - {id: post, channel: facebook, text: Hi}
"""
    campaign = loader.load(text, "shop.yaml")

    timeline = planner.plan(campaign, now=NOW)
    [mail], [post_] = timeline.touch("mail").occurrences, timeline.touch("post").occurrences

    assert mail.due_at == at("2027-01-15T10:00:00+01:00")
    assert mail.window.earliest == at("2027-01-11T00:00:00+14:00")
    assert mail.window.latest == at("2027-01-20T23:59:59-12:00")
    assert post_.window.earliest == at("2027-01-11T00:00:00+01:00")
    tokyo = planner.due_in_zone(campaign, timeline, "mail", "once", "Asia/Tokyo")
    assert tokyo.due_at == at("2027-01-15T10:00:00+09:00")
    assert planner.due_in_zone(campaign, timeline, "post", "once", "Asia/Tokyo").due_at == post_.due_at


def test_in_a_campaign_of_one_zone_everybody_has_the_same_moment():
    campaign = load(stage("a", "mid january", "id: mail, channel: email, subject: Hi, text: Hi"))
    timeline = planner.plan(campaign, now=NOW)

    there = planner.due_in_zone(campaign, timeline, "mail", "once", "Asia/Tokyo")

    assert there == timeline.touch("mail").occurrences[0]


def test_days_later_are_the_same_local_days_for_everybody():
    text = """\
campaign: shop
language: en
timezone: contact
fallback_timezone: Europe/Paris
stages:
  - {stage: a, kind: awareness, when: 20 january 2027, touches: [{id: one, channel: facebook, text: Hi, at: "20:00"}]}
  - {stage: b, kind: awareness, when: 3 days later, touches: [{id: mail, channel: email, subject: Hi, text: Hi}]}
"""
    campaign = loader.load(text, "shop.yaml")
    timeline = planner.plan(campaign, now=NOW)

    assert planner.due_in_zone(campaign, timeline, "mail", "once", "Asia/Tokyo").due_at == at(
        "2027-01-23T10:00:00+09:00"
    )
    assert planner.due_in_zone(campaign, timeline, "mail", "once", "America/Los_Angeles").due_at == at(
        "2027-01-23T10:00:00-08:00"
    )


def test_a_spread_touch_has_a_moment_for_each_person_inside_the_window():
    campaign = load(stage("a", "mid january", "id: mail, channel: email, subject: Hi, text: Hi, pick: spread"))
    timeline = planner.plan(campaign, now=NOW)

    moments = {
        key: planner.due_in_zone(campaign, timeline, "mail", "once", "Europe/Paris", spread_key=key).due_at
        for key in ("lea", "ion", "anna")
    }

    assert len(set(moments.values())) == 3
    for moment in moments.values():
        assert at("2027-01-11T08:00:00+01:00") <= moment <= at("2027-01-20T21:00:00+01:00")
        assert 8 <= moment.hour < 21
    again = planner.due_in_zone(campaign, timeline, "mail", "once", "Europe/Paris", spread_key="lea").due_at
    assert again == moments["lea"]


def test_an_unknown_touch_or_key_is_a_key_error():
    campaign = load(stage("a", "mid january", post("one")))
    timeline = planner.plan(campaign, now=NOW)

    with pytest.raises(KeyError):
        planner.due_in_zone(campaign, timeline, "two", "once", "Europe/Paris")
    with pytest.raises(KeyError):
        planner.due_in_zone(campaign, timeline, "one", "2027-01-15", "Europe/Paris")


def test_the_reference_is_kept_in_the_timeline():
    timeline = plan(stage("a", "mid january", post("one")), now=at("2026-12-01T09:00:00+01:00"), reference=NOW)

    assert timeline.reference == NOW.astimezone(UTC)
    assert timeline.now == at("2026-12-01T09:00:00+01:00")


def test_stages_that_wait_for_one_another_are_refused():
    stages = stage("a", "{days: 3, after: {stage: b}}", post("one")) + stage("b", "{days: 3, after: {stage: a}}")

    timeline = plan(stages)

    assert [finding.message for finding in timeline.findings] == ["stage 'a': these wait for one another: a -> b -> a"]


def test_a_touch_may_count_from_another_touch():
    stages = stage("a", "early january", post("one"), post("two", "when: {hours: 3, after: {touch: one}}"))

    planned = plan(stages)
    real = plan(stages, reference=NOW, sent={"one": at("2027-01-02T11:30:00+01:00")})

    assert due(planned, "two") == [at("2027-01-01T13:00:00+01:00")]
    assert due(real, "two") == [at("2027-01-02T14:30:00+01:00")]


def test_a_touch_left_out_on_a_blocked_day_as_asked_is_a_warning_and_no_error():
    more = "when: 25 december, courtesy: {holidays: avoid}, on_blocked: skip"
    stages = stage("a", "early january", post("one"), post("xmas", more))

    timeline = plan(stages)

    assert due(timeline, "xmas") == []
    assert [(one.level, one.message) for one in timeline.findings] == [
        (Level.WARNING, "touch 'xmas' is left out: Fri 25 Dec is a holiday (Christmas Day)")
    ]


def test_what_counts_from_a_stage_that_is_left_out_is_an_error_and_never_just_gone():
    skipped = post("xmas", "courtesy: {holidays: avoid}, on_blocked: skip")
    stages = stage("a", "25 december", skipped) + stage("b", "3 days later", post("after"))

    timeline = plan(stages)

    assert due(timeline, "after") == []
    errors = [one.message for one in timeline.findings if one.level is Level.ERROR]
    assert errors == [
        "stage 'b' counts from a day that is left out: Fri 25 Dec is a holiday (Christmas Day)",
        "touch 'after' counts from a day that is left out: Fri 25 Dec is a holiday (Christmas Day)",
    ]
