"""One function's modules among those of the whole process."""

import importlib
import sys
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

_importing = threading.Lock()


class Modules:
    """Imports from a function's folders.

    Functions may call different modules by one name, ``app`` above all, and this process has one
    table for all. So what others have imported under a name of ours is set aside while we import,
    and put back. What is ours alone stays there, for a patch or a later import to find.

    Args:
        folders: of the function's code, and of its layers.
    """

    def __init__(self, folders: list[Path]) -> None:
        self._folders = [folder.resolve() for folder in folders]
        self._imported: dict[str, ModuleType] = {}

    def load(self, name: str) -> ModuleType:
        """Import a module from our folders, before any other place.

        Raises:
            ImportError: it is not there; and whatever else its code raises.
        """
        paths = [str(folder) for folder in self._folders]
        with _importing:
            before = dict(sys.modules)
            aside = {key: sys.modules.pop(key) for key in before if self._is_anothers(key)}
            writes_nothing, sys.dont_write_bytecode = sys.dont_write_bytecode, True
            sys.path[:0] = paths
            importlib.invalidate_caches()
            try:
                return importlib.import_module(name)
            finally:
                sys.dont_write_bytecode = writes_nothing
                del sys.path[: len(paths)]
                sys.path.extend(path for path in paths if path not in sys.path)
                new = {key: sys.modules[key] for key in sys.modules if key not in before}
                self._imported |= {key: new[key] for key in new if self._is_ours(new[key])}
                sys.modules.update(aside)

    def forget(self) -> None:
        """Undo what `load` has done."""
        with _importing:
            for key, module in self._imported.items():
                if sys.modules.get(key) is module:
                    del sys.modules[key]
            self._imported.clear()
            for path in map(str, self._folders):
                if path in sys.path[1:]:
                    sys.path.remove(path)

    def _is_anothers(self, key: str) -> bool:
        """Whether a module goes by a name that is one of our files', and is not that."""
        top = key.partition(".")[0]
        mine = any((f / f"{top}.py").is_file() or (f / top).is_dir() for f in self._folders)
        return mine and not self._is_ours(sys.modules[key])

    def _is_ours(self, module: Any) -> bool:
        file = getattr(module, "__file__", None)
        if not isinstance(file, str):
            return False
        path = Path(file).resolve()
        # A virtual environment within the code's folder is not the function's.
        return any(
            path.is_relative_to(folder) and "site-packages" not in path.relative_to(folder).parts
            for folder in self._folders
        )
