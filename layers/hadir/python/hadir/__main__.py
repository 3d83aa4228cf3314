"""``hadir token``: a token for development; in production your backend makes them."""

import argparse
import os
import sys
import time
from pathlib import Path

import jwt

from hadir.access.keys import fetch_secret
from hadir.domain.errors import HadirError, InvalidIdentity
from hadir.domain.grant import check_sessions
from hadir.domain.identity import (
    DEFAULT_TENANT,
    LONGEST_AVATAR,
    UserType,
    check_id,
    shown_avatar,
    shown_name,
)

_LOCAL_SECRET = Path(".hadir/token-secret")
_VARIABLE = "HADIR_TOKEN_SECRET"


class _NoSecret(Exception):
    """There is no secret to sign with; the text says what to do."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit status, 2 for arguments that are wrong."""
    parser = _parser()
    given = parser.parse_args(arguments)
    try:
        claims = {
            "session": list(check_sessions(given.session)),
            "user": check_id("--user", given.user),
            "type": given.type,
            "tenant": check_id("--tenant", given.tenant),
            "aud": given.audience,
            "exp": int(time.time()) + given.expires,
            **({"iss": given.issuer} if given.issuer else {}),
            **_shown(given),
        }
        print(_signed(claims, _secret(given)))
    except (InvalidIdentity, _NoSecret) as error:
        parser.error(str(error))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("hadir", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="token")
    token = commands.add_parser(
        "token",
        help="print a token, signed with HS256",
        epilog=f"Without an option, it is signed with the secret in ${_VARIABLE}, else with that "
        f"of `make run ARGS=--tokens` in {_LOCAL_SECRET}.",
    )
    sessions = "an id, or the beginning of ids and *; may be given more than once"
    token.add_argument("--session", required=True, action="append", metavar="ID", help=sessions)
    token.add_argument("--user", required=True, metavar="ID")
    token.add_argument("--type", required=True, choices=[kind.value for kind in UserType])
    token.add_argument("--tenant", default=DEFAULT_TENANT, metavar="ID")
    token.add_argument(
        "--expires", type=int, default=3600, metavar="SECONDS", help="from now; 3600"
    )
    token.add_argument("--audience", default="hadir", metavar="TEXT", help="TokenAudience; hadir")
    token.add_argument("--issuer", metavar="TEXT", help="TokenIssuer, where there is one")
    token.add_argument("--name", metavar="TEXT", help="what others are shown as the user's name")
    token.add_argument("--avatar", metavar="URL", help="https:// address of the user's picture")
    where = token.add_mutually_exclusive_group()
    where.add_argument("--secret-file", type=Path, metavar="FILE", help="sign with what is in it")
    where.add_argument("--secret-id", metavar="ARN", help="sign with that of Secrets Manager")
    return parser


def _shown(given: argparse.Namespace) -> dict[str, str]:
    """The claims that only say what is shown of the user.

    Raises:
        InvalidIdentity: it could not be shown.
    """
    if given.name is not None and not shown_name(given.name):
        raise InvalidIdentity("--name must have something printable in it")
    if given.avatar is not None and not shown_avatar(given.avatar):
        longest = f"{LONGEST_AVATAR} characters of ASCII"
        raise InvalidIdentity(f"--avatar must be an https:// address of at most {longest}")
    both = {"name": given.name, "avatar": given.avatar}
    return {name: value for name, value in both.items() if value is not None}


def _signed(claims: dict[str, object], secret: str) -> str:
    try:
        signer = jwt.PyJWT({"enforce_minimum_key_length": True})
        return signer.encode(claims, secret, algorithm="HS256")
    except jwt.InvalidKeyError as error:
        raise _NoSecret("the secret must have 32 bytes or more") from error


def _secret(given: argparse.Namespace) -> str:
    if given.secret_id:
        try:
            return fetch_secret(given.secret_id)("AWSCURRENT") or ""
        except HadirError as error:
            raise _NoSecret(str(error)) from error
    if secret := given.secret_file is None and os.environ.get(_VARIABLE):
        return secret
    file = given.secret_file or _LOCAL_SECRET
    try:
        return str(file.read_text().strip())
    except OSError as error:
        raise _NoSecret(
            f"there is no secret to sign with: {file} cannot be read ({error.strerror}); "
            f"set {_VARIABLE}, or give --secret-file or --secret-id"
        ) from error


if __name__ == "__main__":
    sys.exit(main())
