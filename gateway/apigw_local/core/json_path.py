"""JSON paths, as API Gateway's expressions and mapping templates name a part of a body.

Names after a dot, names in quotes and indexes in brackets: ``a.b``, ``['the action']``,
``items[0].kind``. Wildcards, slices and filters, which name several parts, are not read.
"""

import re
from typing import Any

_STEP = re.compile(
    r"""
    \.?(?P<name>[^.\[\]\s'"*]+)                # a.b
    |\.?\[\s*(?P<index>-?\d+)\s*\]             # [0]
    |\.?\[\s*(?P<quote>['"])(?P<quoted>.*?)(?P=quote)\s*\]   # ['the action']
    """,
    re.VERBOSE,
)
Path = tuple[str | int, ...]


def steps(path: str) -> Path:
    """The names and indexes of a path; without its ``$``.

    Raises:
        ValueError: it is none that is read here.
    """
    found: list[str | int] = []
    at = 0
    while at < len(path):
        step = _STEP.match(path, at)
        if step is None:
            raise ValueError(f"{path} is no path of names and indexes")
        if step["index"] is not None:
            found.append(int(step["index"]))
        else:
            found.append(step["name"] if step["name"] is not None else step["quoted"])
        at = step.end()
    return tuple(found)


def part(document: Any, path: Path) -> Any:
    """What is there.

    Raises:
        LookupError: nothing is.
    """
    for step in path:
        fits = isinstance(document, list if isinstance(step, int) else dict)
        if not fits:
            raise LookupError(step)
        document = document[step]
    return document
