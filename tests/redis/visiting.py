"""Visits every state that a world can get into, on real Redis."""

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any, Protocol, TypeVar

S = TypeVar("S")
Budget = dict[str, Any]
"""What may happen in a run, and how often."""


class World(Protocol[S]):
    """What takes the steps."""

    def enter(self, state: S) -> None:
        """Make Redis hold what it holds in that state."""

    def steps(self, state: S) -> list[tuple[str, str]]:
        """What could happen next, and to whom."""

    def take(self, state: S, what: str, whom: str) -> S:
        """Let it happen."""

    def look(self, state: S) -> tuple[S, Any]:
        """The state with what Redis holds, checked, and a hashable value that is its own."""


def visit_all(world: World[S], first: S) -> tuple[int, int]:
    """Take every step from every state; how many states there are, and steps between them."""
    state, mark = world.look(first)
    todo, visited, steps = [state], {mark}, 0
    while todo:
        state = todo.pop()
        for what, whom in world.steps(state):
            world.enter(state)
            after, mark = world.look(world.take(state, what, whom))
            steps += 1
            if mark not in visited:
                visited.add(mark)
                todo.append(after)
    return len(visited), steps


def visit_side_by_side(
    explore: Callable[[Budget], tuple[int, int]], budgets: Sequence[Budget], least: int
) -> None:
    """Let each run have a process of its own; none may find fewer states than ``least``."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(len(budgets), mp_context=context) as pool:
        for budget, (states, steps) in zip(budgets, pool.map(explore, budgets), strict=True):
            print(f"\n{budget}: {states:,} states, {steps:,} steps between them")
            assert states > least
