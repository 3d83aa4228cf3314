"""The npm package: what is in it, what its types say, how large it is, and that it can be used."""

import gzip
import json
import shutil
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.running_gateway import ROOT

WEB = ROOT / "web"
NODE_MODULES = ROOT / "tests" / "browser" / "node_modules"
CONSUMER = Path(__file__).parent / "consumer"
ENTRIES = ["hadir.js", "chat.js", "react.js", "vue.js", "watcher.js", "hadir-chat.js"]
FRAMEWORKS = ["--external:react", "--external:vue"]


def run(*command: str | Path, cwd: Path) -> str:
    """What a command prints. It must succeed."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    return output


def tool(name: str) -> Path:
    return NODE_MODULES / ".bin" / name


@pytest.fixture(scope="module")
def tarball(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as it would be published."""
    folder = tmp_path_factory.mktemp("packed")
    run("npm", "pack", "--silent", "--pack-destination", folder, cwd=WEB)
    (packed,) = folder.iterdir()
    return packed


def install(tarball: Path, folder: Path, react: str = "19") -> Path:
    """A consumer's project, with the package in its node_modules."""
    shutil.copytree(CONSUMER, folder, dirs_exist_ok=True)
    installed = folder / "node_modules"
    with tarfile.open(tarball) as packed:
        packed.extractall(installed, filter="data")
    (installed / "package").rename(installed / "hadir")
    for name in ("vue", "vite", "@types"):
        (installed / name).symlink_to(NODE_MODULES / name)
    for name in ("react", "react-dom"):  # which look for each other beside themselves
        shutil.copytree(NODE_MODULES / f"{name}{react}", installed / name)
    return folder


@pytest.fixture(scope="module")
def project(tarball: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(tarball, tmp_path_factory.mktemp("consumer"))


def bundle(entry: Path, external: Sequence[str] = FRAMEWORKS) -> bytes:
    """A module and all it imports, as small as it gets."""
    options = ["--bundle", "--minify", "--format=esm", *external]
    return run(tool("esbuild"), entry, *options, cwd=ROOT).encode()


@pytest.mark.parametrize("project", [".", "desk", "stage"])
def test_the_modules_are_typed(project: str) -> None:
    run(tool("tsc"), "--noEmit", "--project", project, cwd=WEB)


def test_the_package_is_what_its_entries_need(tarball: Path, tmp_path: Path) -> None:
    meta = tmp_path / "meta.json"
    options = ["--bundle", "--format=esm", f"--metafile={meta}", f"--outdir={tmp_path}"]
    run(tool("esbuild"), *ENTRIES, *options, *FRAMEWORKS, cwd=WEB)
    modules = json.loads(meta.read_text())["inputs"]

    with tarfile.open(tarball) as packed:
        names = {name.removeprefix("package/") for name in packed.getnames()}

    types = {f"types/{Path(name).with_suffix('.d.ts')}" for name in modules}
    assert names == {*modules, *types, "package.json", "README.md", "LICENSE"}


def test_publint_and_are_the_types_wrong_find_nothing(tarball: Path, tmp_path: Path) -> None:
    run(tool("publint"), "--strict", tarball, cwd=tmp_path)
    run(tool("attw"), tarball, "--profile", "esm-only", cwd=tmp_path)


def test_a_project_in_typescript_compiles(project: Path) -> None:
    """Also that what is misused in it does not: tsc tells of each expected error that is none."""
    run(tool("tsc"), "--noEmit", cwd=project)
    run(tool("tsc"), "--noEmit", "--skipLibCheck", "false", "--types", "", cwd=project)


def test_vite_builds_the_project(project: Path) -> None:
    assert "built in" in run(tool("vite"), "build", cwd=project)


@pytest.mark.parametrize("react", ["18", "19"])
def test_a_server_renders_it(tarball: Path, tmp_path: Path, react: str) -> None:
    run("node", "server.mjs", cwd=install(tarball, tmp_path, react))


@pytest.mark.parametrize(
    ("entry", "without", "most"),
    [
        ("hadir.js", [], 5_120),
        ("react.js", ["./hadir.js", "./connection.js"], 2_048),
        ("vue.js", ["./hadir.js", "./connection.js"], 2_048),
        ("hadir-chat.js", [], 12_288),
    ],
)
def test_it_is_small(project: Path, entry: str, without: list[str], most: int) -> None:
    """What it adds to a page: minified and compressed."""
    external = [*FRAMEWORKS, *(f"--external:{name}" for name in without)]
    size = len(gzip.compress(bundle(project / "node_modules" / "hadir" / entry, external), 9))
    print(f"{entry}: {size:,} bytes")
    assert size < most


def test_the_desk_is_small() -> None:
    """All of its code, minified and compressed; it is served as it stands, unbundled."""
    size = len(gzip.compress(bundle(WEB / "desk" / "page.js", []), 9))
    print(f"desk: {size:,} bytes")
    assert size < 30_720
