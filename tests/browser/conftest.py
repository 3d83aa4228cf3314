"""A real Chromium: Debian's, else one that Playwright finds. In CI a missing one is a failure."""

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Error,
    Playwright,
    expect,
    sync_playwright,
)

from apigw_local.pytest_plugin import StartGateway
from apigw_local.testing import LocalGateway
from local.embedded_redis import embedded_redis
from local.secrets_manager import SECRET_ARN, secrets_manager
from tests.browser.visitors import chromium
from tests.running_gateway import ROOT
from tests.tokens import SECRET

expect.set_options(timeout=20_000)  # a busy machine takes its time


@pytest.fixture(scope="module")  # while it lives, its event loop is this thread's
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    try:
        with chromium(playwright, page_cache=False) as browser:
            yield browser
    except Error:
        if os.environ.get("CI"):
            raise
        pytest.skip("no Chromium: apt-get install chromium, or playwright install chromium")


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser profile of its own, whose pages fail the test when they throw."""
    errors: list[str] = []
    with browser.new_context() as context:
        context.set_default_timeout(30_000)
        context.on("weberror", lambda error: errors.append(str(error.error)))
        yield context
    assert errors == []


@pytest.fixture(scope="module")
def with_tokens(
    start_gateway: StartGateway, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalGateway]:
    """Hadir as `make run ARGS=--tokens` starts it, with the secret that backends are given."""
    secret = tmp_path_factory.mktemp("secret") / "token-secret"
    secret.write_text(SECRET)
    with embedded_redis() as redis_url, secrets_manager(secret) as manager:
        here = {"AWS_ENDPOINT_URL_SECRETS_MANAGER": manager}
        parameters = {
            "RedisUrl": redis_url,
            "AllowedOrigins": "*",
            "Stage": "local",
            "TokenSecretArn": SECRET_ARN,
        }
        yield start_gateway(
            "template.yaml",
            parameters=parameters,
            env_vars={"AuthorizeFunction": here, "DefaultFunction": here},
            static=ROOT / "web",
            region="eu-west-1",
        )
