"""How much time is left for the work of an invocation."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment by which work has to be done.

    Attributes:
        at: seconds, by ``clock``.
        clock: returns seconds that never decrease, ``time.monotonic`` for example.
    """

    at: float
    clock: Callable[[], float]

    @classmethod
    def after(cls, seconds: float, clock: Callable[[], float]) -> Self:
        """The deadline that is so many seconds away."""
        return cls(clock() + seconds, clock)

    @property
    def seconds_left(self) -> float:
        """How many seconds remain; below zero when it has passed."""
        return self.at - self.clock()

    def within(self, seconds: float) -> "Deadline":
        """This deadline, or the one that is so many seconds away if that comes first."""
        return Deadline(min(self.at, self.clock() + seconds), self.clock)
