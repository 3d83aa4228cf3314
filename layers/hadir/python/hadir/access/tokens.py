"""Tokens: JSON Web Tokens (RFC 7519) that say who somebody is and which sessions they may enter.

Claims: ``session`` (an id, a prefix ending in ``*``, or a list of these), ``user``, ``type``,
``exp`` and ``aud``; ``tenant``, ``nbf``, ``iat``, ``name`` and ``avatar`` are optional.
"""

import time
from collections.abc import Callable
from typing import Any

import jwt

from hadir.access.keys import SecretKeys, SigningKeys
from hadir.domain.errors import InvalidIdentity, InvalidToken
from hadir.domain.grant import LONGEST_TOKEN, Grant, check_sessions
from hadir.domain.identity import (
    DEFAULT_TENANT,
    LONGEST_AVATAR,
    Identity,
    check_id,
    check_user_type,
    shown_avatar,
    shown_name,
)

_LEEWAY_SECONDS = 5
"""How long after its expiry a token is still accepted."""

_EARLY_SECONDS = 30
"""How far ``iat`` and ``nbf`` may lie in the future: the signer's clock may be that fast."""

_LAST_EXPIRY = 253402300799
"""The end of the year 9999 in seconds. A larger ``exp`` is probably in milliseconds."""

_PUBLIC = ["RS256", "ES256"]

_MUST_BE = {
    "name": "it must be a text with something printable in it",
    "avatar": f"it must be an https:// address of at most {LONGEST_AVATAR} characters of ASCII",
}

_SENTENCES: tuple[tuple[type[jwt.PyJWTError], str], ...] = (
    (jwt.ExpiredSignatureError, "the token has expired"),
    (jwt.ImmatureSignatureError, "the token is not valid yet"),
    (jwt.InvalidAudienceError, "the token is for another audience"),
    (jwt.InvalidIssuerError, "the token is from another issuer"),
    (jwt.InvalidSignatureError, "the token is not signed with a key that is taken here"),
    (jwt.InvalidAlgorithmError, "the token's algorithm is not one that is taken here"),
)


class Tokens:
    """Reads tokens. The configured keys decide which algorithms are accepted, never a token.

    Args:
        audience: what ``aud`` must be, or contain.
        issuer: what ``iss`` must be; if empty, anything.
        secret: keys for HS256; None to refuse it.
        public: keys for RS256 and ES256; None to refuse them.
        on_unshown: called with a sentence that names the claim where a token's ``name`` or
            ``avatar`` cannot be shown; the token is good all the same.
    """

    def __init__(
        self,
        audience: str,
        issuer: str = "",
        *,
        secret: SecretKeys | None = None,
        public: SigningKeys | None = None,
        on_unshown: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._audience = audience
        self._issuer = issuer or None
        self._secret = secret
        self._public = public
        self._on_unshown = on_unshown

    def read(self, token: str) -> Grant:
        """What ``token`` grants.

        Raises:
            InvalidToken: it is not valid; the text says why, without repeating the token.
            KeysUnavailable: there are no keys to verify it with at the moment.
        """
        if not token.isascii() or len(token) > LONGEST_TOKEN:
            raise InvalidToken(f"a token is at most {LONGEST_TOKEN} characters of ASCII")
        try:
            header = jwt.get_unverified_header(token)
            algorithm = header.get("alg")
            if algorithm == "HS256" and self._secret:
                claims = self._verified_by_secret(token, self._secret)
            elif algorithm in _PUBLIC and self._public:
                key = self._public.key(str(header.get("kid", "")))
                claims = self._verified(token, key, _PUBLIC)
            else:
                raise jwt.InvalidAlgorithmError
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError) as error:
            raise InvalidToken(_sentence(error)) from None
        grant = _grant(claims)
        for name, shown in (("name", grant.name), ("avatar", grant.avatar)):
            if claims.get(name) is not None and not shown:
                self._on_unshown(f"The token's {name} is not shown: {_MUST_BE[name]}")
        return grant

    def _verified_by_secret(self, token: str, secret: SecretKeys) -> dict[str, Any]:
        tried: tuple[str, ...] = ()
        for fresh in (False, True):
            for key in secret.keys(fresh=fresh):
                if key in tried:
                    continue
                tried += (key,)
                try:
                    return self._verified(token, key, ["HS256"])
                except jwt.InvalidSignatureError:
                    continue
        raise jwt.InvalidSignatureError

    def _verified(self, token: str, key: Any, algorithms: list[str]) -> dict[str, Any]:
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=algorithms,
            audience=self._audience,
            issuer=self._issuer,
            leeway=_EARLY_SECONDS,
            options={"require": ["exp", "aud"], "enforce_minimum_key_length": True},
        )
        if int(claims["exp"]) <= time.time() - _LEEWAY_SECONDS:
            raise jwt.ExpiredSignatureError
        return claims


class Signer:
    """Makes tokens, for those of our own who must prove who they are.

    Args:
        secret: whose current key signs.
        audience, issuer: what stands in ``aud``, and in ``iss`` unless it is empty.
    """

    def __init__(self, secret: SecretKeys, audience: str, issuer: str) -> None:
        self._secret = secret
        self._fixed = {"aud": audience, **({"iss": issuer} if issuer else {})}

    def sign(self, who: Identity) -> str:
        """A token that is good for one session, until ``who.expires_at``.

        Raises:
            KeysUnavailable: there is nothing to sign with at the moment.
        """
        claims = {
            "session": who.session_id,
            "user": who.user_id,
            "type": who.user_type.value,
            "tenant": who.tenant,
            "exp": who.expires_at,
            **self._fixed,
        }
        return jwt.encode(claims, self._secret.keys()[0], algorithm="HS256")


def _grant(claims: dict[str, Any]) -> Grant:
    expires_at = int(claims["exp"]) + _LEEWAY_SECONDS  # sockets get the same leeway as tokens
    if expires_at > _LAST_EXPIRY:
        raise InvalidToken("the token's exp must be in seconds since 1970")
    try:
        return Grant(
            tenant=check_id("tenant", claims.get("tenant", DEFAULT_TENANT)),
            user_id=check_id("user", claims.get("user")),
            user_type=check_user_type(claims.get("type")),
            sessions=check_sessions(claims.get("session")),
            expires_at=expires_at,
            name=shown_name(claims.get("name")),
            avatar=shown_avatar(claims.get("avatar")),
        )
    except InvalidIdentity as error:
        raise InvalidToken(f"in the token, {error}") from None


def _sentence(error: Exception) -> str:
    if isinstance(error, jwt.MissingRequiredClaimError):
        return f"the token has no {error.claim}"
    for kind, sentence in _SENTENCES:
        if isinstance(error, kind):
            return sentence
    return "this is not a JSON Web Token"
