from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running_gateway import RunningGateway, running_gateway

ECHO_APP = Path(__file__).parent / "echo_app"


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    """The echo application, served."""
    static = tmp_path_factory.mktemp("static")
    (static / "page.html").write_text("<p>a page")
    with running_gateway(
        ECHO_APP / "template.yaml",
        *("--path", "/ws/{who}/{room}"),
        *("--static", str(static)),
        *("--parameter-overrides", "Greeting=salam"),
        *("--max-workers", "4"),
    ) as gateway:
        yield gateway
