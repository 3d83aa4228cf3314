"""Posting one frame to many sockets: the poster beside boto3, one by one and in threads.

    python -m benchmarks.fan_out [--posts 20000] [--body 400]

The target is a bare HTTP server in a process of its own that answers 200 to everything; where there
are two cores, it is pinned to one and the poster to the other. One run, all contenders; read the
ratios, not the figures. The second ratio is of processor time, the C runtime's thread included.
"""

import argparse
import asyncio
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import boto3
from awscrt.auth import AwsCredentialsProvider
from botocore.config import Config

from hadir.connections.management import ManagementApi
from hadir.connections.poster import Poster
from hadir.domain.delivery import Outcome

if TYPE_CHECKING:
    from mypy_boto3_apigatewaymanagementapi import ApiGatewayManagementApiClient

THREADS = 32
Contender = Callable[[list[str]], None]
OK = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s"
POSTED = OK % (0, b"")
SEEN = b"""{"connectedAt": "2026-11-23T07:00:00Z", "identity": {"sourceIp": "192.0.2.1"},
 "lastActiveAt": "2026-11-23T07:03:07Z"}"""
LOOKED_AT = OK % (len(SEEN), SEEN)


class Target(asyncio.Protocol):
    """Reads requests by their content-length, answers each at once."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.buffer = b""

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while True:
            head, separator, rest = self.buffer.partition(b"\r\n\r\n")
            if not separator:
                return
            _, _, length = head.lower().partition(b"content-length: ")
            size = int(length.partition(b"\r\n")[0] or 0)
            if len(rest) < size:
                return
            self.buffer = rest[size:]
            self.transport.write(LOOKED_AT if head.startswith(b"GET") else POSTED)


def serve(port: "multiprocessing.Queue[int]") -> None:
    pin(0)

    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(Target, "127.0.0.1", 0)
        port.put(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


def pin(core: int) -> None:
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) > 1:
        os.sched_setaffinity(0, {cores[core]})


def management_api(endpoint: str) -> ManagementApi:
    credentials = AwsCredentialsProvider.new_static("AKIDEXAMPLE", "secret", "a token")
    return ManagementApi(endpoint, "eu-west-1", credentials)


def boto3_client(endpoint: str, threads: int) -> "ApiGatewayManagementApiClient":
    return boto3.client(
        "apigatewaymanagementapi",
        endpoint_url=endpoint,
        region_name="eu-west-1",
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key="secret",
        aws_session_token="a token",
        config=Config(max_pool_connections=threads),
    )


def by_poster(endpoint: str, body: bytes) -> Contender:
    poster = Poster(management_api(endpoint))

    def post(to: list[str]) -> None:
        deliveries = poster.post({connection_id: [body] for connection_id in to}, 600)
        assert all(made.outcome is Outcome.DELIVERED for made in deliveries.values())

    return post


def by_boto3(endpoint: str, body: bytes, threads: int) -> Contender:
    client = boto3_client(endpoint, threads)
    return in_threads(lambda to: client.post_to_connection(ConnectionId=to, Data=body), threads)


def in_threads(call: Callable[[str], object], threads: int) -> Contender:
    def all_of(connection_ids: list[str]) -> None:
        if threads == 1:
            for connection_id in connection_ids:
                call(connection_id)
        else:
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(call, connection_ids))

    return all_of


@contextmanager
def target() -> Iterator[str]:
    """Its endpoint; whoever asks is pinned to the other core."""
    port: multiprocessing.Queue[int] = multiprocessing.Queue()
    process = multiprocessing.Process(target=serve, args=(port,), daemon=True)
    process.start()
    pin(1)
    yield f"http://127.0.0.1:{port.get()}/live"
    process.terminate()


def compare(what: str, contenders: list[tuple[str, Contender, int]]) -> None:
    """Print how fast each does so many calls, beside the first."""
    firsts: tuple[float, float] | None = None
    for name, contender, count in contenders:
        to = [f"ejHAm_{number:06}C8w=" for number in range(count)]
        contender(to[:200])  # connections and caches
        started, began = time.perf_counter(), time.process_time()
        contender(to)
        rate = count / (time.perf_counter() - started)
        spent = (time.process_time() - began) / count
        firsts = firsts or (rate, spent)
        print(
            f"{name:20} {rate:8,.0f} {what}/s {rate / firsts[0]:5.1f} x"
            f"   {spent * 1e6:5,.0f} µs of processor {spent / firsts[1]:5.2f} x",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--posts", type=int, default=20_000, help="by the poster; boto3 a tenth")
    parser.add_argument("--body", type=int, default=400, help="bytes")
    arguments = parser.parse_args()

    body, posts = b"x" * arguments.body, arguments.posts
    with target() as endpoint:
        compare(
            "posts",
            [
                ("boto3, one by one", by_boto3(endpoint, body, 1), posts // 10),
                (f"boto3, {THREADS} threads", by_boto3(endpoint, body, THREADS), posts // 10),
                ("poster (awscrt)", by_poster(endpoint, body), posts),
            ],
        )


if __name__ == "__main__":
    main()
