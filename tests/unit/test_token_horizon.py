"""When tokens end: what the settings say, what was renewed, and which account's end counts for a channel."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from pydantic import SecretStr

from scheduler.channels import horizon
from scheduler.channels.account import find
from scheduler.channels.horizon import TokenEnd
from scheduler.channels.platforms.tokens import Kept, MemoryKeeper
from scheduler.errors import NoAccount, SchedulerError

MARCH = datetime(2027, 3, 1, tzinfo=UTC)
MAY = datetime(2027, 5, 1, 12, 30, tzinfo=UTC)
SOURCE = hashlib.sha256(b"first").hexdigest()


def accounts(**more: str) -> Mapping[str, Mapping[str, SecretStr]]:
    fields = {"token": "first", "user": "17841400000000000", **more}
    return {"instagram_biksouv": {name: SecretStr(value) for name, value in fields.items()}}


def test_a_day_in_the_settings_counts_from_its_beginning() -> None:
    assert horizon.ends(accounts(token_expires="2027-03-01"), MemoryKeeper()) == (
        TokenEnd("instagram_biksouv", MARCH, renewed=False),
    )


def test_of_a_token_nobody_knows_the_end_of_nothing_is_said() -> None:
    assert horizon.ends(accounts(), MemoryKeeper()) == ()


@pytest.mark.parametrize(
    ("kept", "end"),
    [
        (Kept("second", expires_at=MAY, source=SOURCE), TokenEnd("instagram_biksouv", MAY, renewed=True)),
        (Kept("second", expires_at=MAY, source="another"), TokenEnd("instagram_biksouv", MARCH)),  # was set anew
        (Kept("first", expires_at=MAY, source=SOURCE), TokenEnd("instagram_biksouv", MARCH)),  # too young, a guess
        (Kept("second", "r", MAY, SOURCE), TokenEnd("instagram_biksouv", MARCH)),  # renewed whenever it is used
    ],
)
def test_a_renewed_token_stands_over_the_day_in_the_settings(kept: Kept, end: TokenEnd) -> None:
    keeper = MemoryKeeper()
    keeper.put("instagram_biksouv", kept)

    assert horizon.ends(accounts(token_expires="2027-03-01"), keeper) == (end,)


@pytest.mark.parametrize("text", ["1 March 2027", "2027-02-30", "2027-3-1", "20270301", "2027-03-01T10:00"])
def test_what_is_no_day_is_refused(text: str) -> None:
    with pytest.raises(SchedulerError) as refused:
        horizon.ends(accounts(token_expires=text), MemoryKeeper())

    assert refused.value.message == (
        "cannot read CAMPAIGN_ACCOUNTS__INSTAGRAM_BIKSOUV__TOKEN_EXPIRES: expected a day such as 2027-03-01"
    )


def test_the_end_of_a_channel_is_that_of_the_account_it_goes_by() -> None:
    own, only = TokenEnd("instagram_biksouv", MARCH), TokenEnd("threads", MAY)

    assert horizon.end_of([own, only], "instagram", "biksouv") == own
    assert horizon.end_of([own, only], "instagram", "other") is None
    assert horizon.end_of([own, only], "threads", "biksouv") == only
    assert horizon.end_of([own, only], "facebook", None) is None


def test_any_account_may_have_the_day_and_no_other_field_comes_with_it() -> None:
    known = ("token", "user")

    assert find(accounts(token_expires="2027-03-01"), "instagram", "biksouv", known).text("user") == "17841400000000000"
    with pytest.raises(NoAccount, match="TOKEN_EXPIRY is no setting"):
        find(accounts(token_expiry="2027-03-01"), "instagram", "biksouv", known)
