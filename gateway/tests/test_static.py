"""Files beside the HTTP API: who may read them, as what, and which are never served."""

import urllib.error
import urllib.request
from http.client import HTTPConnection
from pathlib import Path

import pytest

from apigw_local.testing import LocalGateway
from tests.conftest import Serve

CODE = "def handler(event, context): pass"
HERE = ("page.js", "module.mjs", "page.css", "data.json", "index.html", "image.svg", "page.js.map")
NEVER = (".env", ".git/config", "node_modules/left/pad.js", "more/.hidden", "more/.deep/file.txt")


@pytest.fixture
def served(serve: Serve, tmp_path: Path) -> LocalGateway:
    folder = tmp_path / "web"
    for name in (*HERE, *NEVER, "other.unheard-of", "more/index.html"):
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
    (tmp_path / "outside.txt").write_text("outside")
    (folder / "out.txt").symlink_to(tmp_path / "outside.txt")
    (folder / "seen.txt").symlink_to(folder / ".env")
    return serve(CODE, {"$default": {}}, static=folder)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/page.js", "text/javascript; charset=utf-8"),
        ("/module.mjs", "text/javascript; charset=utf-8"),
        ("/page.css", "text/css; charset=utf-8"),
        ("/data.json", "application/json"),
        ("/index.html", "text/html; charset=utf-8"),
        ("/", "text/html; charset=utf-8"),
        ("/more/", "text/html; charset=utf-8"),
        ("/image.svg", "image/svg+xml"),
        ("/page.js.map", "application/json"),
        ("/other.unheard-of", "application/octet-stream"),
    ],
)
def test_any_page_may_read_them_and_asks_again_each_time(
    served: LocalGateway, path: str, kind: str
) -> None:
    request = urllib.request.Request(f"{served.http}{path}", headers={"Origin": "http://x.example"})
    with urllib.request.urlopen(request) as answer:
        assert answer.headers["Content-Type"] == kind
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert answer.headers["Cache-Control"] == "no-cache"
        again = urllib.request.Request(
            answer.url, headers={"If-None-Match": answer.headers["ETag"], "Origin": "http://x"}
        )
    with pytest.raises(urllib.error.HTTPError) as unchanged:
        urllib.request.urlopen(again)
    with unchanged.value as answer:
        assert answer.code == 304
        assert answer.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize(
    "path",
    [
        *(f"/{name}" for name in NEVER),
        "/.git",
        "/node_modules",
        "/%2eenv",
        "/Node_Modules/left/pad.js",
        "/more/../.env",
        "/../outside.txt",
        "/%2e%2e/outside.txt",
        "/..%2foutside.txt",
        "//outside.txt",
        "/out.txt",
        "/seen.txt",
    ],
)
def test_some_are_never_served(served: LocalGateway, path: str) -> None:
    address = served.http.removeprefix("http://")
    connection = HTTPConnection(address, timeout=10)
    connection.request("GET", path)  # as it is: urllib would tidy it up
    assert connection.getresponse().status == 404
    connection.close()
