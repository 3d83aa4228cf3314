"""Asking for many sockets (GetConnection): ours beside boto3, one by one and in threads.

    python -m benchmarks.looking [--looks 20000]

The target is that of ``benchmarks.fan_out``, which see.
"""

import argparse

from benchmarks.fan_out import Contender, boto3_client, compare, in_threads, management_api, target
from hadir.connections.sockets import Sockets
from hadir.domain.sockets import State

THREADS = 16


def by_sockets(endpoint: str) -> Contender:
    sockets = Sockets(management_api(endpoint))

    def look(connection_ids: list[str]) -> None:
        seen = sockets.look(connection_ids, 600)
        assert all(each.state is State.OPEN and each.last_active_ms for each in seen.values())

    return look


def by_boto3(endpoint: str, threads: int) -> Contender:
    client = boto3_client(endpoint, threads)
    return in_threads(lambda to: client.get_connection(ConnectionId=to), threads)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--looks", type=int, default=20_000, help="by ours; boto3 a tenth")
    looks = parser.parse_args().looks

    with target() as endpoint:
        compare(
            "looks",
            [
                ("boto3, one by one", by_boto3(endpoint, 1), looks // 10),
                (f"boto3, {THREADS} threads", by_boto3(endpoint, THREADS), looks // 10),
                ("ours (awscrt)", by_sockets(endpoint), looks),
            ],
        )


if __name__ == "__main__":
    main()
