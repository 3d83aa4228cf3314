"""Tokens as a team's backend makes them, and as an attacker does; keys as an issuer has them."""

import base64
import hashlib
import hmac
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

SECRET = "s" * 64
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
PUBLIC_PEM = RSA_KEY.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)


def claims(**changes: Any) -> dict[str, Any]:
    """What a customer's token says, changed; None takes a claim out.

    Refused while tests are still being collected: it would have expired when a long run needs it.
    """
    if "PYTEST_CURRENT_TEST" not in os.environ:
        raise RuntimeError("make tokens in the test that uses them, not where it is defined")
    usual = {
        "session": "s1",
        "user": "customer_1",
        "type": "customer",
        "aud": "hadir",
        "exp": int(time.time()) + 600,
    }
    return {name: value for name, value in (usual | changes).items() if value is not None}


def token(secret: str = SECRET, **changes: Any) -> str:
    return jwt.encode(claims(**changes), secret, algorithm="HS256")


def public_token(kid: str | None = "k1", key: Any = RSA_KEY, **changes: Any) -> str:
    algorithm = "RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256"
    headers = {"kid": kid} if kid else None
    return jwt.encode(claims(**changes), key, algorithm=algorithm, headers=headers)


def raw_token(header: object, payload: object, secret: bytes | None = None) -> str:
    """A token that no library would make; signed with HMAC-SHA256 if there is a secret."""

    def part(value: object) -> str:
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        return base64.urlsafe_b64encode(data).decode().rstrip("=")

    signed = f"{part(header)}.{part(payload)}"
    signature = hmac.digest(secret, signed.encode(), hashlib.sha256) if secret else b""
    return f"{signed}.{part(signature)}"


class Issuer:
    """An identity provider that publishes its keys, and can change them or fall silent."""

    def __init__(self) -> None:
        self.keys: dict[str, Any] = {"k1": RSA_KEY, "e1": EC_KEY}
        self.broken = False
        self.asked = 0
        self.url = ""

    def published(self) -> bytes:
        self.asked += 1
        found = []
        for kid, key in self.keys.items():
            kind: Any = RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else ECAlgorithm
            found.append({**kind.to_jwk(key.public_key(), as_dict=True), "kid": kid, "use": "sig"})
        return json.dumps({"keys": found}).encode()


@contextmanager
def running_issuer() -> Iterator[Issuer]:
    issuer = Issuer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(503 if issuer.broken else 200)
            self.end_headers()
            self.wfile.write(b"" if issuer.broken else issuer.published())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        issuer.url = f"http://127.0.0.1:{server.server_port}/jwks.json"
        Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        yield issuer
        server.shutdown()
