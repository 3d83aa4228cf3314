"""Whether a sweep gets through 100,000 leases that ran out together, and what a change made of it.

    python -m benchmarks.sweeping [--against COMMIT] [--leases 100000] [--gone 5000]

Leases of sockets that are there, in sessions of two whose clients send no heartbeats; then of
sockets that are gone. The handler of the sweep is called with all the time it wants, on a Redis of
its own. API Gateway is a stand-in in another process, which says of each socket after 15 ms whether
it is there, and accepts what is posted; by HTTP without TLS, which would take some more.

"processor" is that of the sweep's process, all its threads; "Redis" that of Redis's main thread.
The last columns are for 100,000 such leases: the time by the clock, here, with all else that this
machine does; then how long their processor time takes at a Lambda function's share of a processor
by its memory ("Configure Lambda function memory"). Answers are awaited while others are seen to, so
the longer of the two is what a sweep takes. How fast Lambda's processors are beside this one is not
known. With --against, as in ``benchmarks.crowd``: what is here divided by what was there.
"""

import argparse
import tempfile
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from benchmarks.crowd_platform import GONE, standing_in
from benchmarks.crowd_side import environment
from benchmarks.side_by_side import Process, at_least, carry_out, checked_out, machine, progress
from benchmarks.sweeping_side import THERE, Sample, SweepingSide
from local.embedded_redis import embedded_redis

ANSWERING_SECONDS = 0.015
MANY = 100_000
WHOLE_PROCESSOR_MB = 1769
SIZES = (512, 1024, WHOLE_PROCESSOR_MB)
WARM_UP = 200


def measure(arguments: argparse.Namespace) -> None:
    """Print what each side takes, that of the other commit first.

    Raises:
        Failed: a side could not be measured.
    """
    with ExitStack() as stack:
        checkouts = stack.enter_context(checked_out(arguments.against))
        logs = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hadir-sweeping-")))
        port = stack.enter_context(standing_in(ANSWERING_SECONDS))
        sides = []
        for name, checkout in checkouts.items():
            variables = {
                **environment(stack.enter_context(embedded_redis()), port),
                "MESSAGE_FUNCTION": "default",
            }
            side = Process(name, partial(SweepingSide, checkout), variables, logs / name)
            stack.callback(side.stop)
            sides.append(side)
        print(f"{machine()}, {sides[0].ask('server')}")
        columns = "".join(f"{size:>7} MB" for size in SIZES)
        print(f"\n{'':12}{'processor':>10}{'Redis':>10}   {MANY:,}: {'clock':>6}{columns}")
        for kind, leases in ((THERE, arguments.leases), (GONE, arguments.gone)):
            print(f"{leases:,} leases, sockets {kind}", flush=True)
            samples: list[Sample] = []
            for side in sides:
                progress(f"{side.name}: {leases:,} leases")
                side.ask("measure", kind, WARM_UP)
                samples.append(side.ask("measure", kind, leases))
                progress("")
                print(f"  {side.name:10}{row(samples[-1], leases)}", flush=True)
            if len(samples) > 1:
                print(f"  {'ratio':10}{ratios(samples[1], samples[0])}", flush=True)


def row(sample: Sample, leases: int) -> str:
    seconds = [sample.processor_s * WHOLE_PROCESSOR_MB / size for size in SIZES]
    shares = "".join(f"{each * MANY / leases:8.0f} s" for each in seconds)
    return (
        f"{sample.processor_s / leases * 1e6:7,.0f} µs{sample.redis_s / leases * 1e6:7,.0f} µs"
        f"{sample.seconds * MANY / leases:17.0f} s{shares}"
    )


def ratios(here: Sample, there: Sample) -> str:
    return (
        f"{here.processor_s / there.processor_s:10.2f}{here.redis_s / there.redis_s:10.2f}"
        f"{here.seconds / there.seconds:19.2f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.sweeping",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    count = partial(at_least, 2)
    parser.add_argument("--against", metavar="COMMIT", help="measure that commit too, beside it")
    parser.add_argument("--leases", type=count, default=MANY, help="of sockets there; 100,000")
    parser.add_argument("--gone", type=count, default=5000, help="of sockets gone; 5,000")
    arguments = parser.parse_args()
    carry_out("sweeping", partial(measure, arguments))


if __name__ == "__main__":
    main()
