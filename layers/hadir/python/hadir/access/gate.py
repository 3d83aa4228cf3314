"""Decides who may open a socket or send a request, by token and origin."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from hadir.domain.errors import InvalidToken, NotPermitted
from hadir.domain.grant import Grant
from hadir.domain.identity import DEFAULT_TENANT, Identity, UserType
from hadir.domain.patterns import MANY

ANY_ORIGIN = "*"

SUBPROTOCOL = "hadir.v1"
"""The subprotocol that a client offers beside its token. The server chooses it, as it must never
repeat a token."""

_TOKEN_SUBPROTOCOL = "token."  # noqa: S105 (a prefix, not a secret)

_EVERYTHING = Grant(DEFAULT_TENANT, "anonymous", UserType.ADMIN, (MANY,), expires_at=0)


class Gate:
    """Lets sockets and requests in.

    Args:
        read_token: returns what a token grants; None if everybody is who they say they are.
        origins: the web origins that sockets may come from; with ``*`` among them, any origin.
    """

    def __init__(self, read_token: Callable[[str], Grant] | None, origins: frozenset[str]) -> None:
        self._read_token = read_token
        self._origins = origins

    def socket(self, query: Mapping[str, str], headers: Mapping[str, str]) -> Identity:
        """Who opens a socket, and into which session.

        A program sends no origin; a browser always does (RFC 6455, 4.1).

        Raises:
            InvalidIdentity: an id or a type is invalid.
            InvalidToken: there is no token, or it is not valid.
            KeysUnavailable: tokens cannot be verified at the moment.
            NotPermitted: the origin, or the session, is not open to them.
        """
        found = {name.lower(): value for name, value in headers.items()}
        origin = found.get("origin")
        if origin is not None and not self._origins & {ANY_ORIGIN, origin.lower()}:
            raise NotPermitted("sockets from this origin are not allowed")
        if self._read_token is None:
            who = Identity.parse(
                query.get("session_id"), query.get("user_id"), query.get("user_type")
            )
            return replace(who, sessions=(MANY,)) if who.user_type.is_staff else who
        offered = found.get("sec-websocket-protocol", "")
        token = next(_tokens(offered), None) or query.get("token")
        return self._grant(token).identity(query.get("session_id"))

    def request(self, headers: Mapping[str, str]) -> Grant:
        """What the sender of a REST request may do (``Authorization: Bearer``, RFC 6750).

        Raises:
            InvalidToken: there is no token, or it is not valid.
            KeysUnavailable: tokens cannot be verified at the moment.
        """
        if self._read_token is None:
            return _EVERYTHING
        found = {name.lower(): value for name, value in headers.items()}
        scheme, _, token = found.get("authorization", "").partition(" ")
        return self._grant(token.strip() if scheme.lower() == "bearer" else None)

    def _grant(self, token: str | None) -> Grant:
        if not token or self._read_token is None:
            raise InvalidToken("a token is needed")
        return self._read_token(token)


def offer(token: str | None) -> str:
    """What a client offers that shows ``token``: the header's value; None shows none."""
    return f"{SUBPROTOCOL}, {_TOKEN_SUBPROTOCOL}{token}" if token else SUBPROTOCOL


def offers_subprotocol(headers: Mapping[str, str]) -> bool:
    """Whether a client offers ``hadir.v1``, which the server must then choose."""
    found = {name.lower(): value for name, value in headers.items()}
    return SUBPROTOCOL in _offers(found.get("sec-websocket-protocol", ""))


def _offers(header: str) -> list[str]:
    return [each.strip() for each in header.split(",")]


def _tokens(header: str) -> Iterator[str]:
    for each in _offers(header):
        if each.startswith(_TOKEN_SUBPROTOCOL):
            yield each.removeprefix(_TOKEN_SUBPROTOCOL)
