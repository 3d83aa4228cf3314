"""What a client may send, built of an input's bytes: mostly good, partly nearly so, partly raw."""

import io
import json
import time
from typing import Any, TypeVar
from unicodedata import normalize

from hadir.domain.identity import Identity
from tests import tokens
from tests.fuzz.answers import View

T = TypeVar("T")

DEEP: Any = json.loads("[" * 300 + "]" * 300)
ODD: tuple[Any, ...] = (
    *(None, True, 0, -1, 1.5, 2**53 + 1, 10**400, float("nan"), "", " ", "\0", "\ud800"),
    *("x" * 128, "x" * 129, "x" * 4001, "é" * 4000, [], ["s1"], {}, {"a": 1}, DEEP),
    *(
        "é" * 128,
        "é" * 129,
        "e\u0301" * 128,
        "😀" * 64,
        "😀" * 65,
        "a b",
        "{a}",
        "a\u00a0b",
        "\u202e",
    ),
    *("42", "a/b", "auth0|5f", "a*", "agent:42", "-", "'\"\\"),
)
"""Of a wrong type, or of an edge's length."""


class Choices:
    """An input: bytes that choose, one after the other. Behind the last the first is chosen."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def byte(self) -> int:
        return int.from_bytes(self._data.read(1), "big")

    def of(self, *options: T) -> T:
        return options[self.byte() % len(options)]

    def text(self) -> str:
        return self._data.read(self.byte()).decode(errors="replace")

    def rest(self) -> str:
        return self._data.read().decode(errors="replace")

    def value(self, good: Any) -> Any:
        """What belongs there; a third of the time something else."""
        if self.byte() < 170:
            return good
        return self.of(*ODD, *look_alikes(good), self.text())


def look_alikes(good: Any) -> list[Any]:
    if not isinstance(good, str):
        return [[good], str(good)]
    return [
        f"{good}\n",
        f" {good}",
        good.upper(),
        good[:-1],
        good.replace("s", "\u0455"),
        f"{good}\u200b",
        normalize("NFD", good),
    ]


def body(choices: Choices, who: Identity, session: View, now: int) -> str:
    """A message; one of eight is raw."""
    if choices.byte() >= 224:
        return choices.rest()
    action = choices.of(
        *("heartbeat", "sync", "message", "typing", "reauthorize", "kick", "assign", "leave"),
        *("set_state", "watch", "unwatch"),
    )
    said = {"action": action, **_fields(action, choices, who, session, now)}
    if choices.byte() >= 240:
        field = choices.of(
            *("action", "since", "text", "on", "token", "user_id", "user_type", "state"),
            *("session_id", "expect", "all", "position", "next"),
        )
        said[field] = choices.value(None)
    return json.dumps(said)


def _fields(
    action: str, choices: Choices, who: Identity, session: View, now: int
) -> dict[str, Any]:
    match action:
        case "sync":
            far = 200 if session.version % 10 == 0 else 20  # 200 take long
            behind = choices.of(0, 1, 2, 5, -1, far, far + 1)
            since = {
                "epoch": choices.value(session.epoch),
                "version": choices.value(max(session.version - behind, 0)),
            }
            return choices.of({"since": since}, {"since": choices.value(since)}, {})
        case "message":
            text = choices.of(*[choices.text() or "hi"] * 7, "x" * 4001)
            said = {"text": choices.value(text)}
            return choices.of({}, {"client_id": choices.value(f"m|é'{choices.byte()}")}) | said
        case "typing":
            return {"on": choices.value(choices.of(True, False))}
        case "set_state":
            state: dict[str, Any] = choices.of({"away": True}, {"away": False}, {}, {"away": True})
            state |= choices.of({}, {}, {"page": choices.value("/a b")})
            state |= choices.of({}, {}, {}, {choices.text(): choices.value(1)})
            return {"state": choices.of(state, state, state, choices.value(state))}
        case "reauthorize":
            signed, _ = token(choices, claims(choices, who, now))
            return {"token": choices.value(signed)}
        case "kick":
            them = [f"{person}" for person in sorted({each.person for each in session.people})]
            kind, _, user_id = choices.of(*them, "agent/nobody").partition("/")
            asked = {"user_id": choices.value(user_id)}
            asked |= choices.of({}, {"reason": choices.value("bye")})
            return asked | choices.of({}, {}, {"user_type": choices.value(kind)})
        case "assign":
            them = [f"{person}" for person in sorted({each.person for each in session.people})]
            kind, _, user_id = choices.of(*them, "agent/nobody").partition("/")
            asked = {"user_id": choices.value(choices.of(user_id, who.user_id, None))}
            asked = choices.of(asked, asked, {})
            asked |= choices.of({}, {"client_id": choices.value(f"a{choices.byte()}")})
            asked |= choices.of({}, {}, {"user_type": choices.value(kind)})
            holder = session.session.holder
            asked |= choices.of({}, {"expect": choices.value(holder and holder.user_id)})
            where = choices.of(who.session_id, "t1", "s9")
            return asked | choices.of({}, {}, {"session_id": choices.value(where)})
        case "watch" | "unwatch":
            where = choices.of(who.session_id, "t1", "t1", "t2", "s9")
            asked = choices.of(*[{"session_id": choices.value(where)}] * 4, {"all": True})
            since = {"epoch": session.epoch, "version": choices.value(session.version)}
            asked |= choices.of({}, {}, {"client_id": choices.value("w1")})
            asked |= choices.of({}, {}, {"since": choices.value(since)})
            return asked | choices.of({}, {}, {"position": choices.value({"17": 1})})
    return {}


def claims(choices: Choices, who: Identity, now: int) -> dict[str, Any]:
    """What a token says: mostly who they are, for ten minutes. ``now`` is Redis's, in seconds."""
    usual = {"user": who.user_id, "type": who.user_type.value, "session": who.session_id}
    changes: dict[str, Any] = choices.of(
        *({}, {}, {}, {"session": "s*"}, {"session": ["t*", who.session_id]}, {"exp": now + 5}),
        *({"exp": int(time.time()) - 60}, {"exp": int(time.time()) - 3}, {"exp": now - 1}),
        *({"user": "42"}, {"type": "admin"}, {"session": "s9"}, {"tenant": "acme"}),
        {choices.of("user", "type", "session", "tenant", "exp", "aud"): choices.value(None)},
        {choices.of("name", "avatar"): choices.value(choices.of("Anna B.", "https://a/b.png"))},
        _read(choices.text()),
    )
    return tokens.claims(**{"exp": now + 600, **usual}) | changes


def token(choices: Choices, said: dict[str, Any]) -> tuple[str, bool]:
    """A token that says so, and whether it is signed with the right key."""
    key = choices.of(*[tokens.SECRET.encode()] * 6, b"f" * 64, None)
    header = choices.of(*[{"alg": "HS256"}] * 6, {"alg": "none"}, choices.value("HS256"))
    return tokens.raw_token(header, said, key), key == tokens.SECRET.encode()


def _read(text: str) -> dict[str, Any]:
    try:
        read = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}
