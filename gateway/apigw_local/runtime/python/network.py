"""Leads connections to AWS's host names of the template's APIs to the gateway.

Python's clients resolve names by ``socket.getaddrinfo``, whose answers have the port too, or leave
it to ``connect``. What resolves them elsewhere, a client in C or another program, is not led. Calls
to other AWS services are reported, or refused.
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
    hosts: Mapping[str, Sequence[Any]],
    *,
    offline: bool,
    api: Sequence[Any] | None = None,
    say: Callable[[str], object] = lambda text: print(text, file=sys.stderr, flush=True),  # noqa: T201
) -> Callable[[], None]:
    """From now on resolve these names to the addresses and ports given.

    Args:
        hosts: for each name in small letters, an address and a port.
        offline: other names of AWS's raise ``Offline``, but those that a variable
            ``AWS_ENDPOINT_URL…`` names.
        api: where other APIs' names lead then: a project that has one in its code means its own.
        say: called once for each name of AWS's that is not in ``hosts``.

    Returns:
        what ends it.
    """
    resolve, connect, connect_ex = socket.getaddrinfo, _Socket.connect, _Socket.connect_ex
    told: set[str] = set()

    def lead(host: Any, port: Any) -> tuple[Any, Any]:
        name = host.decode(errors="replace") if isinstance(host, bytes) else str(host)
        name = name.lower().removesuffix(".")
        if name in hosts:
            return hosts[name][0], hosts[name][1]
        if AWS.fullmatch(name) and name not in _chosen():
            led_anyway = api if offline and API.fullmatch(name) else None
            if name not in told:
                told.add(name)
                kind = "api" if led_anyway else "aws"
                say(f"apigw-local: {kind} {name}")
            if led_anyway:
                return led_anyway[0], led_anyway[1]
            if offline:
                raise Offline(f"apigw-local: {name} is not called: --offline")
        return host, port

    def led(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        return resolve(*lead(host, port), *args, **kwargs)

    def led_address(address: Any) -> Any:
        is_named = isinstance(address, tuple) and len(address) > 1
        return (*lead(*address[:2]), *address[2:]) if is_named else address

    def end() -> None:
        if socket.getaddrinfo is led:
            socket.getaddrinfo = resolve
            _Socket.connect, _Socket.connect_ex = connect, connect_ex

    socket.getaddrinfo = led
    _Socket.connect = lambda self, address: connect(self, led_address(address))
    _Socket.connect_ex = lambda self, address: connect_ex(self, led_address(address))
    return end


_Socket: Any = socket.socket


def _chosen() -> set[str]:
    """The hosts of endpoints that were given."""
    given = [url for name, url in os.environ.items() if name.startswith("AWS_ENDPOINT_URL")]
    return {urlsplit(url).hostname or "" for url in given}
