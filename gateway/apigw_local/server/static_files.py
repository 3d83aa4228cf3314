"""Files beside the HTTP API."""

from pathlib import Path

from aiohttp import web

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
"""Those that a page depends on; what the system says of them differs from machine to machine."""

_HEADERS = {"Access-Control-Allow-Origin": "*", "Cache-Control": "no-cache"}
"""Any page may import a module from here; and who has a file asks whether it has changed."""


def static_file(folder: Path, path: str) -> web.FileResponse | None:
    """The file in ``folder`` (resolved) that ``path`` names, ``index.html`` for a folder; or None.

    None too for what is not meant to be read: names that begin with a dot, ``node_modules``, what
    is outside of the folder, and what is one of these once links are followed.
    """
    if "\0" in path:
        return None
    try:
        file = (folder / path.lstrip("/")).resolve()
        file = (file / "index.html").resolve() if file.is_dir() else file
        if not file.is_file() or not file.is_relative_to(folder):
            return None
    except OSError:  # a name that is too long
        return None
    if any(_is_private(part) for part in file.relative_to(folder).parts):
        return None
    kind = _TYPES.get(file.suffix.lower())
    headers = {**_HEADERS, "Content-Type": kind} if kind else _HEADERS
    return web.FileResponse(file, headers=headers)


def _is_private(name: str) -> bool:
    return name.startswith(".") or name.lower() == "node_modules"
