"""HOLD on the screen: why nothing is sent, what is late, what a person may say to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scheduler.cli import confirm, exits, telling
from scheduler.cli.options import Session
from scheduler.cli.output import Cell, Span
from scheduler.cli.wording import count, thousands

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scheduler.operations.holding import HoldPlan, LateTouch
    from scheduler.store.database import Store
    from scheduler.store.meta import Hold

_MISSING_TOO = (
    "What people did since then is missing as well: import unsubscribes, contacts and events again before you go on."
)
_WRONG_CLOCK = "Set the clock first; lifting the HOLD says that the clock is right."
_OTHER_MACHINE = "Stop the other one first."


def document(hold: Hold | None) -> dict[str, object] | None:
    """Return a HOLD as JSON has it; None where there is none."""
    if hold is None:
        return None
    return {"cause": hold.cause.name.lower(), "reason": hold.reason, "since": hold.at, **hold.detail}


def show(session: Session, hold: Hold, zone: str | None) -> None:
    """Say that nothing is sent, since when and why; every moment in one zone, which is named."""
    screen = session.screen
    since = f"{telling.told(hold.at, zone)} ({telling.zone_name(hold.at, zone)})"
    said = f"     since {since}: {telling.localised(hold.reason, zone)}"
    screen.paragraph(Span("HOLD", "error"), said, indent=9)


def warn(session: Session, hold: Hold) -> None:
    """Say to the person who starts a daemon that it will send nothing."""
    session.screen.warn(Span("HOLD ", "error"), f"nothing is sent: {hold.reason}")
    session.screen.warn("see what is late, then let it go on: campaign resume --plan")


def resume(session: Session, store: Store, *, plan_only: bool, late: str | None, yes: bool) -> int:
    """Show what lifting the HOLD means, and lift it once a person agreed; `campaign resume` without a name."""
    from scheduler.catalog import Catalog
    from scheduler.cli import database
    from scheduler.operations import holding, watching

    now, catalog = telling.now(session, store), Catalog()
    plan = holding.plan(store, catalog, now=now)
    zones = watching.zones(store)
    if plan_only or plan.hold is None:
        if session.json:
            session.screen.json(_plan_document(plan, resumed=False))
        else:
            _show_plan(session, plan, zones)
        return exits.ATTENTION if plan_only and plan.hold is not None else exits.DONE
    if not session.json:
        _show_plan(session, plan, zones, steps=False)
    confirm.yes(session, "Lift the HOLD?", given=yes)
    choice = holding.Late(late) if late is not None else None
    done = holding.resume(store, catalog, now=now, who=database.who(), choice=choice)
    if session.json:
        session.screen.json({**_plan_document(plan, resumed=True), "kept": done.kept, "decided": done.decided})
        return exits.DONE
    words = "The HOLD is lifted."
    if choice is not None:
        words += f" {_SAID[choice.value]}"
    if done.kept:
        words += f" {count(done.kept, 'message stays', 'messages stay')} held: may have been sent already."
    session.screen.line("")
    session.screen.line(words)
    if done.kept:
        first = next(one for one in plan.late if one.gone)
        session.screen.steps(
            [(f"campaign approve {first.campaign}/{first.touch} --not-sent", "once you know that they did not go")]
        )
    return exits.DONE


_SAID = {"send": "What is late is sent now.", "skip": "What is late is not sent."}


def _plan_document(plan: HoldPlan, *, resumed: bool) -> dict[str, object]:
    return {
        "hold": document(plan.hold),
        "late": [
            {
                "campaign": one.campaign,
                "edition": one.edition,
                "touch": one.touch,
                "messages": one.messages,
                "people": one.people,
                "since": one.since,
                "send": one.send,
                "ask": one.ask,
                "skip": one.drop,
                "may_have_gone": one.gone,
                "at_most": one.at_most,
            }
            for one in plan.late
        ],
        "resumed": resumed,
    }


def _show_plan(session: Session, plan: HoldPlan, zones: Mapping[str, str], *, steps: bool = True) -> None:
    screen = session.screen
    if session.plain:
        screen.rows([_row(one) for one in plan.late])
        return
    if plan.hold is None:
        screen.line("Nothing is on HOLD.")
    else:
        same = set(zones.values())
        show(session, plan.hold, same.pop() if len(same) == 1 else None)
        for hint in _hints(plan.hold):
            screen.paragraph("         ", hint, indent=9)
    screen.line("")
    if not plan.late:
        screen.line("Nothing is late.")
    else:
        heads = ("LATE", "MESSAGES", "PEOPLE", "DUE SINCE", "WHAT HAPPENS TO THEM")
        cells: list[list[Cell]] = [[Span(head, "faint") for head in heads]]
        cells += [_line(one, zones.get(one.campaign)) for one in plan.late]
        screen.columns(cells, right=(1, 2))
        total = sum(one.messages for one in plan.late)
        screen.line(f"{'at most ' if any(one.at_most for one in plan.late) else ''}{count(total, 'late message')}")
    if steps and plan.hold is not None:
        choices = [("campaign resume", "go on like this; --late send or --late skip decides for all")]
        if plan.hold.cause.name == "CLOCK":
            choices.insert(0, ("timedatectl", "is the clock right?"))
        screen.steps(choices)


def _hints(hold: Hold) -> list[str]:
    return {
        "RESTORED": [_MISSING_TOO],
        "MOVED": [_OTHER_MACHINE],
        "CLOCK": [_WRONG_CLOCK],
        "DAMAGED": [str(hold.detail.get("remedy", ""))],
    }.get(hold.cause.name, [])


def _line(one: LateTouch, zone: str | None) -> list[Cell]:
    most = "≤ " if one.at_most else ""
    return [
        f"{one.campaign}/{one.touch}",
        f"{most}{thousands(one.messages)}",
        f"{most}{thousands(one.people)}" if one.people else "–",
        telling.told(one.since, zone),
        ", ".join(_fates(one)),
    ]


def _fates(one: LateTouch) -> list[str]:
    told = (
        (one.send, "is sent late", "are sent late"),
        (one.ask, "is held: on_late asks", "are held: on_late asks"),
        (one.drop, "expires", "expire"),
        (one.gone, "stays held: may have gone", "stay held: may have gone"),
    )
    return [f"{thousands(number)} {single if number == 1 else several}" for number, single, several in told if number]


def _row(one: LateTouch) -> list[object]:
    since = one.since.isoformat()
    return [one.campaign, one.touch, one.messages, one.people, since, one.send, one.ask, one.drop, one.gone]
