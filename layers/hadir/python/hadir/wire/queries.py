"""What stands in a REST request's query string."""

import re

from hadir.domain.errors import InvalidRequest


def read_number(text: str | None, name: str, *, least: int = 0, usual: int, most: int) -> int:
    """A whole number in a range; ``usual`` where there is none.

    Raises:
        InvalidRequest: ``invalid_request``, naming the parameter.
    """
    if text is None:
        return usual
    if not re.fullmatch(r"[0-9]{1,16}", text, re.ASCII) or not least <= int(text) <= most:
        raise InvalidRequest("invalid_request", f"{name} must be a number from {least} to {most}")
    return int(text)
