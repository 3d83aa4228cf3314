"""Functions' handlers, called as Lambda's runtime does, in this process."""

import importlib.util
import sys
from types import ModuleType
from unittest.mock import patch

from tests.running_gateway import ROOT


def load(function: str) -> ModuleType:
    """A function's module, imported anew: with what ``hadir.bootstrap`` builds by now."""
    folder = ROOT / "functions" / function
    for path in folder.glob("*.py"):
        sys.modules.pop(path.stem, None)
    spec = importlib.util.spec_from_file_location(f"{function}_app", folder / "app.py")
    assert spec
    assert spec.loader
    app = importlib.util.module_from_spec(spec)
    with patch.object(sys, "path", [str(folder), *sys.path]):
        spec.loader.exec_module(app)
    return app
