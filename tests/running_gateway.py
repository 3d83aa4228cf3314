"""Hadir's gateway in a process of its own, as a developer starts it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.tests.running_gateway import (
    AnyGateway,
    RunningGateway,
    free_ports,
    free_row,
    ready,
    running_gateway,
    start_gateway,
    start_module,
)

__all__ = [
    "ROOT",
    "AnyGateway",
    "RunningGateway",
    "free_ports",
    "free_row",
    "running_gateway",
    "running_on_sam",
    "start_gateway",
]

ROOT = Path(__file__).parent.parent


@contextmanager
def running_on_sam(host: str, redis_url: str) -> Iterator[RunningGateway]:
    """Hadir as ``make sam-local`` starts it."""
    ws_port, http_port, lambda_port, admin_port = free_ports(4)
    ports = {"ws": ws_port, "http": http_port, "lambda": lambda_port, "admin": admin_port}
    given = [text for name, port in ports.items() for text in (f"--{name}-port", str(port))]
    process = start_module("local", ["--sam", *given], {"REDIS_URL": redis_url})
    with ready(RunningGateway(process, ws_port, http_port, lambda_port, host)) as gateway:
        yield gateway
