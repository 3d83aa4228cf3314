"""Which of an HTTP API's routes takes a request ("Create routes for HTTP APIs")."""

import re

_VARIABLE = re.compile(r"\{[^{}]+\}")
_LITERAL, _MIXED, _FREE, _GREEDY = range(4)


def precedence(method: str, path: str) -> tuple[bool, bool, tuple[int, ...], bool]:
    """A key to sort routes by: the first that fits a request takes it.

    A route that fits the whole path comes before one with a greedy variable, ``$default`` last; of
    two such that which is literal where they first differ; of the same path, a method before
    ``ANY``.

    Args:
        path: as ``/items/{id}`` or ``/{proxy+}``, or ``$default``.
    """
    ranks = tuple(_rank(segment) for segment in path.split("/")[1:])
    return not path.startswith("/"), _GREEDY in ranks, ranks, method == "ANY"


def same_requests(path: str) -> str:
    """The same for two paths that take the same requests."""
    return re.sub(r"\{[^{}+]+(\+?)\}", r"{\1}", path)


def _rank(segment: str) -> int:
    if "+}" in segment:
        return _GREEDY
    if _VARIABLE.fullmatch(segment):
        return _FREE
    return _MIXED if "{" in segment else _LITERAL
