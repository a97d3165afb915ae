"""Choices that look random and follow from a seed alone, the same on every machine and Python."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")
_RANGE = 1 << 64


class Chance:
    """A stream of choices: the same seed and name give the same stream, another name an unrelated one."""

    def __init__(self, seed: int, name: str = "") -> None:
        self._seed = seed
        self._name = name
        self._key = hashlib.blake2b(f"{seed}/{name}".encode(), digest_size=32).digest()
        self._drawn = 0

    def apart(self, name: str) -> Chance:
        """Return a stream of its own, so that what draws from it does not shift what others draw."""
        return Chance(self._seed, f"{self._name}/{name}")

    def below(self, bound: int) -> int:
        """Return a whole number from 0 to `bound` - 1."""
        return self._next() % bound

    def happens(self, share: float) -> bool:
        """Return whether something that happens in this share (0 to 1) of cases happens now."""
        return self._next() < share * _RANGE

    def pick(self, choices: Sequence[T]) -> T:
        """Return one of the choices, each as likely as the others."""
        return choices[self.below(len(choices))]

    def some(self, choices: Sequence[T], share: float) -> tuple[T, ...]:
        """Return a part of the choices in their order: each is in it in this share of cases."""
        return tuple(choice for choice in choices if self.happens(share))

    def _next(self) -> int:
        self._drawn += 1
        drawn = hashlib.blake2b(self._drawn.to_bytes(8, "big"), digest_size=8, key=self._key).digest()
        return int.from_bytes(drawn, "big")
