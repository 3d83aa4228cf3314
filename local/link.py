"""The one link that opens the page of a run, with all that the page needs."""

import secrets
import string
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

_ROOT = Path(__file__).resolve().parent.parent
_PAGES_OWN = "ws://localhost:8081/local"
"""Where the page looks for sockets by itself."""
_HERE = ("127.0.0.1", "::1", "0.0.0.0", "::")  # noqa: S104 (nothing is bound)
_PEOPLE = {"admin": "admin_456", "customer": "customer_123"}
_TOKEN_SECONDS = 8 * 3600
_WIDTH = 62
_LETTERS = string.ascii_lowercase + string.digits


class NoToken(Exception):
    """Tokens for the page cannot be made; the text says why."""


def new_session() -> str:
    """A session that nobody is in yet."""
    return "demo-" + "".join(secrets.choice(_LETTERS) for _ in range(6))


def page_link(websocket: str, http: str, session: str, tokens: Mapping[str, str]) -> str:
    """The page's address.

    Args:
        websocket: where sockets are, with the stage.
        http: where the page is, without a path.
        tokens: by the type of who shows them; none where everybody is whom they say they are.
    """
    sockets = _named(websocket)
    link = f"{_named(http)}/?session={session}"
    link += f"&ws={sockets}" if sockets != _PAGES_OWN else ""
    shown = "&".join(f"{kind}_token={token}" for kind, token in tokens.items())
    return f"{link}#{shown}" if shown else link


def page_tokens(secret: Path) -> dict[str, str]:
    """A token for each of the page's two people, good for 8 hours and sessions named ``demo-…``.

    Raises:
        NoToken: `hadir token` has failed.
    """
    return {kind: _token(kind, user, secret) for kind, user in _PEOPLE.items()}


def framed(link: str, columns: int) -> str:
    """The link so that it is seen: in a frame, or between two rules where that would wrap.

    Args:
        columns: how wide the terminal is, in characters.
    """
    text = f" Open {link} "
    width = max(_WIDTH, len(text))
    if width + 2 > columns:
        rule = "─" * (_WIDTH + 2)
        return f"{rule}\nOpen\n{link}\n{rule}"
    bar = "─" * width
    return f"┌{bar}┐\n│{text:<{width}}│\n└{bar}┘"


def _named(url: str) -> str:
    """The address with this machine's usual name, which browsers trust more than a number."""
    parts = urlsplit(url)
    if parts.hostname not in _HERE:
        return url
    return parts._replace(netloc=f"localhost:{parts.port}").geturl()


def _token(kind: str, user: str, secret: Path) -> str:
    made = subprocess.run(
        [
            *(sys.executable, "-m", "hadir", "token", "--secret-file", str(secret)),
            *("--session", "demo-*", "--user", user, "--type", kind),
            *("--expires", str(_TOKEN_SECONDS)),
        ],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        raise NoToken(f"no token for the page: {made.stderr.strip().rpartition(chr(10))[2]}")
    return made.stdout.strip()
