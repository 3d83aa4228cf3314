"""The handlers of ``$connect``, ``$disconnect`` and ``$default``, given what a client may send.

Run as a program: ``python -m tests.fuzz.handlers REDIS_URL CORPUS -runs=10000``; libFuzzer finds
the inputs, guided by which lines of Hadir they reach. An input is three bytes that choose, and a
text.

Redis is real. Only the way out is not: what would be posted to sockets is kept and looked at.
"""

import importlib.util
import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import atheris

with atheris.instrument_imports(include=["hadir"]):
    from hadir import bootstrap, conversation, doorman  # noqa: F401 (watched, too)
    from hadir.access.keys import SecretKeys
    from hadir.access.tokens import Tokens
    from hadir.announcer import Announcer
    from hadir.domain.delivery import Delivery, Outcome
    from hadir.domain.identity import Identity, UserType
    from hadir.domain.reasons import GONE
    from hadir.domain.session import Session
    from hadir.membership.membership import Membership

from tests.running_gateway import ROOT

SECRET = "s" * 64
CODES = {
    "invalid_json", "unknown_action", "invalid_payload", "forbidden", "rate_limited", "too_large",
    "unavailable",
}  # fmt: skip
ANSWERS = {"heartbeat_ack", "connection_status_update", "message", "error", "reauthorized"}
SESSION = "s1"
USERS = ("customer_1", "agent_1", "admin_1")
RENEW_EVERY = 200
"""Inputs after which the sockets are new: nobody stays who was kicked."""


class Sockets:
    """Everything that would have been posted, by connection."""

    def __init__(self) -> None:
        self.frames: dict[str, list[Any]] = {}

    def post(self, mail: Mapping[str, Sequence[bytes]], seconds: float) -> dict[str, Delivery]:
        for to, frames in mail.items():
            self.frames.setdefault(to, []).extend(json.loads(frame) for frame in frames)
        return {to: Delivery(Outcome.DELIVERED, len(mail[to]), 200) for to in mail}

    def taken(self, connection_id: str) -> list[Any]:
        return self.frames.pop(connection_id, [])


class Context:
    """Lambda's, with time enough."""

    def get_remaining_time_in_millis(self) -> int:
        return 30_000


class Handlers:
    """The functions as Lambda loads them, and three people in a session."""

    def __init__(self, redis_url: str) -> None:
        os.environ |= {
            "REDIS_URL": redis_url,
            "AWS_REGION": "eu-west-1",
            "AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI": "http://127.0.0.1:9",
            "ANNOUNCE_FUNCTION": "announce",
            "ALLOWED_ORIGINS": "https://app.example.com",
            "TOKEN_SECRET_ID": "hadir",
            "MESSAGES_PER_SECOND": "1000",
            "PEOPLE_PER_SESSION": "10000",
            "POWERTOOLS_LOG_LEVEL": "CRITICAL",
        }
        self.sockets = Sockets()
        self.tokens = Tokens("hadir", secret=SecretKeys({"AWSCURRENT": SECRET}.get))
        made: Any = bootstrap
        made.tokens = lambda: self.tokens
        made.close_socket = lambda _: None
        made.lambda_client = Invoker
        made.announcer = self._announcer
        self.membership = bootstrap.membership()
        self.connect = load("connect")
        self.authorize = load("authorize")
        self.default = load("default")
        self.disconnect = load("disconnect")
        self.count = 0
        self.known = self.view()
        self.people: dict[str, str] = {}

    def _announcer(self, membership: Membership) -> Announcer:
        return Announcer(membership, self.sockets)

    def renew(self) -> None:
        """The same three people on new sockets."""
        for connection_id, user in self.people.items():
            self.membership.leave(connection_id, who(user).session, GONE)
        self.people = {}
        for user in USERS:
            connection_id = f"c{self.count}-{user}"
            self.membership.admit(connection_id, who(user))
            self.membership.open(connection_id, who(user).session)
            self.people[connection_id] = user
        batch = self.membership.claim(who(USERS[0]).session)
        while batch:
            batch = self.membership.settle(batch, more=True)

    def view(self) -> Session:
        """What must not change: who is there, and what has happened."""
        return self.membership.session(who(USERS[0]).session)

    def give(self, data: bytes) -> None:
        """One input."""
        if self.count % RENEW_EVERY == 0:
            self.renew()
            self.known = self.view()
            self.sockets.frames.clear()
        self.count += 1
        which, how, whom = data[:3].ljust(3, b"\0")
        text = data[3:].decode(errors="replace")
        connection_id = list(self.people)[whom % len(self.people)]
        (self._say, self._say, self._enter, self._leave)[which % 4](text, how, connection_id)

    def _context(self, connection_id: str, route: str, kind: str) -> dict[str, Any]:
        user = self.people.get(connection_id, USERS[0])
        context = {"session_id": SESSION, "user_id": user, "user_type": user.partition("_")[0]}
        return {
            "routeKey": route,
            "eventType": kind,
            "requestId": "r1",
            "connectionId": connection_id,
            "connectedAt": 1,
            "requestTimeEpoch": 2,
            "authorizer": {"tenant": "default", "expires_at": "0", "principalId": user, **context},
        }

    def _say(self, text: str, how: int, connection_id: str) -> None:
        """A message; every other one without the authorizer's context."""
        before = self.known
        request_context = self._context(connection_id, "$default", "MESSAGE")
        if how % 2:
            del request_context["authorizer"]
        answer = self.default({"requestContext": request_context, "body": text}, Context())
        assert answer == {"statusCode": 200}
        frames = self.sockets.taken(connection_id)
        self.known = self.view()
        if not frames:
            assert is_typing(text), "a message without an answer"
            return
        assert {frame["type"] for frame in frames} <= {*ANSWERS, "closing"}
        if frames[-1]["type"] == "error":
            assert frames[-1]["data"]["code"] in CODES
            assert frames[-1]["data"]["request_id"] == "r1"
            assert self.known == before, "an error changed something"

    def _enter(self, text: str, how: int, connection_id: str) -> None:
        """A socket; the text is spread over what a client may say of itself."""
        parts = [*text.split("|"), "", "", "", "", ""][:6]
        query = dict(zip(("session_id", "user_id", "user_type", "token"), parts, strict=False))
        headers = {"Sec-WebSocket-Protocol": parts[4], "Origin": parts[5]}
        event = {
            "methodArn": "arn:aws:execute-api:eu-west-1:123456789012:abc/live/$connect",
            "headers": headers if how % 2 else {"Sec-WebSocket-Protocol": parts[4]},
            "queryStringParameters": query if how % 3 else None,
            "requestContext": self._context(connection_id, "$connect", "CONNECT"),
        }
        policy = self.authorize(event, None)
        (statement,) = policy["policyDocument"]["Statement"]
        assert statement["Effect"] in ("Allow", "Deny")
        if statement["Effect"] == "Allow":
            granted = policy["context"]
            assert granted["user_id"] == "customer_1"
            assert granted["tenant"] == "acme"
        connected = self.connect(event, None)
        assert connected["statusCode"] in (200, 429)
        assert self.view() == self.known, "a socket known already changed something"

    def _leave(self, text: str, how: int, connection_id: str) -> None:
        """A close code and a reason that the client chose."""
        request_context = self._context(connection_id, "$disconnect", "DISCONNECT")
        if how % 2:
            del request_context["authorizer"]
        request_context["disconnectStatusCode"] = [1000, 1005, 4999, -1, None, "x"][how % 6]
        request_context["disconnectReason"] = text
        gone = how == 0
        if not gone:
            request_context["connectionId"] = f"nobody's-{text[:20]}"
        answer = self.disconnect({"requestContext": request_context}, Context())
        assert answer == {"statusCode": 200}
        if gone:
            self.count = 0  # somebody has left: everybody comes anew
        else:
            assert self.view() == self.known, "a socket of nobody changed something"


class Invoker:
    """Lambda, which is not asked to announce anything."""

    def invoke(self, **_: object) -> None:
        pass


def who(user: str) -> Identity:
    return Identity(SESSION, user, UserType(user.partition("_")[0]))


def is_typing(text: str) -> bool:
    """Whether a message is one that has no answer."""
    return bool(json.loads(text)["action"] == "typing")


def load(function: str) -> Any:
    """A function's handler, loaded as a module of its own name."""
    path = ROOT / "functions" / function / "app.py"
    spec = importlib.util.spec_from_file_location(f"{function}_app", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.handler


def main() -> None:
    redis_url = sys.argv.pop(1)
    atheris.Setup(sys.argv, Handlers(redis_url).give)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
