"""The canary against the whole system: what it says where all works, and where something does not.

Gateway, functions and Redis are real; its schedule is not waited for.
"""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from apigw_local.log import Record
from apigw_local.testing import LocalGateway
from gateway.tests.aws import aws
from local.embedded_redis import embedded_redis
from tests.conftest import OPEN
from tests.running_gateway import ROOT
from tests.system.figures import Figures, figures_of
from tests.system.guarded import ORIGIN, rest
from tests.system.people import new_session, status_of
from tests.tokens import SECRET, token

TEMPLATE = ROOT / "template.yaml"
REGION = "eu-west-1"
WAIT = 60.0
FUNCTION = "CanaryFunction"


@pytest.fixture(scope="module")
def opened_all_along() -> Iterator[LocalGateway]:
    """Hadir with a canary, where everybody is whom they say they are."""
    with embedded_redis() as url:
        parameters = {"RedisUrl": url, "Canary": "on", **OPEN}
        with LocalGateway(TEMPLATE, parameters=parameters, region=REGION) as gateway:
            yield gateway


@pytest.fixture
def opened(opened_all_along: LocalGateway) -> Iterator[LocalGateway]:
    """The same, its faults undone in the end."""
    yield opened_all_along
    opened_all_along.reset_faults()


@pytest.fixture
def guarded_with_grace(secrets_manager: str) -> Iterator[LocalGateway]:
    """Hadir with a canary, where nobody gets in without a token, and leaves are held back."""
    manager = aws("secretsmanager", secrets_manager)
    arn = manager.create_secret(Name="hadir-of-canary", SecretString=SECRET)["ARN"]
    here = {"AWS_ENDPOINT_URL_SECRETS_MANAGER": secrets_manager}
    with embedded_redis() as url:
        parameters = {
            "RedisUrl": url,
            "AllowedOrigins": ORIGIN,
            "TokenSecretArn": arn,
            "TokenIssuer": "us",
            "DisconnectGraceSeconds": "1",
            "Canary": "on",
        }
        variables = dict.fromkeys((FUNCTION, "AuthorizeFunction", "DefaultFunction"), here)
        with LocalGateway(
            TEMPLATE, parameters=parameters, env_vars=variables, region=REGION
        ) as gateway:
            yield gateway


class Flight:
    """One run of the canary, and what it has said; the schedule's own may come between."""

    def __init__(self, gateway: LocalGateway) -> None:
        self._gateway = gateway
        event = {"id": new_session()}
        functions = aws("lambda", gateway.invoke, read_timeout=WAIT)
        answer = functions.invoke(FunctionName=FUNCTION, Payload=json.dumps(event))
        self.error = answer.get("FunctionError")
        self.answer = json.load(answer["Payload"])
        functions.close()
        given = gateway.wait_for(lambda each: each.fields.get("event") == event, WAIT)
        self._request_id = given.text

    @property
    def said(self) -> dict[str, Any]:
        """Its log line."""
        return self._written("message")

    @property
    def figures(self) -> Figures:
        return figures_of(self._written("_aws"))

    def _written(self, name: str) -> dict[str, Any]:
        """The line that holds something of that name."""

        def is_it(record: Record) -> bool:
            line = record.fields.get("record", {})
            return name in line and line.get("request_id") == self._request_id

        line: dict[str, Any] = self._gateway.wait_for(is_it, WAIT).fields["record"]
        return line


def check_success(flight: Flight) -> str:
    """What is said where all works; the session's id."""
    assert flight.answer == {"ok": True}
    told = flight.figures
    assert told["CanaryFailures"] == ([0], "Count")
    for name, field in (("CanaryJoinMs", "join_ms"), ("CanaryLeaveMs", "leave_ms")):
        (value,), unit = told[name]
        assert (value, unit) == (flight.said[field], "Milliseconds")
        assert value >= 0
    session: str = flight.said["session_id"]
    return session


def test_a_join_and_a_leave_are_timed(opened: LocalGateway) -> None:
    first, second = (check_success(Flight(opened)) for _ in range(2))

    assert first != second
    # Its admin, who has just left, is nobody who would answer.
    assert rest(opened, "/api/availability", None) == (200, {"agents": "offline"})


def test_it_shows_a_token_and_is_in_no_teams_lists(guarded_with_grace: LocalGateway) -> None:
    session = check_success(Flight(guarded_with_grace))

    def seen(tenant: str) -> list[tuple[str, str]]:
        everything = token(session="*", type="admin", iss="us", tenant=tenant)
        path = f"/api/session/{session}/events"
        status, answer = rest(guarded_with_grace, path, everything)
        assert status == 200
        return [(each["event_type"], each["event_user_id"]) for each in answer["events"]]

    admin, customer = "hadir-canary-admin", "hadir-canary-customer"
    assert seen("hadir-canary")[:3] == [
        ("user_connected", admin),
        ("user_connected", customer),
        ("user_disconnected", customer),
    ]
    assert seen("default") == []


@pytest.mark.parametrize(
    ("fault", "step", "names"),
    [
        ("throttle", "telling the admin of their own join", {"CanaryFailures"}),
        (
            "lose_disconnect",
            "telling the admin of the customer's leave",
            {"CanaryFailures", "CanaryJoinMs"},
        ),
    ],
)
def test_what_does_not_work_is_a_failure(
    opened: LocalGateway, fault: str, step: str, names: set[str]
) -> None:
    """No post is taken; no `$disconnect` is delivered."""
    opened.faults.set({fault: 1})
    flight = Flight(opened)

    assert flight.answer == {"ok": False}
    told = flight.figures
    assert told["CanaryFailures"] == ([1], "Count")
    assert set(told) == names
    assert (flight.said["level"], flight.said["step"]) == ("ERROR", step)
    assert flight.said["error"] == "SocketFailed: nothing came in time"
    assert flight.said["session_id"].startswith("hadir-canary-")


def test_one_that_dies_leaves_nobody_behind(opened: LocalGateway) -> None:
    """It waits to be told, which posts that are refused keep from it, and is killed meanwhile."""
    opened.faults.throttle = 1
    begun = len(opened.events("AnnounceFunction"))

    def is_announced(_: Record) -> bool:
        return len(opened.events("AnnounceFunction")) > begun

    with ThreadPoolExecutor(1) as pool:
        flying = pool.submit(Flight, opened)
        opened.wait_for(is_announced, WAIT)
        opened.kill(FUNCTION)
        assert flying.result().error
    context = opened.events("AnnounceFunction")[begun]["requestContext"]
    opened.wait_for_event("DisconnectFunction", context["connectionId"], WAIT)

    session = context["authorizer"]["session_id"]
    assert session.startswith("hadir-canary-")
    assert status_of(opened, session)["users"] == {}
