"""What a session costs by how many are in it, and what a change has made of that.

    python -m benchmarks.crowd [--against COMMIT] [--people 2 100 1000] [--rounds 5]

A heartbeat; a join, which is connect and announce; a leave, which is disconnect; a message of 20
characters; a sync from 50 events behind, all of them joins and leaves. The handlers are called with
events as API Gateway sends them, on a Redis of their own; API Gateway and Lambda are a stand-in in
another process, which accepts everything and counts. So any commit can be measured that has the
same handlers.

With --against, that commit is checked out into a temporary folder and measured too, with the
libraries of this one, in turns with it. Read the ratios, not the figures: what is here divided by
what was there, so under 1 is cheaper now. Bytes and posts hardly differ from run to run; a
commit's times against its own were within a sixth of 1, beside other work on two cores. Each figure
is a median. "processor" is that of the handlers' process, "Redis" that of Redis's main thread; both
without waiting.
"""

import argparse
import statistics
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from benchmarks.crowd_platform import standing_in
from benchmarks.crowd_side import Sample, Side, environment
from benchmarks.side_by_side import Process, at_least, carry_out, checked_out, machine, progress
from local.embedded_redis import embedded_redis

ACTIONS = ("heartbeat", "join", "leave", "message", "sync")
METRICS = (
    ("processor, ms", "processor_ms", 1),
    ("Redis, ms", "redis_ms", 1),
    ("out of Redis, kB", "redis_bytes", 1000),
    ("posts", "posts", 1),
    ("posted, kB", "posted_bytes", 1000),
)

Samples = dict[str, dict[tuple[int, str], list[Sample]]]
"""By the side's name, then by people and action."""


def measure(arguments: argparse.Namespace) -> tuple[Samples, str]:
    """The samples of each side, that of the other commit first, and what they were taken on.

    Raises:
        Failed: a side could not be measured.
    """
    with ExitStack() as stack:
        checkouts = stack.enter_context(checked_out(arguments.against))
        logs = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hadir-crowd-")))
        port = stack.enter_context(standing_in())
        sides = []
        for name, checkout in checkouts.items():
            url = stack.enter_context(embedded_redis())
            variables = {**environment(url, port), **dict(arguments.env)}
            side = Process(name, partial(Side, checkout, port), variables, logs / name)
            stack.callback(side.stop)
            sides.append(side)
        samples = take_turns(sides, arguments.people, arguments.rounds)
        return samples, f"{machine()}, {sides[0].ask('server')}"


def take_turns(sides: Sequence[Process], sizes: Sequence[int], rounds: int) -> Samples:
    """Measure the sides in turns, so that what else the machine does is as dear to both."""
    samples: Samples = {side.name: {} for side in sides}
    for people in sizes:
        for side in sides:
            progress(f"{side.name}: filling a session of {people}")
            side.ask("prepare", people)
    for done in range(rounds):
        for people in sizes:
            progress(f"round {done + 1} of {rounds}, {people} people")
            for time in range(times(people)):
                for side in sides if (done + time) % 2 else reversed(sides):
                    for action, cost in side.ask("measure", people).items():
                        samples[side.name].setdefault((people, action), []).append(cost)
    progress("")
    return samples


def times(people: int) -> int:
    """How often a round does everything."""
    return max(1, min(20, 2000 // people))


def table(samples: Samples, sizes: Sequence[int]) -> str:
    """A block for each metric, a row for each action; with two sides their ratio too."""
    compared = len(samples) > 1
    people = [f"{people:,} people" for people in sizes]
    lines = [f"{'':12}" + "".join(f"{each:>{27 if compared else 14}}" for each in people)]
    if compared:
        names = "".join(f"{name:>10}" for name in samples)
        lines.append(f"{'':12}" + f"{names}  ratio" * len(sizes))
    for title, metric, unit in METRICS:
        lines.append(title)
        for action in ACTIONS:
            cells = ""
            for size in sizes:
                figures = [
                    statistics.median(getattr(each, metric) for each in costs[size, action]) / unit
                    for costs in samples.values()
                ]
                width = 10 if compared else 14
                cells += "".join(f"{written(figure):>{width}}" for figure in figures)
                if compared:
                    there, here = figures
                    cells += f"{here / there:7.2f}" if there > 0 else f"{'-':>7}"
            lines.append(f"  {action:10}{cells}")
    return "\n".join(lines)


def written(figure: float) -> str:
    """Three digits or more; whole numbers, as those of posts, as they are."""
    if figure == round(figure) or figure >= 100:
        return f"{figure:,.0f}"
    return f"{figure:.2f}" if figure < 10 else f"{figure:.1f}"


def variable(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError("must be NAME=VALUE")
    return name, value


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.crowd",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--against", metavar="COMMIT", help="measure that commit too, in turns")
    parser.add_argument(
        "--people",
        type=partial(at_least, 2),
        nargs="+",
        default=[2, 100, 1000],
        help="in a session; 2, 100 and 1,000",
    )
    parser.add_argument(
        "--rounds",
        type=partial(at_least, 1),
        default=5,
        help="5; in each, everything is done 20 times, with more than 100 people fewer",
    )
    parser.add_argument(
        "--env",
        type=variable,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="for the handlers; for a limit that is not lifted here",
    )
    arguments = parser.parse_args()
    samples, where = carry_out("crowd", partial(measure, arguments))
    counts = ", ".join(str(arguments.rounds * times(people)) for people in arguments.people)
    print(f"{where}; medians of {counts}\n")
    print(table(samples, arguments.people))


if __name__ == "__main__":
    main()
