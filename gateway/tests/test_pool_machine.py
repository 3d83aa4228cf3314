"""What a function's processes do, without any process."""

import random
from collections.abc import Iterable

import pytest

from apigw_local.runtime.pool_machine import (
    Effect,
    Fail,
    Hand,
    Kill,
    LookLater,
    PoolMachine,
    Start,
)


def test_the_first_invocation_starts_a_process_and_is_handed_over() -> None:
    machine: PoolMachine[str] = PoolMachine(2)

    assert machine.asked("a") == [Start(1)]
    assert machine.ready(1) == [Hand(1, "a")]
    assert machine.ready(1) == []
    assert machine.asked("b") == [Hand(1, "b")]


def test_the_one_used_last_is_used_first() -> None:
    machine: PoolMachine[str] = PoolMachine(2)
    machine.asked("a")
    machine.ready(1)
    assert machine.asked("b") == [LookLater()]
    assert machine.looked(enough=True) == [Start(2)]
    machine.ready(2)
    machine.ready(2)
    machine.ready(1)

    assert machine.asked("c") == [Hand(1, "c")]
    assert machine.asked("d") == [Hand(2, "d")]


def test_one_is_started_at_a_time_and_no_more_than_there_may_be() -> None:
    machine: PoolMachine[str] = PoolMachine(2)
    machine.asked("a")
    assert machine.asked("b") == []
    assert machine.ready(1) == [Hand(1, "a"), LookLater()]
    assert machine.looked(enough=True) == [Start(2)]
    machine.asked("c")
    assert machine.ready(2) == [Hand(2, "b")]
    assert machine.asked("d") == []


def test_who_has_not_waited_enough_is_looked_at_again() -> None:
    machine: PoolMachine[str] = PoolMachine(2)
    machine.asked("a")
    machine.ready(1)
    machine.asked("b")

    assert machine.looked(enough=False) == [LookLater()]
    assert machine.ready(1) == [Hand(1, "b")]
    assert machine.looked(enough=True) == []


def test_what_does_not_start_fails_who_waits_and_another_is_started_for_the_next() -> None:
    machine: PoolMachine[str] = PoolMachine(2)
    machine.asked("a")
    machine.asked("b")

    assert machine.ended(1, failed=True) == [Fail("a"), Start(2)]
    assert machine.ready(2) == [Hand(2, "b")]


def test_a_process_that_dies_at_work_fails_nobody_else() -> None:
    machine: PoolMachine[str] = PoolMachine(1)
    machine.asked("a")
    machine.ready(1)
    machine.asked("b")

    assert machine.ended(1, failed=False) == [Start(2)]


def test_other_code_ends_who_is_idle_and_lets_who_is_busy_answer() -> None:
    machine: PoolMachine[str] = PoolMachine(3)
    machine.asked("a")
    machine.ready(1)
    machine.asked("b")
    machine.looked(enough=True)
    machine.ready(2)
    machine.ready(2)

    assert machine.changed() == [Kill(2), Start(3)]
    assert machine.ready(1) == [Kill(1)]
    assert machine.ended(1, failed=False) == []
    assert machine.ready(3) == []


def test_old_code_that_did_not_start_fails_nobody() -> None:
    machine: PoolMachine[str] = PoolMachine(1)
    machine.asked("a")
    machine.changed()

    assert not machine.matters(1)
    assert machine.ended(1, failed=True) == [Start(2)]


def test_the_killed_take_nothing_any_more() -> None:
    machine: PoolMachine[str] = PoolMachine(2)
    machine.asked("a")
    machine.ready(1)
    machine.ready(1)
    machine.killed()

    assert machine.ready(1) == []
    assert machine.asked("b") == [LookLater()]
    assert machine.ended(1, failed=False) == [Start(2)]


def test_while_frozen_none_is_started() -> None:
    machine: PoolMachine[str] = PoolMachine(2)
    machine.froze()
    assert machine.asked("a") == []
    assert machine.changed() == []
    assert machine.thawed() == [Start(1)]


def test_in_the_end_all_are_killed_and_none_is_started() -> None:
    machine: PoolMachine[str] = PoolMachine(2)
    machine.asked("a")
    machine.ready(1)
    machine.asked("b")

    assert machine.stop() == [Kill(1)]
    assert machine.ended(1, failed=False) == []
    assert machine.asked("c") == []


class Driver:
    """Does what the machine says, in an order of chance, and checks it at every step."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.most = self.chance.randint(1, 4)
        self.machine: PoolMachine[int] = PoolMachine(self.most)
        self.starting: set[int] = set()
        self.idle: set[int] = set()
        self.busy: dict[int, int] = {}
        self.dying: set[int] = set()
        self.looking = False
        self.asked = 0
        self.done: list[int] = []

    def do(self, effects: Iterable[Effect[int]]) -> None:
        for effect in effects:
            match effect:
                case Start(worker):
                    assert worker not in self.alive()
                    self.starting.add(worker)
                    assert len(self.alive()) <= self.most
                case Hand(worker, invocation):
                    self.idle.remove(worker)
                    self.busy[worker] = invocation
                case Kill(worker):
                    assert worker in self.alive()
                    self.dying.add(worker)
                case Fail(invocation):
                    self.done.append(invocation)
                case LookLater():
                    assert not self.looking
                    self.looking = True

    def alive(self) -> set[int]:
        return self.starting | self.idle | set(self.busy)

    def end(self, worker: int) -> None:
        failed = worker in self.starting
        self.starting.discard(worker)
        self.idle.discard(worker)
        self.dying.discard(worker)
        if worker in self.busy:
            self.done.append(self.busy.pop(worker))
        self.do(self.machine.ended(worker, failed=failed))

    def become_ready(self, worker: int) -> None:
        self.starting.discard(worker)
        if worker in self.busy:
            self.done.append(self.busy.pop(worker))
        self.idle.add(worker)
        self.do(self.machine.ready(worker))

    def step(self) -> None:
        choice = self.chance.random()
        alive = sorted(self.alive())
        if choice < 0.4:
            self.asked += 1
            self.do(self.machine.asked(self.asked))
        elif choice < 0.8 and (able := [each for each in alive if each not in self.idle]):
            self.become_ready(self.chance.choice(able))
        elif choice < 0.9 and alive:
            self.end(self.chance.choice(alive))
        elif choice < 0.93:
            self.do(self.machine.changed())
        elif choice < 0.95 and not self.starting:
            self.dying |= self.alive()
            self.do(self.machine.killed())
        elif self.looking:
            self.looking = False
            self.do(self.machine.looked(enough=self.chance.random() < 0.5))

    def settle(self) -> None:
        """Every process does what it must: the machine has to bring all to an end."""
        for _ in range(10_000):
            if dying := sorted(self.dying & self.alive()):
                self.end(dying[0])
            elif able := sorted(self.starting | set(self.busy)):
                self.become_ready(able[0])
            elif self.looking:
                self.looking = False
                self.do(self.machine.looked(enough=True))
            else:
                break


@pytest.mark.parametrize("seed", range(300))
def test_nobody_waits_for_ever_whatever_happens(seed: int) -> None:
    driver = Driver(seed)
    for _ in range(200):
        driver.step()
    driver.settle()

    assert sorted(driver.done) == list(range(1, driver.asked + 1))
