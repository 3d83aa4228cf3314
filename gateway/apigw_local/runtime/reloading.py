"""Watches the functions' code and layers."""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

from watchfiles import awatch

from apigw_local.log import Log
from apigw_local.template.model import Function

_SETTLED_MILLISECONDS = 100
"""An editor's save is several changes; they count as one when so long nothing more has come."""


class Watcher:
    """Tells which functions' code has changed on disk."""

    def __init__(
        self, functions: Mapping[str, Function], changed: Callable[[str], None], log: Log
    ) -> None:
        self._folders = {
            name: [each.code.resolve(), *(layer.resolve() for layer in each.layers)]
            for name, each in functions.items()
        }
        self._changed = changed
        self._log = log
        self._stopped = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin: from here on no change goes unseen."""
        self._task = asyncio.create_task(self._watch())
        await asyncio.sleep(0)  # its first step is to ask the system for changes

    async def stop(self) -> None:
        """Watch no more."""
        self._stopped.set()
        if self._task:
            await self._task

    async def _watch(self) -> None:
        folders = {folder for each in self._folders.values() for folder in each}
        # A folder within another one is watched already.
        outer = [each for each in folders if not folders & set(each.parents)]
        try:
            await self._follow(outer)
        except (OSError, RuntimeError) as error:  # the system watches no more files, for example
            self._log.trouble("reload", f"changes of the code go unseen: {error}")

    async def _follow(self, folders: list[Path]) -> None:
        async for changes in awatch(
            *folders, step=_SETTLED_MILLISECONDS, stop_event=self._stopped, rust_timeout=1000
        ):
            paths = [Path(path).resolve() for _, path in changes]
            for name, own in self._folders.items():
                found = next((p for p in paths if any(p.is_relative_to(f) for f in own)), None)
                if found:
                    self._log.gateway("reload", f"{name}: {found.name} has changed")
                    self._changed(name)
