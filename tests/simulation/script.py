"""What happens in a seed and when, drawn before it begins."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from simulation.options import HOUR, Options
from simulation.shapes import PEOPLE, Shape, zone_of

from scheduler.simulation import Chance

_JITTERS = (-HOUR, -60.0, -1.0, 0.0, 0.0, 0.0, 1.0, 20.0, 61.0, 600.0, HOUR)


class Script:
    """Draws the steps of a seed: when, what, and its details."""

    def __init__(self, which: Options, shape: Shape, start: datetime, chance: Chance) -> None:
        self.options, self.shape, self.start, self.chance = which, shape, start, chance

    def steps(self) -> list[tuple[float, str, tuple[object, ...]]]:
        """Draw what happens and when, in seconds since the start."""
        chance = self.chance
        steps: list[tuple[float, str, tuple[object, ...]]] = []
        events: list[float] = []
        for number, name in enumerate(self.shape.events):
            if self.shape.lines.keys() & {"thanks", "cart", "nudge"} and (number == 0 or chance.happens(0.6)):
                after = events[-1] if events else 0.0
                at = after + chance.pick((60.0, 2 * HOUR, 3 * HOUR, 8 * HOUR, 26 * HOUR))
                events.append(at)
                who, key = chance.pick(self.options.crowd), f"{name}-{number}"
                cart = chance.pick((1, 1, 2))
                for again in range(chance.pick((1, 1, 2))):
                    steps.append((at + 7 * again, "event", (who, name, key, cart)))
        if "approval" in self.shape.name:
            steps.append((chance.pick((60.0, 20 * HOUR, 26 * HOUR)), "approve", ("offer",)))
        moments = self._moments(events)

        def when() -> float:
            return max(0.5, chance.pick(moments) + chance.pick(_JITTERS))

        for deed in self.options.deeds:
            for _ in range(chance.pick((1, 1, 2))):
                steps += self._deed(deed, when())
        for fault in self.options.faults:
            if fault in ("crash", "busy", "full", "back", "forward", "suspend", "stall"):
                for _ in range(chance.pick((1, 2, 3))):
                    steps.append((when(), fault, ()))
        if "leap" in self.options.faults:
            at = when() + 0.5  # not in the very instant of a look: the guard looks first, every second
            steps += [(at, "leap", (30,)), (at + chance.pick((40.0, HOUR, 6 * HOUR)), "leap", (0,))]
        if "restore" in self.options.faults and "two" not in self.options.faults:
            at = when()
            steps += [(at, "copy", ()), (at + chance.pick((10.0, HOUR, 9 * HOUR, 25 * HOUR)), "restore", ())]
        return sorted([*steps, *self._budgets(moments)], key=lambda step: step[0])

    def _budgets(self, moments: Sequence[float]) -> list[tuple[float, str, tuple[object, ...]]]:
        """Draw, apart from everything else, who limits how many messages may go and who lifts the limit."""
        chance = Chance(self.options.seed, "budget")
        if not chance.happens(0.2):
            return []
        at = chance.pick(moments)
        steps: list[tuple[float, str, tuple[object, ...]]] = [(at, "authorise", (chance.below(4),))]
        if chance.happens(0.5):
            steps.append((at + chance.pick((60.0, HOUR, 26 * HOUR)), "authorise", (chance.pick((None, 2, 5)),)))
        return steps

    def _moments(self, events: Sequence[float]) -> list[float]:
        """Return the moments around which things go: trouble at any other time finds nobody at work."""
        at = [self.start + timedelta(days=1)]
        local = self.start.replace(hour=10, minute=0)
        at = [local + timedelta(days=days) for days in (1, 1, 2)] + [local.replace(hour=11) + timedelta(days=2)]
        if self.shape.per_contact_zone:
            at = [
                (local + timedelta(days=1)).replace(tzinfo=ZoneInfo(zone_of(name))).astimezone(self.start.tzinfo)
                for name in self.options.crowd
            ]
        if self.shape.name == "daily":
            at.append(local + timedelta(days=3))
        if self.shape.name == "offer":
            at.append(self.start.replace(hour=21, minute=30))
        seconds = [(moment - self.start) / timedelta(seconds=1) for moment in _in_utc(at)]
        seconds += [event + later for event in events for later in (0.0, 60.0, 300.0, 2 * HOUR, 3 * HOUR)]
        return [moment for moment in seconds if moment >= 0]

    def _deed(self, deed: str, at: float) -> list[tuple[float, str, tuple[object, ...]]]:
        chance = self.chance
        if deed == "edit":
            return [(at, "edit", (chance.pick(("words", "retime", "remove", "same", "add", "rename")),))]
        if deed == "pause":
            touch = chance.pick(("", *self.shape.touches))
            span = chance.pick((30.0, HOUR, 8 * HOUR, 30 * HOUR))
            return [(at, "pause", (touch,)), (at + span, "resume", (touch,))]
        if deed == "cancel":
            return [(at, "cancel", (chance.pick(("", *self.shape.touches)),))]
        if deed == "unsubscribe":
            return [(at, "stop", (chance.pick(self.options.crowd), chance.pick(("unsubscribe", "bounce", "link"))))]
        if deed == "import":
            return [(at, "join", (chance.pick(PEOPLE),))]
        if deed == "resolve":
            return [(at + 600, "resolve", ())]
        return [(at, "approve", ("offer",))] if "offer" in self.shape.touches and self.shape.name == "approval" else []


def _in_utc(moments: Sequence[datetime]) -> list[datetime]:
    return [moment.astimezone(ZoneInfo("UTC")) for moment in moments]
