"""What is worked out once for the messages of a touch holds for those it is true of, and for no others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from support.shop import Schedule, moment, person, write

from scheduler import checks
from scheduler.cases import case_of
from scheduler.catalog import Catalog
from scheduler.channels.task import TaskChannel
from scheduler.circumstances import Circumstances
from scheduler.errors import Withheld
from scheduler.store import reader
from scheduler.store.database import Store

BEFORE = moment("2027-01-20T12:00:00+01:00")
TEN = moment("2027-02-01T10:00:00+01:00")
CALLS = """
courtesy: {quiet_hours: none}
stages:
  - stage: a
    kind: awareness
    when: 1 february at 10:00
    touches:
      - {id: ask, channel: call, audience: "city = 'Paris'", text: "Ask them"}
"""


def test_what_a_message_for_nobody_need_not_be_asked_is_asked_of_one_for_a_person(store: Store, tmp_path: Path) -> None:
    schedule = Schedule.on(store, BEFORE, channels={"call": TaskChannel("call")})
    schedule.know(person("lea@example.org", city="Paris"))  # nobody knows her number
    schedule.apply(write(tmp_path, CALLS))
    schedule.live_until(TEN)
    catalog = Catalog()
    with store.read() as conn:
        [row] = reader.deliveries(conn)
        claim = reader.claim_of(row)
        campaign = catalog.get(conn, row.campaign, row.edition)
        to_her = case_of(campaign, claim)
        to_nobody = case_of(campaign, replace(claim, id=claim.id + 1, contact=None, recipient="@call"))
        here = Circumstances(conn, [to_nobody, to_her], now=TEN, catalog=catalog)

        checks.last_moment(here, to_nobody)
        with pytest.raises(Withheld, match="no phone number"):
            checks.last_moment(here, to_her)
