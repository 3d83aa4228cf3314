"""``make sam-local`` where it cannot run. Where it can: ``make test-sam-local``."""

from pathlib import Path

import pytest

from local.sam import NoSam, start_lambda, this_machine


@pytest.fixture(autouse=True)
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder that programs are found in."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("SAM_LOCAL_HOST", raising=False)
    return tmp_path


def test_without_docker_it_says_so() -> None:
    with pytest.raises(NoSam, match="needs Docker, and there is none here"), start_lambda([], {}):
        pass


def test_a_docker_that_does_not_answer_is_shown(path: Path) -> None:
    program = path / "docker"
    program.write_text("#!/bin/sh\necho is the engine running? >&2\nexit 1\n")
    program.chmod(0o755)

    with pytest.raises(NoSam, match="does not answer: is the engine running"):
        this_machine()


def test_servers_listen_where_containers_find_them(path: Path) -> None:
    program = path / "docker"
    program.write_text("#!/bin/sh\necho 172.17.0.1\n")
    program.chmod(0o755)

    assert this_machine() == ("172.17.0.1", "172.17.0.1")
