"""When marketing went to people: what the invariants about quiet hours and caps look at; no rules here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from scheduler.store.ledger.looking import look


@dataclass(frozen=True, slots=True)
class Minute:
    """Marketing of one touch that began within one minute, for people of one zone (empty: unknown)."""

    campaign: str
    edition: str
    touch: str
    revision: int | None
    zone: str
    first_at: datetime
    last_at: datetime
    delivery: int
    messages: int


def marketing_by_minute(conn: Connection) -> Iterator[Minute]:
    """Yield the minutes in which marketing to people was begun, with one of its deliveries as an example.

    People whose record changed after their message are left out: nobody knows the zone they had.
    """
    query = (
        "SELECT d.campaign, d.edition, d.touch, d.revision, p.timezone AS zone, min(a.started_at) AS began_at,"
        " max(a.started_at) AS ended_at, min(d.id) AS delivery, count(*) AS messages FROM {newest}"
        " JOIN contact p ON p.id = d.contact WHERE {gone} AND d.marketing AND p.updated_at <= a.started_at"
        " GROUP BY d.campaign, d.edition, d.touch, d.revision, p.timezone, {minute}"
    )
    for row in look(conn, query):
        yield Minute(*row.values())


@dataclass(frozen=True, slots=True)
class Crowded:
    """A marketing message that began at `at`, when others enough for a cap had begun since `earlier_at`."""

    delivery: int
    campaign: str
    edition: str
    touch: str
    revision: int | None
    at: datetime
    earlier_at: datetime


def crowded(conn: Connection, *, times: int, span: timedelta, channel: str | None = None) -> Iterator[Crowded]:
    """Yield marketing that went to a person who had got `times` other messages of it within the `span` before.

    Of one `channel`; None: of all. What two contacts had before they became one person is counted apart.
    """
    near = (
        "SELECT sent.id, d.campaign, d.edition, d.touch, d.revision, sent.began_at, sent.earlier_at FROM (SELECT d.id,"
        " a.started_at AS began_at, lag(a.started_at, :times) OVER"
        " (PARTITION BY d.recipient ORDER BY a.started_at, a.id)"
        " AS earlier_at FROM {newest} WHERE {gone} AND d.marketing AND d.contact IS NOT NULL"
        " AND (:every = 1 OR d.channel = :channel)) sent"
        " JOIN delivery d ON d.id = sent.id WHERE sent.earlier_at IS NOT NULL AND {seconds} < :most"
    )
    every = 1 if channel is None else 0
    most = span.total_seconds() + 1
    for row in look(conn, near, times=times, most=most, every=every, channel=channel or ""):
        if row["began_at"] - row["earlier_at"] < span:
            yield Crowded(*row.values())
