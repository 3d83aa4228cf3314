"""Fixtures for projects with a WebSocket API.

A test of one:

    def test_everyone_hears(start_gateway):
        gateway = start_gateway("template.yaml")
        with gateway.connect(room="lobby") as anna, gateway.connect(room="lobby") as ben:
            anna.send('{"action": "say", "text": "hi"}')
            assert "hi" in ben.recv(timeout=5)

Where a test fails, pytest shows what the gateway logged meanwhile.

pytest loads this module wherever the package is installed, also where no test needs it. So the
gateway is imported only once a test asks for one, and the hooks are of the kind that old versions
of pytest know too.
"""

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pluggy import Result

    from apigw_local.testing import LocalGateway

StartGateway = Callable[..., "LocalGateway"]

_NAME = "apigw-local-gateways"


@pytest.fixture(scope="session")
def start_gateway(request: "pytest.FixtureRequest") -> Iterator[StartGateway]:
    """Starts a gateway: ``start_gateway(template, parameters=…, env_vars=…, **options)``.

    Asked for the same again it gives the same gateway, until the session ends; its records and
    events begin anew with each test, and its faults end with each. Of gateways that are
    ``in_process`` only one can run: the next one asked for stops it. A template's path is relative
    to the root of the tests (pytest's ``rootdir``). What cannot be served fails the test.
    """
    from apigw_local.errors import GatewayError  # noqa: PLC0415 (see above)
    from apigw_local.testing import LocalGateway  # noqa: PLC0415

    running: list[tuple[object, LocalGateway]] = []
    gateways = request.config.pluginmanager.get_plugin(_NAME)
    assert isinstance(gateways, _Gateways)
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
            gateways.running.append(gateway)
            return gateway

        yield start


class _Gateways:
    """Those that have been started, and what is to be done with them at each test."""

    def __init__(self) -> None:
        self.running: list[LocalGateway] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self) -> None:
        """What earlier tests have seen and disturbed is not this one's."""
        for gateway in self.running:
            gateway.reset_faults()
            gateway.forget()

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self) -> "Generator[None, Result[pytest.TestReport], None]":
        """Show what the gateways logged during a test that fails."""
        report = (yield).get_result()
        if report.failed:
            for gateway in self.running:
                if gateway.output:
                    report.sections.append((f"apigw-local {gateway.template}", gateway.output))


def pytest_configure(config: "pytest.Config") -> None:
    """Have the hooks called, with a list of gateways of this session's own."""
    config.pluginmanager.register(_Gateways(), _NAME)
