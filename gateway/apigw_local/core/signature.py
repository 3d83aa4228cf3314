"""AWS's Signature Version 4, verified ("Signature Version 4 for API requests", IAM User Guide)."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import parse_qsl, quote

_ALGORITHM = "AWS4-HMAC-SHA256"


class BadSignature(Exception):
    """The request is not signed as it should be; the message says why."""


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """What a signature is about.

    Attributes:
        path: as it was sent, still encoded.
        headers: their names in lower case.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


def is_signed(headers: Mapping[str, str], query: str) -> bool:
    """Whether a request carries a signature, in a header or in its query."""
    return _ALGORITHM in headers.get("authorization", "") or "X-Amz-Signature=" in query


def verify(request: SignedRequest, secret: str) -> None:
    """Check the signature in the header ``Authorization`` against ``secret``.

    Raises:
        BadSignature: it is malformed, or another one than ours.
    """
    algorithm, _, rest = request.headers.get("authorization", "").partition(" ")
    parts = dict(part.strip().partition("=")[::2] for part in rest.split(","))
    if algorithm != _ALGORITHM or not parts.keys() >= {"Credential", "SignedHeaders", "Signature"}:
        raise BadSignature("Authorization wants Credential, SignedHeaders and Signature")
    scope = parts["Credential"].split("/")[1:]
    if len(scope) != 4:
        raise BadSignature("Credential should be key/date/region/service/aws4_request")
    try:
        expected = _signature(request, parts["SignedHeaders"].split(";"), scope, secret)
        same = hmac.compare_digest(expected.encode(), parts["Signature"].encode())
    except UnicodeEncodeError as error:
        raise BadSignature("what is signed is not text in UTF-8") from error
    if not same:
        raise BadSignature(
            "The request signature we calculated does not match the signature you provided. Check "
            "your AWS Secret Access Key and signing method."
        )


def _signature(request: SignedRequest, signed: list[str], scope: list[str], secret: str) -> str:
    headers = "".join(
        f"{name}:{' '.join(request.headers.get(name, '').split())}\n" for name in signed
    )
    query = sorted(
        (quote(name, safe="-_.~"), quote(value, safe="-_.~"))
        for name, value in parse_qsl(request.query, keep_blank_values=True)
    )
    canonical = "\n".join(
        (
            request.method,
            quote(request.path, safe="/-_.~"),  # encoded once more than it was sent
            "&".join(f"{name}={value}" for name, value in query),
            headers,
            ";".join(signed),
            sha256(request.body).hexdigest(),
        )
    )
    at = request.headers.get("x-amz-date", "")
    digest = sha256(canonical.encode()).hexdigest()
    to_sign = "\n".join((_ALGORITHM, at, "/".join(scope), digest))
    key = f"AWS4{secret}".encode()
    for part in scope:
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, to_sign.encode(), "sha256").hex()
