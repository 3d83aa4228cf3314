"""Posting one frame to many sockets: the poster beside boto3, one by one and in threads.

    python -m benchmarks.fan_out [--posts 20000] [--body 400]

The target is a bare HTTP server in a process of its own that answers 200 to everything; where there
are two cores, it is pinned to one and the poster to the other. One run, all contenders; read the
ratios, not the figures.
"""

import argparse
import asyncio
import multiprocessing
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import boto3
from awscrt.auth import AwsCredentialsProvider
from botocore.config import Config

from hadir.connections.poster import Poster
from hadir.domain.delivery import Outcome

THREADS = 32
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


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
            size = int(length.partition(b"\r\n")[0])
            if len(rest) < size:
                return
            self.buffer = rest[size:]
            self.transport.write(OK)


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


def by_poster(endpoint: str) -> Callable[[list[str], bytes], None]:
    credentials = AwsCredentialsProvider.new_static("AKIDEXAMPLE", "secret", "a token")
    poster = Poster(endpoint, "eu-west-1", credentials)

    def post(to: list[str], body: bytes) -> None:
        deliveries = poster.post({connection_id: [body] for connection_id in to}, 600)
        assert all(made.outcome is Outcome.DELIVERED for made in deliveries.values())

    return post


def by_boto3(endpoint: str, threads: int) -> Callable[[list[str], bytes], None]:
    client = boto3.client(
        "apigatewaymanagementapi",
        endpoint_url=endpoint,
        region_name="eu-west-1",
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key="secret",
        aws_session_token="a token",
        config=Config(max_pool_connections=threads),
    )

    def post(to: list[str], body: bytes) -> None:
        def one(connection_id: str) -> None:
            client.post_to_connection(ConnectionId=connection_id, Data=body)

        if threads == 1:
            for connection_id in to:
                one(connection_id)
        else:
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(one, to))

    return post


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--posts", type=int, default=20_000, help="by the poster; boto3 a tenth")
    parser.add_argument("--body", type=int, default=400, help="bytes")
    arguments = parser.parse_args()

    port: multiprocessing.Queue[int] = multiprocessing.Queue()
    target = multiprocessing.Process(target=serve, args=(port,), daemon=True)
    target.start()
    endpoint = f"http://127.0.0.1:{port.get()}/live"
    pin(1)
    body = b"x" * arguments.body
    rates = {}
    for name, contender, share in (
        ("boto3, one by one", by_boto3(endpoint, 1), 10),
        (f"boto3, {THREADS} threads", by_boto3(endpoint, THREADS), 10),
        ("poster (awscrt)", by_poster(endpoint), 1),
    ):
        to = [f"ejHAm_{number:06}C8w=" for number in range(arguments.posts // share)]
        contender(to[:200], body)  # connections and caches
        started = time.perf_counter()
        contender(to, body)
        rates[name] = len(to) / (time.perf_counter() - started)
        ratio = rates[name] / rates["boto3, one by one"]
        print(f"{name:20} {rates[name]:8,.0f} posts/s   {ratio:5.1f} x", flush=True)
    target.terminate()


if __name__ == "__main__":
    main()
