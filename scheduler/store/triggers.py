"""What the database itself does, whoever writes: what has ended stays, steering is noted, PostgreSQL tells of rows.

A new database in memory gets them with its tables; the migrations hold their own copy of the text, because history does
not change. A row that leaves nothing to refuse costs one comparison: the conditions stand in the triggers, not in code
that they call; and after the change, because before it PostgreSQL would lock each row a second time.
"""

from __future__ import annotations

from sqlalchemy import DDL, MetaData, event

from scheduler.delivery import TERMINAL, State
from scheduler.store.columns import words
from scheduler.store.notices import CHANNEL

# What an ended delivery keeps for ever. Its subject and its reason may be blanked when a person is erased, and its
# occurrence may then become `erased-...`: the key of an event may hold an address.
DELIVERY_FIXED = (
    "state", "campaign", "edition", "touch", "recipient", "occurrence", "attempts", "sent_at", "provider_id",
)  # fmt: skip
ATTEMPT_FIXED = ("delivery", "number", "key", "content_hash", "created_at", "outcome", "finished_at")
CERTAIN = (State.FAILED, State.RETRY_WAIT, State.SENT)  # what a given-up worker may still report of its attempt

NEVER_CHANGED = "a delivery that has ended is never changed"
NEVER_DELETED = "a delivery that has ended is never deleted"
ATTEMPT_CHANGED = "an attempt that has its outcome is never changed"
ATTEMPT_DELETED = "an attempt is never deleted"
AUDIT_FIXED = "the audit is only ever added to"
ERASED = "erased-"  # how the occurrence of an erased person begins
CONSENT_FIXED = "a consent is only ever added to"
CONSENT_WORDS = ("purpose", "given", "at", "source", "wording")  # whose it is may change: people are merged

# What was steered: a value that is another one whenever a campaign or the decisions about a touch have changed. It is
# drawn by lot: a counter would come back to a number it had before, when a transaction is rolled back.
STEERED = "steered"
_STEERING = ("campaign", "touch_state")
_STEERED_ROW = f"INSERT INTO meta (key, value) VALUES ('{STEERED}', '')"  # noqa: S608 - constants
_NOTE = "UPDATE meta SET value = {lot} WHERE key = '" + STEERED + "'"  # noqa: S608 - constants


def attach(metadata: MetaData) -> None:
    """Let `metadata.create_all` make the triggers after the tables."""
    for dialect in ("sqlite", "postgresql"):
        for statement in statements(dialect):
            event.listen(metadata, "after_create", DDL(statement).execute_if(dialect=dialect))  # type: ignore[no-untyped-call]


def statements(dialect: str) -> tuple[str, ...]:
    """Return the statements that make the triggers in a database without them; `dialect` is sqlite or postgresql."""
    return _postgresql() if dialect == "postgresql" else _sqlite()


def _moved_on(differs: str) -> str:
    kept = _any(tuple(name for name in DELIVERY_FIXED if name != "occurrence"), differs)
    elsewhere = f"substr(NEW.occurrence, 1, {len(ERASED)}) <> '{ERASED}'"
    return f"{kept} OR (NEW.occurrence {differs} OLD.occurrence AND {elsewhere})"


def _conditions(differs: str) -> tuple[str, str, str]:
    """Return when a delivery's change, its deletion and an attempt's change are refused; `differs` compares values."""
    ended = f"OLD.state IN ({words(TERMINAL)})"
    changed = f"{ended} AND ({_moved_on(differs)})"
    late = f"OLD.outcome = '{State.UNKNOWN}' AND coalesce(NEW.outcome, '') IN ({words(CERTAIN)})"
    kept = tuple(name for name in ATTEMPT_FIXED if name not in ("outcome", "finished_at"))
    moved = f"({_any(kept, differs)}) OR (({_any(('outcome', 'finished_at'), differs)}) AND NOT ({late}))"
    return changed, ended, f"OLD.outcome IS NOT NULL AND ({moved})"


def _any(columns: tuple[str, ...], differs: str) -> str:
    return " OR ".join(f"NEW.{name} {differs} OLD.{name}" for name in columns)


def _sqlite() -> tuple[str, ...]:
    changed, ended, moved = _conditions("IS NOT")
    note = _NOTE.format(lot="hex(randomblob(8))")
    of_delivery, of_attempt = ", ".join(DELIVERY_FIXED), ", ".join(ATTEMPT_FIXED)
    return (
        _sqlite_trigger("delivery_ended", f"UPDATE OF {of_delivery}", "delivery", changed, NEVER_CHANGED),
        _sqlite_trigger("delivery_kept", "DELETE", "delivery", ended, NEVER_DELETED),
        _sqlite_trigger("attempt_closed", f"UPDATE OF {of_attempt}", "attempt", moved, ATTEMPT_CHANGED),
        _sqlite_trigger("attempt_kept", "DELETE", "attempt", "", ATTEMPT_DELETED),
        _sqlite_trigger("audit_fixed", "UPDATE", "audit", "", AUDIT_FIXED),
        _sqlite_trigger("audit_kept", "DELETE", "audit", "", AUDIT_FIXED),
        _sqlite_trigger("consent_fixed", f"UPDATE OF {', '.join(CONSENT_WORDS)}", "consent", "", CONSENT_FIXED),
        _sqlite_trigger("consent_kept", "DELETE", "consent", "", CONSENT_FIXED),
        _STEERED_ROW,
        *(
            f"CREATE TRIGGER {table}_{name} AFTER {moment} ON {table} BEGIN {note}; END"
            for table in _STEERING
            for name, moment in (("added", "INSERT"), ("steered", "UPDATE"))
        ),
    )


def _sqlite_trigger(name: str, moment: str, table: str, condition: str, message: str) -> str:
    when = f" WHEN {condition}" if condition else ""
    return f"CREATE TRIGGER {name} AFTER {moment} ON {table}{when} BEGIN SELECT RAISE(ABORT, '{message}'); END"


def _postgresql() -> tuple[str, ...]:
    changed, ended, moved = _conditions("IS DISTINCT FROM")
    note = _NOTE.format(lot="gen_random_uuid()::text")
    of_delivery, of_attempt = ", ".join(DELIVERY_FIXED), ", ".join(ATTEMPT_FIXED)
    return (
        _function("refuse_change", "TG_ARGV[0]"),
        _function("refuse_ended", "'delivery ' || OLD.id || ' is ' || OLD.state || ' for good - ' || TG_ARGV[0]"),
        _trigger("delivery_ended", f"UPDATE OF {of_delivery}", "delivery", changed, "refuse_ended", NEVER_CHANGED),
        _trigger("delivery_kept", "DELETE", "delivery", ended, "refuse_ended", NEVER_DELETED),
        _trigger("attempt_closed", f"UPDATE OF {of_attempt}", "attempt", moved, "refuse_change", ATTEMPT_CHANGED),
        _trigger("attempt_kept", "DELETE", "attempt", "", "refuse_change", ATTEMPT_DELETED),
        _trigger("audit_fixed", "UPDATE", "audit", "", "refuse_change", AUDIT_FIXED),
        _trigger("audit_kept", "DELETE", "audit", "", "refuse_change", AUDIT_FIXED),
        _trigger(
            "consent_fixed", f"UPDATE OF {', '.join(CONSENT_WORDS)}", "consent", "", "refuse_change", CONSENT_FIXED
        ),
        _trigger("consent_kept", "DELETE", "consent", "", "refuse_change", CONSENT_FIXED),
        "CREATE FUNCTION tell_daemons() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ BEGIN PERFORM pg_notify('{CHANNEL}', ''); RETURN NULL; END $$",
        _STEERED_ROW,
        f"CREATE FUNCTION note_steering() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {note}; RETURN NULL; END $$",
        *(
            f"CREATE TRIGGER {table}_steered AFTER INSERT OR UPDATE ON {table} FOR EACH STATEMENT"
            " EXECUTE FUNCTION note_steering()"
            for table in _STEERING
        ),
        _telling("delivery_told", "INSERT", "delivery"),
        _telling("occurrence_told", "INSERT OR UPDATE OF fires_at", "occurrence"),
    )


def _function(name: str, message: str) -> str:
    return (
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        f" RAISE EXCEPTION USING MESSAGE = {message}, ERRCODE = 'restrict_violation'; END $$"
    )


def _trigger(name: str, moment: str, table: str, condition: str, function: str, message: str) -> str:
    when = f" WHEN ({condition})" if condition else ""
    return (
        f"CREATE TRIGGER {name} AFTER {moment} ON {table} FOR EACH ROW{when} EXECUTE FUNCTION {function}('{message}')"
    )


def _telling(name: str, moment: str, table: str) -> str:
    """Once a statement: a mailing of a million rows is one notice."""
    return f"CREATE TRIGGER {name} AFTER {moment} ON {table} FOR EACH STATEMENT EXECUTE FUNCTION tell_daemons()"
