"""Pages of tests/browser/pages with a framework in them, as esbuild bundles them."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from tests.browser.serving import served_pages

_HERE = Path(__file__).parent
_NODE_MODULES = _HERE / "node_modules"
_VUE_FLAGS = ("OPTIONS_API__", "PROD_DEVTOOLS__", "PROD_HYDRATION_MISMATCH_DETAILS__")
_DEFINED = {
    "process.env.NODE_ENV": '"development"',
    **{f"__VUE_{flag}": "false" for flag in _VUE_FLAGS},
}


@cache
def _page(framework: str) -> str:
    """Of ``react18``, ``react19`` or ``vue``, in development mode, which warns the most."""
    name = framework.rstrip("0123456789")
    version = framework.removeprefix(name)
    aliases = {"react": f"react{version}", "react-dom": f"react-dom{version}"} if version else {}
    script = subprocess.run(
        [
            _NODE_MODULES / ".bin" / "esbuild",
            f"pages/{name}.js",
            *("--bundle", "--format=iife", "--log-level=warning"),
            *(f"--alias:{name}={other}" for name, other in aliases.items()),
            *(f"--define:{name}={value}" for name, value in _DEFINED.items()),
        ],
        cwd=_HERE,
        env={**os.environ, "NODE_PATH": str(_NODE_MODULES)},
        check=True,
        capture_output=True,
        text=True,
    ).stdout.replace("</script", "<\\/script")
    icon = '<link rel="icon" href="data:,">'
    return (
        f'<!doctype html><meta charset="utf-8">{icon}<div id="root"></div><script>{script}</script>'
    )


@contextmanager
def served_bundles() -> Iterator[str]:
    """The address under which each page is served by its name."""
    with served_pages(lambda path, _query: _page(path[1:])) as address:
        yield address
