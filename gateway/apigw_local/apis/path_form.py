"""Paths for clients that were written for a server with paths."""

import re
from urllib.parse import parse_qsl, urlencode


class PathForm:
    """Accepts ``/ws/{a}/{b}`` for ``/{stage}?a=…&b=…``.

    API Gateway's WebSocket URLs have no path beyond the stage; in AWS a CloudFront function does
    this.
    """

    def __init__(self, pattern: str) -> None:
        parts = re.split(r"\{(\w+)\}", pattern)
        self._names = parts[1::2]
        self._pattern = re.compile(
            "".join("([^/]+)" if index % 2 else re.escape(part) for index, part in enumerate(parts))
        )

    def query(self, path: str, query: str) -> str | None:
        """The query string that says the same; None if the path is not of this form."""
        found = self._pattern.fullmatch(path)
        if found is None:
            return None
        named = dict(zip(self._names, found.groups(), strict=True))
        rest = parse_qsl(query, keep_blank_values=True)
        both = [*named.items(), *((k, v) for k, v in rest if k not in named)]
        return urlencode(both, errors="replace")  # what is not UTF-8 comes as half characters
