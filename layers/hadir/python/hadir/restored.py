"""Clients under SnapStart, which restores many copies from the snapshot of one process.

A copy must not use the credentials and connections in the snapshot ("Handling uniqueness with
Lambda SnapStart", AWS Lambda Developer Guide).
"""

import os
import random
from collections.abc import Callable
from typing import Any, TypeVar, cast

T = TypeVar("T")


def made_after_restore(make: Callable[[], T]) -> T:
    """The result of ``make``; with SnapStart it is called again in every restored copy."""
    if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") != "snap-start":
        return make()
    return cast("T", _Restored(make))


class _Restored:
    """A proxy for a client that is made anew in every copy."""

    def __init__(self, make: Callable[[], object]) -> None:
        from snapshot_restore_py import register_after_restore  # noqa: PLC0415 (Lambda has it)

        self._make = make
        self._made = make()
        register_after_restore(self._restore)

    def _restore(self) -> None:
        random.seed()  # otherwise all copies would draw the same jitter
        self._made = self._make()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._made, name)
