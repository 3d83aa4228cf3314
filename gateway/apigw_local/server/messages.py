"""HTTP messages: what was asked, and what is answered."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote, urlsplit

_BODILESS = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)
_REASONS = {status.value: status.phrase for status in HTTPStatus}


@dataclass(frozen=True, slots=True)
class Request:
    """A request, all of it.

    Attributes:
        target: path and query as they were sent.
        headers: in the client's letter case; bytes that are not UTF-8 as halves of characters.
        remote: the client's address.
    """

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    remote: str
    scheme: str = "http"

    @property
    def raw_path(self) -> str:
        """The path as it was sent."""
        return self.target.partition("?")[0]

    @property
    def path(self) -> str:
        """The path, decoded once."""
        return unquote(self.raw_path)

    @property
    def query(self) -> str:
        """The query string as it was sent."""
        return self.target.partition("?")[2]

    @property
    def host(self) -> str:
        """The host that was asked for, with its port if it was said."""
        return self.header("host") or ""

    @property
    def host_name(self) -> str:
        """The same without a port; empty where it can be none."""
        try:
            return urlsplit(f"//{self.host}").hostname or ""
        except ValueError:
            return ""

    def header(self, name: str) -> str | None:
        """The first value of a header; ``name`` in lower case."""
        return next((value for key, value in self.headers if key.lower() == name), None)

    def headers_by_name(self) -> dict[str, str]:
        """The last value of each header, names in lower case."""
        return {name.lower(): value for name, value in self.headers}


@dataclass(slots=True)
class Response:
    """An answer; length, date and connection are the server's to say."""

    status: int = 200
    body: bytes = b""
    headers: list[tuple[str, str]] = field(default_factory=list)

    def head(self, *more: tuple[str, str]) -> bytes:
        """Status line and headers, as they are sent."""
        lines = [f"HTTP/1.1 {self.status} {_REASONS.get(self.status, '')}"]
        lines += [f"{name}: {value}" for name, value in (*self.headers, *more)]
        if self.has_body:
            lines.append(f"Content-Length: {len(self.body)}")
        # An allowed origin is sent back, whatever bytes it had.
        return "\r\n".join((*lines, "", "")).encode(errors="surrogateescape")

    @property
    def has_body(self) -> bool:
        """Whether one follows, be it empty (RFC 9110, 6.4.1)."""
        return self.status >= 200 and self.status not in _BODILESS


def json_response(
    value: Any,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    kind: str = "application/json",
) -> Response:
    """A value in JSON, without blanks."""
    body = json.dumps(value, separators=(",", ":")).encode()
    return Response(status, body, [("Content-Type", kind), *(headers or {}).items()])
