"""Every rule finds the bad campaign and leaves the good one alone; the code of a rule is the name of its file."""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pytest

from campaigns import loader, planner
from campaigns.errors import Place
from campaigns.finding import Level
from campaigns.lint import rules
from campaigns.lint.facts import Facts
from campaigns.lint.linter import lint
from campaigns.lint.posting import Posting
from campaigns.lint.rules import MAIL_RULES, MEDIA_RULES, POSTING_RULES, RULES

NOW = datetime.fromisoformat("2026-11-20T09:12:00+01:00")
SENDERS = """\
senders:
  email: Shop <shop@shop.example>
  postal_address: 12 rue des Lilas, 75011 Paris
  unsubscribe: mailto:stop@shop.example
"""


def shop(touch, *, head="", senders=SENDERS, when="early january", stage=""):
    return f"""\
campaign: shop
language: en
timezone: Europe/Paris
{senders}{head}stages:
  - stage: a
    kind: awareness
    when: {when}
{stage}    touches:
      - {{{touch}}}
"""


MAIL = "id: mail, channel: email, subject: Hi, text: Hi"
POST = "id: post, channel: facebook, text: Hi"
CART = "id: cart, channel: email, on: cart_abandoned, when: 1 day later, subject: Hi, text: Hi"
VALENTINE = "occasion: valentine's day\ndecision_time: 30 days\nlead_time: 10 days\n"


@dataclass(frozen=True)
class Case:
    code: str
    bad: str
    good: str
    says: str
    line: int
    bad_facts: Facts = field(default_factory=Facts)
    good_facts: Facts = field(default_factory=Facts)


CASES = [
    Case(
        "postal-address",
        bad=shop(MAIL, senders="senders: {email: s@shop.example, unsubscribe: 'mailto:stop@shop.example'}\n"),
        good=shop(MAIL),
        says="the marketing mail mail would go without a postal address",
        line=4,
    ),
    Case(
        "unsubscribe",
        bad=shop(MAIL, senders="senders: {email: s@shop.example, postal_address: Paris}\n"),
        good=shop(MAIL),
        says="nobody could unsubscribe from the marketing mail mail",
        line=4,
    ),
    Case(
        "no-sender",
        bad=shop(f"{MAIL}, purpose: transactional", senders="senders: {postal_address: Paris}\n"),
        good=shop(f"{MAIL}, purpose: transactional"),
        says="nobody is named as the sender of mail",
        line=4,
    ),
    Case(
        "no-content",
        bad=shop("id: post, channel: facebook"),
        good=shop("id: post, channel: facebook, media: [rings.jpg]"),
        says="post says nothing",
        line=13,
    ),
    Case(
        "media-missing",
        bad=shop("id: post, channel: facebook, text: Hi, media: [media/rings.jpg]"),
        good=shop("id: post, channel: facebook, text: Hi, media: [media/rings.jpg, 'https://shop.example/a.jpg']"),
        says="post: there is no file 'media/rings.jpg' in the project",
        line=13,
        bad_facts=Facts(files=frozenset({"media/ring.jpg"})),
        good_facts=Facts(files=frozenset({"media/rings.jpg"})),
    ),
    Case(
        "unbuilt",
        bad=shop(f"{MAIL}, variants: [{{text: Hi}}]"),
        good=shop(MAIL),
        says="`variants:` is not built yet",
        line=13,
    ),
    Case(
        "quiet-hours",
        bad=shop(f"{MAIL}, at: '21:30'"),
        good=shop(f"{MAIL}, at: '20:59'"),
        says="mail: 21:30 lies in the quiet hours 21:00-08:00; it would go outside them",
        line=13,
    ),
    Case(
        "send-hours",
        bad=shop(f"{MAIL}, at: '19:00'", head="courtesy: {send_hours: 09:00-19:00}\n"),
        good=shop(f"{MAIL}, at: '18:59'", head="courtesy: {send_hours: 09:00-19:00}\n"),
        says="mail: 19:00 lies outside the send hours 09:00-19:00; it would go when they begin",
        line=14,
    ),
    Case(
        "holidays-without-country",
        bad=shop(MAIL, head="courtesy: {holidays: avoid}\n"),
        good=shop(MAIL, head="courtesy: {holidays: avoid}\ncountry: FR\n"),
        says="holidays are to be avoided, but no country says which",
        line=8,
    ),
    Case(
        "feasibility",
        bad=shop(POST, head=VALENTINE, when="mid january"),
        good=shop(POST, head=VALENTINE),
        says="the first touch comes too late: 15 Jan + 30 d + 10 d = 24 Feb, ten days after the 14th",
        line=14,
    ),
    Case(
        "offer-after-leadtime",
        bad=shop(f"{POST}, offer: S", head=f"{VALENTINE}offers: {{S: {{terms: x, until: 5 february}}}}\n"),
        good=shop(f"{POST}, offer: S", head=f"{VALENTINE}offers: {{S: {{terms: x, until: 4 february}}}}\n"),
        says="S ends Fri 5 Feb, but what is ordered after Thu 4 Feb comes too late: 10 days before Sun 14 Feb",
        line=11,
    ),
    Case(
        "offer-unquoted",
        bad=shop(POST, head="offers: {S: {terms: x}}\n"),
        good=shop(f"{POST}, offer: S", head="offers: {S: {terms: x}}\n"),
        says="no touch quotes S",
        line=8,
    ),
    Case(
        "late-offer",
        bad=shop(f"{POST}, offer: S", head="offers: {S: {terms: x, until: 1 january}}\n"),
        good=shop(f"{POST}, offer: S", head="offers: {S: {terms: x, until: 2 january}}\n"),
        says="post quotes S when only 13 h of it are left",
        line=14,
    ),
    Case(
        "same-words",
        bad=f"{shop(MAIL)}      - {{{MAIL.replace('id: mail', 'id: again')}, when: 3 days later}}\n",
        good=f"{shop(MAIL)}      - {{{MAIL.replace('id: mail', 'id: again')}, when: 30 days later}}\n",
        says="again says the same as mail within 7 days: nobody gets the same words twice",
        line=14,
    ),
    Case(
        "staff-not-briefed",
        bad=shop(f"{POST}, offer: S", head="offers: {S: {terms: x, staff_briefed: false}}\n"),
        good=shop(f"{POST}, offer: S", head="offers: {S: {terms: x, staff_briefed: true}}\n"),
        says="S: staff not briefed",
        line=8,
    ),
    Case(
        "far-ahead",
        bad=shop(POST, when="in july"),
        good=shop(POST, when="in may"),
        says="stage 'a' begins on 1 Jul 2027, more than six months after the start",
        line=11,
    ),
    Case(
        "wide-window",
        bad=shop(POST, when="1 january 2027 to 30 june 2027"),
        good=shop(POST, when="1 january 2027 to 31 march 2027"),
        says="the window of stage 'a' is 6 months wide; its touches go on 1 Jan",
        line=11,
    ),
    Case(
        "endless-repeat",
        bad=shop(f"{CART}, repeat: every 14 days"),
        good=shop(f"{CART}, repeat: 'every 14 days, 3 times'"),
        says="cart comes again for ever",
        line=13,
    ),
    Case(
        "loose-length",
        bad=shop(POST, when="dans quinze jours").replace("language: en", "language: fr"),
        good=shop(POST, when="dans deux semaines").replace("language: en", "language: fr"),
        says="'quinze jours' is read as 15 days",
        line=11,
    ),
    Case(
        "review-due",
        bad=shop(POST, head="review_by: 10 november 2026\n"),
        good=shop(POST, head="review_by: 10 november\n"),
        says="the campaign was to be reviewed by 10 Nov 2026",
        line=8,
    ),
    Case(
        "approval",
        bad=shop(f"{POST}, approval: required", when="as soon as possible"),
        good=shop(f"{POST}, approval: required"),
        says="post goes Fri 20 Nov 09:12 and waits for approval",
        line=13,
        bad_facts=Facts(approved=frozenset()),
        good_facts=Facts(approved=frozenset()),
    ),
    Case(
        "no-account",
        bad=shop(POST),
        good=shop(POST),
        says="there is no account for facebook: its touches would be held",
        line=13,
        bad_facts=Facts(channels=frozenset({"email"})),
        good_facts=Facts(channels=frozenset({"facebook"})),
    ),
    Case(
        "media-url",
        bad=shop("id: post, channel: instagram, text: Hi, media: [{file: rings.jpg, alt: Rings}]"),
        good=shop(
            "id: post, channel: instagram, text: Hi, media: [{file: rings.jpg, alt: Rings}]",
            head="media_url: https://cdn.shop.example\n",
        ),
        says="post: instagram fetches 'rings.jpg' by itself, and nothing says from where",
        line=13,
        bad_facts=Facts(channels=frozenset({"instagram"})),
        good_facts=Facts(channels=frozenset({"instagram"})),
    ),
    Case(
        "post-as",
        bad=shop("id: post, channel: linkedin, post_as: story, text: Hi"),
        good=shop("id: post, channel: instagram, post_as: story, media: [{file: rings.jpg, alt: Rings}]"),
        says="post: linkedin has no story that can be posted",
        line=13,
    ),
    Case(
        "tracking",
        bad=shop(MAIL, head="tracking: on\n"),
        good=shop(MAIL, head="tracking: on\n"),
        says="`tracking: on` measures nothing: the project has no public address that links could pass by",
        line=8,
        bad_facts=Facts(channels=frozenset({"email"})),
        good_facts=Facts(channels=frozenset({"email"}), public_url="https://shop.example"),
    ),
    Case(
        "no-recipients",
        bad=shop(MAIL),
        good=shop(MAIL),
        says="mail would reach nobody: no contact is in its audience with consent and an address for email",
        line=13,
        bad_facts=Facts(recipients={"mail": 0}),
        good_facts=Facts(recipients={"mail": 1}),
    ),
    Case(
        "many-tasks",
        bad=shop("id: hello, channel: whatsapp, by_hand: true, text: Hi"),
        good=shop("id: hello, channel: whatsapp, text: Hi"),
        says="hello makes 1,200 tasks by whatsapp, by hand: one for each person, all on one day",
        line=13,
        bad_facts=Facts(recipients={"hello": 1200}),
        good_facts=Facts(recipients={"hello": 1200}),
    ),
    Case(
        "many-tasks",
        bad=shop("id: ring, channel: call, audience: city = 'Paris', text: Hi"),
        good=shop("id: ring, channel: call, audience: city = 'Paris', text: Hi"),
        says="ring makes 51 tasks by call: one for each person, all on one day",
        line=13,
        bad_facts=Facts(recipients={"ring": 51}),
        good_facts=Facts(recipients={"ring": 50}),
    ),
    Case(
        "unknown-fact",
        bad=shop(MAIL, head="audience: town = 'Paris'\n"),
        good=shop(MAIL, head="audience: city = 'Paris'\n"),
        says="no contact has the fact 'town', so comparing it is always false",
        line=8,
        bad_facts=Facts(contact_fields=frozenset({"city", "age"})),
        good_facts=Facts(contact_fields=frozenset({"city", "age"})),
    ),
    Case(
        "consent-purpose",
        bad=shop(f"{MAIL}, purpose: transactional"),
        good=shop(f"{CART}, purpose: transactional"),
        says="mail goes by the calendar and asks nobody's consent: it is called transactional",
        line=13,
    ),
    Case(
        "empty-fact",
        bad=shop("id: text, channel: sms, text: Hi"),
        good=shop("id: text, channel: sms, text: Hi"),
        says="text has a gap for lea, max, zoe and 1 more: contact.first_name is empty",
        line=10,
        bad_facts=Facts(
            postings=tuple(
                Posting("text", "sms", Place("shop.yaml"), "Hi ,", who, gaps=(("first_name", Place("shop.yaml", 10)),))
                for who in ("lea", "max", "zoe", "zoe", "ada")
            )
        ),
        good_facts=Facts(postings=(Posting("text", "sms", Place("shop.yaml"), "Hi ,", "lea"),)),
    ),
    Case(
        "yes-no-text",
        bad=shop("id: text, channel: sms, text: Hi"),
        good=shop("id: text, channel: sms, text: Hi"),
        says="text asks for contact.vip, for lea the text 'no': any text is a yes",
        line=10,
        bad_facts=Facts(
            postings=tuple(
                Posting("text", "sms", Place("shop.yaml"), "Hi", who, worded=(("vip", "no", Place("shop.yaml", 10)),))
                for who in ("lea", "max")
            )
        ),
        good_facts=Facts(postings=(Posting("text", "sms", Place("shop.yaml"), "Hi", "lea"),)),
    ),
    Case(
        "alt-text",
        bad=shop("id: post, channel: facebook, text: Hi, media: [rings.jpg]"),
        good=shop("id: post, channel: facebook, text: Hi, media: [{file: rings.jpg, alt: Three rings}]"),
        says="post: rings.jpg has no description",
        line=13,
    ),
]


def found(text, facts):
    campaign = loader.load(text, "shop.yaml")
    timeline = planner.plan(campaign, now=NOW)
    return lint(campaign, timeline, facts)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.code)
def test_the_bad_campaign_is_found_at_its_line(case):
    [finding] = [finding for finding in found(case.bad, case.bad_facts) if finding.code == case.code]

    assert finding.message == case.says
    assert finding.place.line == case.line
    assert finding.remedy


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.code)
def test_the_good_campaign_is_left_alone(case):
    assert [finding for finding in found(case.good, case.good_facts) if finding.code == case.code] == []


def test_every_rule_has_its_file_and_its_case():
    folder = Path(rules.__file__).parent
    files = {path.stem.replace("_", "-") for path in folder.glob("[a-z]*.py")}

    assert {rule.code for rule in RULES} == {case.code for case in CASES}
    assert {rule.code for rule in (*RULES, *MAIL_RULES, *POSTING_RULES, *MEDIA_RULES)} == files


def test_an_approved_touch_waits_for_nothing():
    text = shop(f"{POST}, approval: required", when="as soon as possible")

    assert "approval" not in {finding.code for finding in found(text, Facts(approved=frozenset({"post"})))}


def test_the_project_can_offer_the_opt_out_itself():
    text = shop(MAIL, senders="senders: {email: s@shop.example, postal_address: Paris}\n")

    assert "unsubscribe" not in {finding.code for finding in found(text, Facts(public_url="https://shop.example"))}


def test_a_time_of_the_stage_in_quiet_hours_is_found_too():
    text = shop(MAIL, stage="    at: 07:00\n")

    [finding] = [finding for finding in found(text, Facts()) if finding.code == "quiet-hours"]

    assert finding.place.line == 12


def test_transactional_messages_may_go_at_night():
    text = shop(f"{CART}, purpose: transactional, at: '23:00'".replace("when: 1 day later, ", ""))

    assert "quiet-hours" not in {finding.code for finding in found(text, Facts())}


def test_levels_protect_people():
    errors = {rule.code for rule in RULES if rule.level is Level.ERROR}

    assert {"postal-address", "unsubscribe", "no-content"} <= errors


@pytest.mark.parametrize(
    ("one", "other", "found_again"),
    [
        ("city = 'Paris'", "city = 'Lyon'", False),
        ("city = 'Paris' and age < 35", "city = 'Lyon' and age < 35", False),
        ("purchased('ring')", "not purchased('ring')", False),
        ("city = 'Paris'", "age < 35", True),
        ("city = 'Paris'", "city = 'Paris'", True),
    ],
)
def test_the_same_words_may_go_to_people_who_cannot_be_in_both_audiences(one, other, found_again):
    text = (
        shop(f'{MAIL}, audience: "{one}"')
        + f'      - {{{MAIL.replace("id: mail", "id: again")}, audience: "{other}"}}\n'
    )

    assert ("same-words" in {finding.code for finding in found(text, Facts())}) is found_again


def test_the_same_words_on_two_events_are_left_alone_and_on_one_event_found():
    other = CART.replace("id: cart", "id: again")
    two = shop(CART) + f"      - {{{other.replace('on: cart_abandoned', 'on: purchase')}}}\n"
    one = shop(CART) + f"      - {{{other}}}\n"

    assert ["same-words" in {finding.code for finding in found(text, Facts())} for text in (two, one)] == [False, True]


@pytest.mark.parametrize(
    ("media", "told"),
    [
        ("[film.mp4]", False),
        ("[https://cdn.shop.example/film.mp4?v=2]", False),
        ("[a.mp4, b.mp4]", True),
        ("[a.jpg]", True),
    ],
)
def test_a_reel_is_one_video(media, told):
    messages = [
        one.message for one in found(shop(f"id: post, channel: facebook, post_as: reel, media: {media}"), Facts())
    ]

    assert ("post: a reel is one video" in messages) is told
