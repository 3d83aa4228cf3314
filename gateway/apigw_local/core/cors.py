"""Cross-origin requests to an HTTP API ("Configure CORS for HTTP APIs in API Gateway")."""

from collections.abc import Mapping
from dataclasses import dataclass

PREFIX = "access-control-"
"""Of the names of all headers that API Gateway sets itself where CORS is configured."""


@dataclass(frozen=True, slots=True)
class Cors:
    """An API's CORS configuration.

    Attributes:
        origins: ``*``, ``https://*`` and ``http://*`` stand for all, and for all of that scheme.
        max_age: seconds.
    """

    origins: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    exposed: tuple[str, ...] = ()
    max_age: int | None = None
    credentials: bool = False


def is_preflight(method: str, headers: Mapping[str, str]) -> bool:
    """Whether a request asks what another one may do; names of headers are in lower case."""
    return method == "OPTIONS" and {"origin", "access-control-request-method"} <= headers.keys()


def preflight_headers(cors: Cors, origin: str) -> dict[str, str]:
    """What a preflight request is told; nothing where its origin is not allowed."""
    allowed = response_headers(cors, origin)
    if not allowed:
        return {}
    more = {
        "access-control-allow-methods": ",".join(cors.methods),
        "access-control-allow-headers": ",".join(cors.headers),
        "access-control-max-age": "" if cors.max_age is None else str(cors.max_age),
    }
    return allowed | {name: value for name, value in more.items() if value}


def response_headers(cors: Cors, origin: str | None) -> dict[str, str]:
    """What is added to an answer; nothing where its origin is not allowed, or not said."""
    allowed = None if origin is None else _allowed(cors.origins, origin)
    if allowed is None:
        return {}
    return {
        "access-control-allow-origin": allowed,
        **({"access-control-allow-credentials": "true"} if cors.credentials else {}),
        **({"access-control-expose-headers": ",".join(cors.exposed)} if cors.exposed else {}),
    }


def _allowed(origins: tuple[str, ...], origin: str) -> str | None:
    if "*" in origins:
        return "*"
    scheme = origin.partition("://")[0]
    return origin if {origin, f"{scheme}://*"} & set(origins) else None
