"""The benchmark of crowds counts what is posted, and prints nothing when a handler refuses."""

import subprocess
import sys

from tests.running_gateway import ROOT


def measure(*options: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.crowd", "--people", "2", "--rounds", "1", *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_in_a_session_of_two_it_counts_the_posts_of_two() -> None:
    done = measure()

    assert done.returncode == 0, done.stderr
    _, _, after = done.stdout.partition("\nposts\n")
    posts = dict(line.split() for line in after.partition("\nposted")[0].splitlines())
    # A newcomer is told too; one frame brings what was missed, and the status.
    assert posts == {"heartbeat": "1", "join": "3", "leave": "2", "message": "2", "sync": "1"}


def test_it_says_who_refused_and_prints_no_figure() -> None:
    done = measure("--env", "PEOPLE_PER_SESSION=2")

    assert done.returncode == 1
    assert done.stdout == ""
    assert "here: connect answered {'statusCode': 429}" in done.stderr
    assert "the session has too many people" in done.stderr


def test_a_message_that_is_refused_is_no_figure_either() -> None:
    done = measure("--env", "MESSAGES_PER_SECOND=1")

    assert done.returncode == 1
    assert done.stdout == ""
    assert "rate_limited" in done.stderr
