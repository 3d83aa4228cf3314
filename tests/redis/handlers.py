"""Functions' handlers, called as Lambda's runtime does, in this process."""

import importlib.util
from types import ModuleType

from tests.running_gateway import ROOT


def load(function: str) -> ModuleType:
    """A function's module, imported anew: with what ``hadir.bootstrap`` builds by now."""
    path = ROOT / "functions" / function / "app.py"
    spec = importlib.util.spec_from_file_location(f"{function}_app", path)
    assert spec
    assert spec.loader
    app = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(app)
    return app
