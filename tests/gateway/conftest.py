from pathlib import Path

import pytest

from apigw_local.pytest_plugin import StartGateway
from apigw_local.testing import LocalGateway

ECHO_APP = Path(__file__).parent / "echo_app"


@pytest.fixture(scope="session")
def gateway(start_gateway: StartGateway, tmp_path_factory: pytest.TempPathFactory) -> LocalGateway:
    """The echo application, served."""
    static = tmp_path_factory.mktemp("static")
    (static / "page.html").write_text("<p>a page")
    return start_gateway(
        ECHO_APP / "template.yaml",
        parameters={"Greeting": "salam"},
        region="eu-west-1",
        path="/ws/{who}/{room}",
        static=static,
        most_workers=4,
    )
