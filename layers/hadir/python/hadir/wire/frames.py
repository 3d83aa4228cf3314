"""Writes values of the wire: frames as compact JSON in UTF-8, and times."""

import json
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

_JSON = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)
"""Made once: ``json.dumps`` would make one in each call."""


def timestamp(at: int) -> str:
    """``at`` (milliseconds since the Unix epoch) as RFC 3339, UTC, whole seconds, ``Z``."""
    return _written(at // 1000)


@lru_cache(maxsize=4096)
def _written(seconds: int) -> str:
    """Frame after frame says since when the same people are present."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def write_frame(kind: str, data: dict[str, Any], client_id: str | None = None) -> bytes:
    """A frame of that ``type``; with the ``client_id`` of the message that it answers, if any."""
    named = data if client_id is None else {**data, "client_id": client_id}
    return write_json({"type": kind, "data": named})


def write_json(value: Any) -> bytes:
    """Compact JSON in UTF-8: escapes would make an emoji three times as long."""
    return _JSON.encode(value).encode()
