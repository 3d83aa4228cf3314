"""The one link that `make run` prints."""

import re

import pytest

from local.link import framed, new_session, page_link

USUAL = {"websocket": "ws://127.0.0.1:8081/local", "http": "http://127.0.0.1:8082"}


@pytest.mark.parametrize(
    ("websocket", "http", "link"),
    [
        (USUAL["websocket"], USUAL["http"], "http://localhost:8082/?session=demo-1"),
        (
            "ws://127.0.0.1:9000/local",
            "http://127.0.0.1:9001",
            "http://localhost:9001/?session=demo-1&ws=ws://localhost:9000/local",
        ),
        (
            "ws://172.17.0.1:8081/local",
            "http://172.17.0.1:8082",
            "http://172.17.0.1:8082/?session=demo-1&ws=ws://172.17.0.1:8081/local",
        ),
        ("ws://0.0.0.0:8081/local", "http://0.0.0.0:8082", "http://localhost:8082/?session=demo-1"),
        ("ws://[::1]:8081/local", "http://[::1]:8082", "http://localhost:8082/?session=demo-1"),
        (
            "ws://[fe80::1]:8081/dev",
            "http://[fe80::1]:8082",
            "http://[fe80::1]:8082/?session=demo-1&ws=ws://[fe80::1]:8081/dev",
        ),
    ],
)
def test_it_says_where_the_sockets_are_unless_the_page_knows(
    websocket: str, http: str, link: str
) -> None:
    assert page_link(websocket, http, "demo-1", {}) == link


def test_tokens_stand_where_browsers_send_them_to_nobody() -> None:
    link = page_link(**USUAL, session="demo-1", tokens={"admin": "a.b.c", "customer": "d.e.f"})
    assert link == ("http://localhost:8082/?session=demo-1#admin_token=a.b.c&customer_token=d.e.f")


def test_each_run_has_a_session_of_its_own() -> None:
    sessions = {new_session() for _ in range(20)}
    assert len(sessions) == 20
    assert all(re.fullmatch(r"demo-[a-z0-9]{6}", each) for each in sessions)


def test_a_link_that_fits_is_in_a_frame() -> None:
    assert framed("http://localhost:8082/?session=demo-1f3k9x", 80).splitlines() == [
        "┌──────────────────────────────────────────────────────────────┐",
        "│ Open http://localhost:8082/?session=demo-1f3k9x              │",
        "└──────────────────────────────────────────────────────────────┘",
    ]
    longer = framed("http://localhost:9001/?session=demo-1f3k9x&ws=ws://localhost:9000/local", 80)
    assert len({len(line) for line in longer.splitlines()}) == 1


def test_one_that_would_wrap_is_on_a_line_of_its_own() -> None:
    link = f"http://localhost:8082/?session=demo-1f3k9x#admin_token={'x' * 200}"
    rule, said, alone, end = framed(link, 80).splitlines()
    assert (said, alone) == ("Open", link)
    assert rule == end == "─" * 64
