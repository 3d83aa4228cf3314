"""Which of a function's processes does what, and what waits: a state machine without I/O.

Events are methods; each returns what is to be done. Whoever drives it starts processes, hands
invocations over and kills, and reports what came of it.
"""

from collections import deque
from dataclasses import dataclass
from enum import Enum, auto
from typing import Generic, TypeVar

Invocation = TypeVar("Invocation")


class State(Enum):
    """Of a process."""

    STARTING = auto()
    IDLE = auto()
    BUSY = auto()
    ENDING = auto()
    """It is being killed."""


@dataclass(frozen=True, slots=True)
class Start:
    """Start a process; then report ``ready`` or ``ended``, whatever goes wrong."""

    worker: int


@dataclass(frozen=True, slots=True)
class Hand(Generic[Invocation]):
    """Hand an invocation to an idle process."""

    worker: int
    invocation: Invocation


@dataclass(frozen=True, slots=True)
class Kill:
    """Kill a process; then report ``ended``."""

    worker: int


@dataclass(frozen=True, slots=True)
class Fail(Generic[Invocation]):
    """The invocation fails, as the process that was started for it did not start."""

    invocation: Invocation


@dataclass(frozen=True, slots=True)
class LookLater:
    """Report ``looked`` after a while."""


Effect = Start | Hand[Invocation] | Kill | Fail[Invocation] | LookLater


@dataclass(slots=True)
class _Member:
    state: State
    outdated: bool = False


class PoolMachine(Generic[Invocation]):
    """One function's processes, by numbers that it gives them.

    The one used last is used first, as Lambda does. One is started at a time: Lambda would start
    one for each invocation at once, which here would take each other's cores.

    Args:
        most: processes; further invocations wait.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._members: dict[int, _Member] = {}
        self._idle: list[int] = []
        self._waiting: deque[Invocation] = deque()
        self._started = 0
        self._looking = False
        self._frozen = False
        self._stopping = False

    @property
    def waiting(self) -> Invocation | None:
        """The invocation that has waited longest."""
        return self._waiting[0] if self._waiting else None

    @property
    def frozen(self) -> bool:
        """Whether processes stand still, and none is started."""
        return self._frozen

    def matters(self, worker: int) -> bool:
        """Whether somebody wants a process that has not started: not one of code that was."""
        return not self._members[worker].outdated and not self._stopping

    def asked(self, invocation: Invocation) -> list[Effect[Invocation]]:
        """Somebody invokes."""
        self._waiting.append(invocation)
        return self._next()

    def start(self) -> list[Effect[Invocation]]:
        """Start one beforehand."""
        return [self._new()]

    def ready(self, worker: int) -> list[Effect[Invocation]]:
        """A process waits for an invocation."""
        member = self._members[worker]
        if member.state is State.ENDING:
            return []
        if member.outdated:
            return [self._kill(worker)]
        member.state = State.IDLE
        self._idle.append(worker)
        return self._next()

    def ended(self, worker: int, *, failed: bool) -> list[Effect[Invocation]]:
        """A process is gone.

        Args:
            failed: it never got as far as waiting for an invocation.
        """
        matters = self.matters(worker)
        del self._members[worker]
        if worker in self._idle:
            self._idle.remove(worker)
        effects: list[Effect[Invocation]] = []
        if failed and matters and self._waiting:
            effects.append(Fail(self._waiting.popleft()))
        return effects + self._next()

    def changed(self) -> list[Effect[Invocation]]:
        """The code is another: what runs may end, what is idle goes, and another is started."""
        for member in self._members.values():
            member.outdated = True
        effects: list[Effect[Invocation]] = [self._kill(worker) for worker in list(self._idle)]
        if len(self._members) < self._most and not self._frozen and not self._stopping:
            effects.append(self._new())
        return effects

    def killed(self) -> list[Effect[Invocation]]:
        """All processes have been killed from outside; their end takes a moment to be noticed."""
        for member in self._members.values():
            member.outdated = member.outdated or member.state is State.STARTING
            member.state = State.ENDING
        self._idle.clear()
        return self._next()

    def froze(self) -> None:
        """All processes stand still; none is to be started."""
        self._frozen = True

    def thawed(self) -> list[Effect[Invocation]]:
        """They go on."""
        self._frozen = False
        return self._next()

    def looked(self, *, enough: bool) -> list[Effect[Invocation]]:
        """It was time to look again.

        Args:
            enough: the first of those that wait has waited so long that another process is worth
                its start.
        """
        self._looking = False
        if enough and self._waiting and self._room():
            return [self._new()]
        return self._next()

    def stop(self) -> list[Effect[Invocation]]:
        """Kill every process, and start none."""
        self._stopping = True
        return [self._kill(worker) for worker in self._members]

    def _next(self) -> list[Effect[Invocation]]:
        """Hand over what can be; of what still waits, see that it is looked at again."""
        effects: list[Effect[Invocation]] = []
        while self._waiting and self._idle:
            worker = self._idle.pop()
            self._members[worker].state = State.BUSY
            effects.append(Hand(worker, self._waiting.popleft()))
        if self._waiting and self._room():
            if not self._members:
                effects.append(self._new())
            elif not self._looking:
                self._looking = True
                effects.append(LookLater())
        return effects

    def _room(self) -> bool:
        starting = any(each.state is State.STARTING for each in self._members.values())
        off = self._frozen or self._stopping
        return not starting and not off and len(self._members) < self._most

    def _new(self) -> Start:
        self._started += 1
        self._members[self._started] = _Member(State.STARTING)
        return Start(self._started)

    def _kill(self, worker: int) -> Kill:
        self._members[worker].state = State.ENDING
        if worker in self._idle:
            self._idle.remove(worker)
        return Kill(worker)
