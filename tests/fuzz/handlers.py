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
from fnmatch import fnmatchcase
from typing import Any

import atheris

with atheris.instrument_imports(include=["hadir"]):
    from hadir import bootstrap, conversation, doorman  # noqa: F401 (watched, too)
    from hadir.access.keys import SecretKeys
    from hadir.access.tokens import Tokens
    from hadir.announcer import Announcer
    from hadir.domain.delivery import Delivery, Outcome
    from hadir.domain.identity import Identity, SessionRef, UserType
    from hadir.domain.reasons import GONE
    from hadir.domain.session import Batch, Session
    from hadir.membership.membership import Admission, Membership

from tests import tokens
from tests.running_gateway import ROOT

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
            "POWERTOOLS_METRICS_DISABLED": "true",
        }
        self.sockets = Sockets()
        self.tokens = Tokens("hadir", secret=SecretKeys({"AWSCURRENT": tokens.SECRET}.get))
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
        self.renewed = 0
        self.known = self.view()
        self.people: dict[str, str] = {}
        self.let_in = 0

    def _announcer(self, membership: Membership) -> Announcer:
        return Announcer(membership, self.sockets)

    def renew(self) -> None:
        """The same three people on new sockets."""
        for connection_id, user in self.people.items():
            self._settle(self.membership.leave(connection_id, who(user).session, GONE).batch)
        self.people = {}
        self.renewed += 1
        for user in USERS:
            connection_id = f"c{self.renewed}-{user}"
            assert self.membership.admit(connection_id, who(user)) is Admission.ADMITTED
            self._settle(self.membership.open(connection_id, who(user).session).batch)
            self.people[connection_id] = user

    def _settle(self, batch: Batch | None) -> None:
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
        assert {frame["type"] for frame in frames} <= {*ANSWERS, "closing"}, frames
        if frames[-1]["type"] == "error":
            assert frames[-1]["data"]["code"] in CODES
            assert frames[-1]["data"]["request_id"] == "r1"
            assert self.known == before, "an error changed something"

    def _enter(self, text: str, how: int, connection_id: str) -> None:
        """A socket; the text is spread over what a client may say of itself.

        The last part is what a token says that is signed as it should be, for every other input.
        """
        parts = [*text.split("|"), *[""] * 7][:7]
        query = dict(zip(("session_id", "user_id", "user_type", "token"), parts, strict=False))
        headers = {"Sec-WebSocket-Protocol": parts[4], "Origin": parts[5]}
        claims = said(parts[6])
        if how & 4:
            query["token"] = tokens.raw_token({"alg": "HS256"}, claims, tokens.SECRET.encode())
            headers["Sec-WebSocket-Protocol"] = parts[4].replace("token.", "")
        if not how & 1:
            del headers["Origin"]
        if not query["session_id"]:
            del query["session_id"]
        event = {
            "methodArn": "arn:aws:execute-api:eu-west-1:123456789012:abc/live/$connect",
            "headers": headers,
            "queryStringParameters": query if how & 2 else None,
            "requestContext": self._context(connection_id, "$connect", "CONNECT"),
        }
        policy = self.authorize(event, None)
        (statement,) = policy["policyDocument"]["Statement"]
        if statement["Effect"] == "Allow":
            self._let_in(event, policy["context"], claims, query.get("session_id"))
            return
        assert statement["Effect"] == "Deny"
        assert not policy["context"]
        assert self.connect(event, None)["statusCode"] in (200, 429)
        assert self.view() == self.known, "a socket known already changed something"

    def _let_in(
        self, event: Any, granted: dict[str, str], claims: dict[str, Any], asked: str | None
    ) -> None:
        """A new socket of whom ``authorize`` allowed: they are whom their token says, and there."""
        assert granted["user_id"] == claims["user"]
        assert granted["user_type"] == claims["type"]
        assert granted["tenant"] == claims.get("tenant", "default")
        assert granted["session_id"] == asked or (asked is None and granted["session_id"])
        named = claims["session"]
        assert any(
            fnmatchcase(granted["session_id"], each)
            for each in (named if isinstance(named, list) else [named])
        )
        self.let_in += 1
        if self.let_in % 100 == 0:
            print(f"{self.let_in} were let in", file=sys.stderr)
        connection_id = f"n{self.let_in}"
        event["requestContext"] |= {"connectionId": connection_id, "authorizer": granted}
        ref = SessionRef(granted["tenant"], granted["session_id"])
        before = self.membership.session(ref).members
        connected = self.connect(event, None)
        assert connected["statusCode"] in (200, 429)
        if connected["statusCode"] == 200:
            self._settle(self.membership.open(connection_id, ref).batch)
            (new,) = set(self.membership.session(ref).members) - set(before)
            assert (new.connection_id, new.user_id) == (connection_id, granted["user_id"])
            self._settle(self.membership.leave(connection_id, ref, GONE).batch)
        assert self.membership.session(ref).members == before
        self.known = self.view()

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


def said(text: str) -> dict[str, Any]:
    """A token's claims, changed by those in a text, if there are any."""
    try:
        changes = json.loads(text)
    except (ValueError, RecursionError):
        changes = None
    return tokens.claims(session="s*") | (changes if isinstance(changes, dict) else {})


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
