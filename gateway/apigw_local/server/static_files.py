"""Files beside the HTTP API."""

from mimetypes import guess_type
from pathlib import Path

from apigw_local.server.messages import Response

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

_HEADERS = (("Access-Control-Allow-Origin", "*"), ("Cache-Control", "no-cache"))
"""Any page may import a module from here; and who has a file asks whether it has changed."""


def static_file(folder: Path, path: str, known: str | None) -> Response | None:
    """The file in ``folder`` (resolved) that ``path`` names, ``index.html`` for a folder; or None.

    None too for what is not meant to be read: names that begin with a dot, ``node_modules``, what
    is outside of the folder, and what is one of these once links are followed.

    Args:
        known: ``If-None-Match`` of the request.
    """
    if "\0" in path:
        return None
    try:
        file = (folder / path.lstrip("/")).resolve()
        file = (file / "index.html").resolve() if file.is_dir() else file
        if not file.is_file() or not file.is_relative_to(folder):
            return None
        if any(_is_private(part) for part in file.relative_to(folder).parts):
            return None
        about = file.stat()
        tag = f'"{about.st_mtime_ns:x}-{about.st_size:x}"'
        headers = [*_HEADERS, ("ETag", tag)]
        if known is not None and tag in known:
            return Response(304, headers=headers)
        return Response(200, file.read_bytes(), [*headers, ("Content-Type", _type_of(file))])
    except (OSError, UnicodeEncodeError):  # a name that is too long, or that none can have
        return None


def _type_of(file: Path) -> str:
    kind, encoding = guess_type(file.name)
    if encoding:  # it is unpacked by whoever wants to
        kind = None
    return _TYPES.get(file.suffix.lower()) or kind or "application/octet-stream"


def _is_private(name: str) -> bool:
    return name.startswith(".") or name.lower() == "node_modules"
