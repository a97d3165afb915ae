"""Living through time that has not come yet: the loop of rehearsals, and the far end with all its faults for tests."""

from scheduler.simulation.chance import Chance
from scheduler.simulation.faults import CALM, FarEnd, Fate
from scheduler.simulation.run import PlayedEvent, run
from scheduler.simulation.world import LookingChannel, Point, Reached, World, WorldChannel

__all__ = [
    "CALM",
    "Chance",
    "FarEnd",
    "Fate",
    "LookingChannel",
    "PlayedEvent",
    "Point",
    "Reached",
    "World",
    "WorldChannel",
    "run",
]
