"""Leads connections to AWS's host names of the template's APIs to the gateway.

Python's clients all resolve names by ``socket.getaddrinfo``, whose answers have the port too. What
resolves them elsewhere, a client in C or another program, is not led. Calls to other AWS services
are reported, or refused.
"""

import os
import re
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

AWS = re.compile(r"(.+\.)?(amazonaws\.com(\.cn)?|api\.aws|on\.aws)")
API = re.compile(r"[a-z0-9]+\.execute-api\.[a-z0-9-]+\.amazonaws\.com(\.cn)?")


class Offline(RuntimeError):
    """A call to AWS that is refused. No ``OSError``: clients would try those again."""


def lead_hosts(
    hosts: Mapping[str, Sequence[Any]], *, offline: bool, api: Sequence[Any] | None = None
) -> Callable[[], None]:
    """From now on resolve these names to the addresses and ports given.

    Args:
        hosts: for each name in small letters, an address and a port.
        offline: other names of AWS's raise ``Offline``, but those that a variable
            ``AWS_ENDPOINT_URL…`` names.
        api: where other APIs' names lead then: a project that has one in its code means its own.

    Returns:
        what ends it.
    """
    resolve = socket.getaddrinfo
    told: set[str] = set()

    def led(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        name = (host.decode(errors="replace") if isinstance(host, bytes) else str(host)).lower()
        if name in hosts:
            address, port = hosts[name]
            return resolve(address, port, *args, **kwargs)
        if AWS.fullmatch(name) and name not in _chosen():
            led_anyway = api if offline and API.fullmatch(name) else None
            if name not in told:
                told.add(name)
                kind = "api" if led_anyway else "aws"
                print(f"apigw-local: {kind} {name}", file=sys.stderr, flush=True)  # noqa: T201
            if led_anyway:
                address, port = led_anyway
                return resolve(address, port, *args, **kwargs)
            if offline:
                raise Offline(f"apigw-local: {name} is not called: --offline")
        return resolve(host, port, *args, **kwargs)

    def end() -> None:
        if socket.getaddrinfo is led:
            socket.getaddrinfo = resolve

    socket.getaddrinfo = led
    return end


def _chosen() -> set[str]:
    """The hosts of endpoints that were given."""
    given = [url for name, url in os.environ.items() if name.startswith("AWS_ENDPOINT_URL")]
    return {urlsplit(url).hostname or "" for url in given}
