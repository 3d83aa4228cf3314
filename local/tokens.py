"""Tokens as a backend makes them (docs/tokens.md), signed with the secret of the run."""

import time
from pathlib import Path

import jwt


class NoToken(Exception):
    """Tokens cannot be made; the text says why."""


def token(secret: Path, session: str, user: str, user_type: str, name: str, seconds: int) -> str:
    """Let somebody in.

    Args:
        secret: the file that it is in.
        session: an id, or the beginning of ids and ``*``.
        user: who the token is for; ``user_type`` is ``customer``, ``agent`` or ``admin``.
        name: what others are shown.
        seconds: how long it is good for.

    Raises:
        NoToken: the secret cannot be read, or is too short.
    """
    claims = {
        "session": session,
        "user": user,
        "type": user_type,
        "name": name,
        "aud": "hadir",
        "exp": int(time.time()) + seconds,
    }
    try:
        signer = jwt.PyJWT({"enforce_minimum_key_length": True})
        return signer.encode(claims, secret.read_text().strip(), algorithm="HS256")
    except (OSError, jwt.InvalidKeyError) as error:
        raise NoToken(f"cannot sign tokens with {secret}: {error}") from error
