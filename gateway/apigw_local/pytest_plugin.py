"""Fixtures for projects with a WebSocket API.

A test of one:

    def test_everyone_hears(start_gateway):
        gateway = start_gateway("template.yaml")
        with gateway.connect(room="lobby") as anna, gateway.connect(room="lobby") as ben:
            anna.send('{"action": "say", "text": "hi"}')
            assert "hi" in ben.recv(timeout=5)

Where a test fails, pytest shows what the gateway logged meanwhile.
"""

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from apigw_local.errors import GatewayError
from apigw_local.testing import LocalGateway

StartGateway = Callable[..., LocalGateway]

_running = pytest.StashKey[list[LocalGateway]]()


@pytest.fixture(scope="session")
def start_gateway(request: pytest.FixtureRequest) -> Iterator[StartGateway]:
    """Starts a gateway: ``start_gateway(template, parameters=…, env_vars=…, **options)``.

    Asked for the same again it gives the same gateway, until the session ends. Of those that are
    ``in_process`` only one can run: the next one asked for stops it. A template's path is relative
    to the root of the tests (pytest's ``rootdir``). What cannot be served fails the test.
    """
    running: list[tuple[object, LocalGateway]] = []
    gateways = request.config.stash.setdefault(_running, [])
    with ExitStack() as stack, ExitStack() as alone:

        def start(template: str | Path, **options: Any) -> LocalGateway:
            path = request.config.rootpath / template
            for asked, gateway in running:
                if asked == (path, options):
                    return gateway
            if options.get("in_process"):
                alone.close()
            try:
                gateway = LocalGateway(path, **options)
                (alone if options.get("in_process") else stack).enter_context(gateway)
            except GatewayError as error:
                pytest.fail(str(error), pytrace=False)
            if options.get("in_process"):
                alone.callback(running.remove, ((path, options), gateway))
            running.append(((path, options), gateway))
            gateways.append(gateway)
            return gateway

        yield start


_at = pytest.StashKey[dict[int, int]]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Remember where each gateway's log is when a test begins; in its end, undo its faults."""
    gateways = item.config.stash.get(_running, [])
    item.stash[_at] = {id(gateway): len(gateway.output) for gateway in gateways}
    try:
        return (yield)
    finally:
        for gateway in item.config.stash.get(_running, []):
            gateway.reset_faults()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what the gateways logged during a test that fails."""
    report = yield
    if report.failed:
        for gateway in item.config.stash.get(_running, []):
            text = gateway.output[item.stash[_at].get(id(gateway), 0) :]
            if text:
                report.sections.append((f"apigw-local {gateway.template}", text))
    return report
