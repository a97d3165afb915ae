"""What wakes a daemon besides its alarm clock: decisions of other processes, and a wall clock that was set."""

from scheduler.waking.steps import ClockSteps
from scheduler.waking.watch import Watch

__all__ = ["ClockSteps", "Watch"]
