"""The one link that opens the page of a run, with all that the page needs."""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from local.tokens import token

_PAGES_OWN = "ws://localhost:8081/local"
"""Where the page looks for sockets by itself."""
_HERE = ("127.0.0.1", "::1", "0.0.0.0", "::")  # noqa: S104 (nothing is bound)
_TOKEN_SECONDS = 8 * 3600
_WIDTH = 62


def page_link(websocket: str, http: str, tokens: Mapping[str, str]) -> str:
    """The page's address.

    Args:
        websocket: where sockets are, with the stage.
        http: where the page is, without a path.
        tokens: by the part of the page that shows them; none where everybody is whom they say they
            are.
    """
    sockets = _named(websocket)
    link = f"{_named(http)}/"
    link += f"?ws={sockets}" if sockets != _PAGES_OWN else ""
    shown = "&".join(f"{part}_token={proof}" for part, proof in tokens.items())
    return f"{link}#{shown}" if shown else link


def page_tokens(secret: Path) -> dict[str, str]:
    """A token for each of the page's two people, good for 8 hours.

    The desk's is an admin's, for all sessions; the customer's is for sessions named ``demo-…``.

    Raises:
        NoToken: the secret is none to sign with.
    """
    return {
        "desk": token(secret, "*", "dewi", "admin", "Dewi", _TOKEN_SECONDS),
        "customer": token(secret, "demo-*", "customer_123", "customer", "Kirana", _TOKEN_SECONDS),
    }


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
