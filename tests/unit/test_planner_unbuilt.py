"""Keys whose behaviour is still to come are named with their line, and only those."""

import pytest

from campaigns import loader, planner
from campaigns.finding import Level

SHOP = """\
campaign: shop
language: en
timezone: Europe/Paris
{head}stages:
  - stage: a
    kind: awareness
    when: early january
    touches:
      - id: one
        channel: email
        subject: Hi
        text: Hi
        {touch}
"""


def unbuilt(head="", touch="max_late: 2 days"):
    return planner.unbuilt(loader.load(SHOP.format(head=head, touch=touch), "shop.yaml"))


def test_a_campaign_of_built_keys_is_clean():
    touch = "at: 09:30\n        pick: spread\n        priority: 3\n        min_gap: 2 days\n        approval: required\n        repeat: every week, 3 times\n        on_unknown: hold\n        in_flight: pin\n        moved: zero"

    assert (
        unbuilt(
            head="feb29: mar1\nmedia_url: https://shop.example/media\nrate: {email: 10 per second}\naudience: city = 'Paris'\n",
            touch=touch,
        )
        == ()
    )


@pytest.mark.parametrize(
    ("head", "said"),
    [
        ("holdout: 10%\n", "`holdout:` is not built yet"),
        ("staff: 12\n", "`staff:` is not built yet"),
        (
            "offers: {SALE: {terms: '-10 %', per: person}}\n",
            "`per: person` (a code for each person) is not built yet",
        ),
    ],
)
def test_a_key_of_the_campaign_is_named_with_its_line(head, said):
    [finding] = unbuilt(head=head)

    assert (finding.code, finding.level, finding.message, finding.place.line) == ("unbuilt", Level.ERROR, said, 4)


@pytest.mark.parametrize(
    ("touch", "said"),
    [
        ("pick: best", "`pick: best` (there are no clicks to learn from) is not built yet"),
    ],
)
def test_a_key_of_a_touch_is_named_with_its_line(touch, said):
    [finding] = unbuilt(touch=touch)

    assert (finding.message, finding.place.line) == (said, 13)


@pytest.mark.parametrize(
    ("touch", "remedy"),
    [
        (
            "pick: best",
            "write `pick: earliest`, `latest` or `spread`; `apply` and the dry run refuse it rather than ignore it",
        ),
    ],
)
def test_what_to_write_instead_is_said(touch, remedy):
    [finding] = unbuilt(touch=touch)

    assert finding.remedy == remedy
