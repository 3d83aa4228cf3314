"""JSON that others wrote."""

import json
from typing import Any


def parsed(text: str | bytes) -> Any:
    """What a text in JSON says.

    Raises:
        ValueError: it is not JSON, or nested deeper than can be read.
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def written(value: Any) -> str:
    """A value as JSON.

    Raises:
        ValueError: it is nested deeper than can be written.
    """
    try:
        return json.dumps(value)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
