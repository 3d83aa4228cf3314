"""How much memory, and so how much processor, to give the functions.

    python -m benchmarks.memory [--cycles 300]

Lambda gives a function a share of a processor by its memory: a whole one at 1,769 MB ("Configure
Lambda function memory"). So one run here, which measures what each function takes of a processor
and how long it waits, says how long it takes at each size, and what that costs. Waiting on AWS is
longer: each post is a TLS round trip. Bursts shorter than a scheduling period run faster than this
says.
"""

import argparse
import json
import re
import statistics
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path

import psutil
from websockets.sync.client import ClientConnection

from apigw_local.testing import LocalGateway
from benchmarks.cost import price
from local.embedded_redis import embedded_redis
from tests.conftest import OPEN
from tests.running_gateway import ROOT

WHOLE_PROCESSOR_MB = 1769
SIZES = (128, 256, 512, 1024, 1769)
FUNCTIONS = ("authorize", "connect", "announce", "disconnect", "default")


@dataclass(frozen=True)
class Need:
    """What a function needs: processor to start and to handle an event, waiting, and memory.

    Attributes:
        start_ms, each_ms: of a whole processor.
        wait_ms: of each event's duration, with everything on this machine.
        peak_mb: resident.
    """

    start_ms: float
    each_ms: float
    wait_ms: float
    peak_mb: float

    def started_in(self, memory_mb: int) -> float:
        """Milliseconds."""
        return self.start_ms / min(memory_mb / WHOLE_PROCESSOR_MB, 1)

    def takes(self, memory_mb: int) -> float:
        """Milliseconds."""
        return self.each_ms / min(memory_mb / WHOLE_PROCESSOR_MB, 1) + self.wait_ms


def measure(cycles: int) -> dict[str, Need]:
    """Join, beat and leave so often; what each function took."""
    parameters = {**OPEN, "MessagesPerSecond": "1000"}
    with embedded_redis() as url:
        gateway = LocalGateway(
            ROOT / "template.yaml",
            parameters={"RedisUrl": url, **parameters},
            region="eu-west-1",
            most_workers=1,
        )
        with gateway:
            cycle(gateway)
            processes = workers()
            before = {name: used(process) for name, process in processes.items()}
            for done in range(cycles):
                if sys.stderr.isatty():
                    print(f"\r{done}/{cycles}", end="", file=sys.stderr)
                cycle(gateway)
            after = {name: used(process) for name, process in processes.items()}
            peaks = {name: process.memory_info().rss / 1e6 for name, process in processes.items()}
            output = gateway.output
    needs = {}
    for name in FUNCTIONS:
        durations = [
            float(found)
            for found in re.findall(
                rf"{name.capitalize()}Function +REPORT.* Duration: ([\d.]+) ms", output
            )
        ]
        each = (after[name] - before[name]) / len(durations)
        wait = max(statistics.mean(durations) - each, 0)
        needs[name] = Need(before[name], each, wait, peaks[name])
    return needs


def cycle(gateway: LocalGateway) -> None:
    """A person joins, beats and leaves."""
    session = uuid.uuid4().hex
    with gateway.connect(session_id=session, user_id="u1", user_type="customer") as socket:
        expect(socket, "connection_status_update")
        socket.send('{"action":"heartbeat"}')
        expect(socket, "heartbeat_ack")


def expect(socket: ClientConnection, kind: str) -> None:
    """Read the next frame, which must be of that type."""
    frame = json.loads(socket.recv(timeout=10))
    assert frame["type"] == kind, frame


def workers() -> dict[str, psutil.Process]:
    """The process of each function, by its folder's name."""
    children = psutil.Process().children(recursive=True)
    return {
        Path(child.cwd()).name: child
        for child in children
        if Path(child.cwd()).parent == ROOT / "functions"
    }


def used(process: psutil.Process) -> float:
    """Milliseconds of processor since it began."""
    times = process.cpu_times()
    return (times.user + times.system) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.memory",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--cycles", type=int, default=300, help="joins and leaves; 300")
    needs = measure(parser.parse_args().cycles)
    print("\nmeasured here, ms of a processor          to start     each     waits   peak MB")
    for name, need in needs.items():
        figures = (
            f"{need.start_ms:8.0f} {need.each_ms:8.2f} {need.wait_ms:9.2f} {need.peak_mb:9.0f}"
        )
        print(f"  {name:40}{figures}")
    print("\nby memory      " + "".join(f"{size:>9} MB" for size in SIZES))
    for name, need in needs.items():
        print(f"  {name:11}  " + "".join(f"{need.takes(size):9.1f} ms" for size in SIZES))
    both = ("authorize", "connect")
    cold = [sum(needs[name].started_in(size) for name in both) for size in SIZES]
    print("  cold join    " + "".join(f"{ms:9.0f} ms" for ms in cold))
    costs = [
        price("lambda_gb_seconds", sum(n.takes(size) for n in needs.values()) * 1e3 * size / 1024)
        for size in SIZES
    ]
    print("  $ a million  " + "".join(f"{cost:12.2f}" for cost in costs))
    print("  ratio to 512 " + "".join(f"{cost / costs[2]:12.2f}" for cost in costs))


if __name__ == "__main__":
    main()
