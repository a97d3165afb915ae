"""Measured mails: which links pass by the doors, which never do, and whose mails are left alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from support.readers import BODY, KEYS, MAILING, START, clicks, hrefs, html_of, picture, shop, trap
from support.shop import Schedule, person

from campaigns.errors import CampaignError
from campaigns.rendering import Content
from scheduler.operations import people as knowing
from scheduler.rendering.base import Job
from scheduler.rendering.inline import InlineRenderer
from scheduler.store import people, tracking
from scheduler.store.database import Store
from scheduler.tokens import Mark, Purpose

OWN = ["https://shop.example/me?who=lea@example.org"]


def table(schedule: Schedule, touch: str = "offer") -> dict[str, int]:
    with schedule.store.read() as conn:
        return tracking.links(conn, "shop", touch)


def test_web_links_pass_by_the_doors_and_everything_else_stays(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path)

    html = html_of(schedule)

    marks = [KEYS.read_mark(Purpose.CLICK, link.rpartition("/")[2]) for link in [*clicks(html), trap(html)]]
    assert marks == [Mark(1, 1), Mark(1, 2), Mark(1, 3), Mark(1, 0)]
    assert table(schedule) == {
        "https://shop.example/rings?a=1&b=2#top": 1,
        "https://www.shop.example/chains": 2,
        "https://other.example/stones": 3,
    }
    assert KEYS.read_mark(Purpose.OPEN, picture(html).rpartition("/")[2].removesuffix(".gif")) == Mark(1, 0)
    untouched = [href for href in hrefs(html) if "/c/" not in href]
    assert untouched[0] == OWN[0]
    assert [re.sub(r"/u/[\w-]{55}$", "/u/...", href) for href in untouched[1:]] == ["https://news.shop.example/u/..."]
    text = schedule.sent()[-1].content.text
    assert "https://shop.example/rings?a=1&b=2#top" in text
    assert "/c/" not in text


def test_everybody_s_links_have_the_same_numbers_and_other_marks(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path)

    first, second = clicks(html_of(schedule)), clicks(html_of(schedule, "max@example.org"))

    assert [KEYS.read_mark(Purpose.CLICK, link.rpartition("/")[2]) for link in second] == [
        Mark(2, 1),
        Mark(2, 2),
        Mark(2, 3),
    ]
    assert not set(first) & set(second)
    assert len(table(schedule)) == 3


def test_the_sites_of_the_settings_are_told_of_the_campaign(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path, utm=("shop.example",))

    html_of(schedule)

    told = "utm_source=newsletter&utm_medium=email&utm_campaign=shop&utm_content=offer"
    assert table(schedule) == {
        f"https://shop.example/rings?a=1&b=2&{told}#top": 1,
        f"https://www.shop.example/chains?{told}": 2,
        "https://other.example/stones": 3,
    }


def test_a_campaign_that_does_not_ask_for_it_measures_nobody(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path, text=MAILING.replace("tracking: on", "tracking: off"))

    html = html_of(schedule)

    assert clicks(html) == []
    assert ".gif" not in html
    assert table(schedule) == {}


def test_who_did_not_agree_or_took_it_back_is_not_measured(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path)
    with store.begin() as conn:
        people.add_consent(conn, 2, people.MEASUREMENT, given=False, at=START, source="test")

    mails = [html_of(schedule, "ana@example.org"), html_of(schedule, "max@example.org")]

    assert [(clicks(html), ".gif" in html) for html in mails] == [([], False), ([], False)]
    assert "https://shop.example/rings?a=1&amp;b=2#top" in hrefs(mails[0])


class Noting(InlineRenderer):
    """Renders, and notes for which jobs a finished mail would do."""

    def __init__(self) -> None:
        self.asked: list[bool] = []

    async def render(self, jobs: Sequence[Job]) -> list[Content | CampaignError]:
        self.asked += [job.finished for job in jobs]
        return await super().render(jobs)


@pytest.mark.parametrize(
    ("tracking", "takes", "asked"), [("on", True, False), ("off", True, True), ("off", False, False)]
)
def test_mail_is_asked_for_as_it_travels_only_where_nothing_is_done_to_it_any_more(
    store: Store, tmp_path: Path, tracking: str, takes: bool, asked: bool
) -> None:
    schedule = shop(store, tmp_path, text=MAILING.replace("tracking: on", f"tracking: {tracking}"))
    schedule.worker._renderer = renderer = Noting()
    schedule.recorded["email"].takes_finished = takes  # type: ignore[attr-defined]

    html_of(schedule)

    assert renderer.asked == [asked]


def test_who_did_not_agree_to_be_measured_costs_no_more_in_a_measured_campaign(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path)
    schedule.worker._renderer = renderer = Noting()
    schedule.recorded["email"].takes_finished = True  # type: ignore[attr-defined]

    html = html_of(schedule, "ana@example.org")

    assert renderer.asked == [True]
    assert clicks(html) == []


def test_without_a_public_address_mails_are_left_alone(store: Store, tmp_path: Path) -> None:
    from scheduler.tokens import SignedLinks

    schedule = Schedule.on(store, START, links=SignedLinks(KEYS, None))
    schedule.know(person("lea@example.org", consent=("marketing", "measurement"), first_name="Léa"))
    from support.shop import write

    schedule.apply(write(tmp_path, MAILING, **{"emails/rings.md": BODY}))

    assert clicks(html_of(schedule)) == []
    assert table(schedule) == {}


def test_what_a_mail_says_is_the_same_words_under_whatever_marks(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path)
    html_of(schedule)
    content = schedule.sent()[-1].content

    from dataclasses import replace

    assert content.hash != replace(content).hash  # of what its author wrote, not of the marks


def test_a_link_that_is_too_long_or_leads_nowhere_stays_as_it_is(store: Store, tmp_path: Path) -> None:
    long = "https://shop.example/" + "x" * 2_000
    body = f"[long]({long}) [user](https://shop.example:pw@evil.example/) [mail](mailto:a@example.org) text"
    schedule = shop(store, tmp_path, body=body)

    html = html_of(schedule)

    assert clicks(html) == []
    assert long in hrefs(html)


def test_a_link_that_is_another_for_each_reader_does_not_fill_the_table(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path, body="[x](https://shop.example/all) [y](https://shop.example/{{ contact.cart }})")
    with store.begin() as conn:
        tracking.add_links(conn, "shop", "offer", [f"https://shop.example/{n}" for n in range(600)])
    knowing.import_contacts(
        store,
        [person("lea@example.org", consent=("marketing", "measurement"), cart="1999")],
        source="test",
        now=schedule.clock.now(),
    )

    html = html_of(schedule)

    assert len(table(schedule)) == tracking.MOST_LINKS
    assert "https://shop.example/1999" in hrefs(html)
    assert "https://shop.example/all" in hrefs(html)
