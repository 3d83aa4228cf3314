"""The one link that `make run` prints."""

from pathlib import Path

import pytest

from hadir.access.keys import SecretKeys
from hadir.access.tokens import Tokens
from hadir.domain.identity import UserType
from local.link import framed, page_link, page_tokens
from local.tokens import NoToken

USUAL = {"websocket": "ws://127.0.0.1:8081/local", "http": "http://127.0.0.1:8082"}


@pytest.mark.parametrize(
    ("websocket", "http", "link"),
    [
        (USUAL["websocket"], USUAL["http"], "http://localhost:8082/"),
        (
            "ws://127.0.0.1:9000/local",
            "http://127.0.0.1:9001",
            "http://localhost:9001/?ws=ws://localhost:9000/local",
        ),
        (
            "ws://172.17.0.1:8081/local",
            "http://172.17.0.1:8082",
            "http://172.17.0.1:8082/?ws=ws://172.17.0.1:8081/local",
        ),
        ("ws://0.0.0.0:8081/local", "http://0.0.0.0:8082", "http://localhost:8082/"),
        ("ws://[::1]:8081/local", "http://[::1]:8082", "http://localhost:8082/"),
        (
            "ws://[fe80::1]:8081/dev",
            "http://[fe80::1]:8082",
            "http://[fe80::1]:8082/?ws=ws://[fe80::1]:8081/dev",
        ),
    ],
)
def test_it_says_where_the_sockets_are_unless_the_page_knows(
    websocket: str, http: str, link: str
) -> None:
    assert page_link(websocket, http, {}) == link


def test_tokens_stand_where_browsers_send_them_to_nobody() -> None:
    link = page_link(**USUAL, tokens={"desk": "a.b.c", "customer": "d.e.f"})
    assert link == "http://localhost:8082/#desk_token=a.b.c&customer_token=d.e.f"


def test_the_desks_token_is_for_all_sessions_and_the_customers_for_the_demos(
    tmp_path: Path,
) -> None:
    (tmp_path / "secret").write_text("s" * 32)
    tokens = page_tokens(tmp_path / "secret")
    read = Tokens("hadir", secret=SecretKeys({"AWSCURRENT": "s" * 32}.get)).read
    desk, customer = read(tokens["desk"]), read(tokens["customer"])
    assert (desk.sessions, desk.user_type, desk.name) == (("*",), UserType.ADMIN, "Dewi")
    assert (customer.sessions, customer.user_type) == (("demo-*",), UserType.CUSTOMER)
    assert customer.name == "Kirana"


@pytest.mark.parametrize("secret", [None, "too short"])
def test_a_secret_that_cannot_sign_is_named(tmp_path: Path, secret: str | None) -> None:
    if secret:
        (tmp_path / "secret").write_text(secret)
    with pytest.raises(NoToken, match="secret"):
        page_tokens(tmp_path / "secret")


def test_a_link_that_fits_is_in_a_frame() -> None:
    assert framed("http://localhost:8082/", 80).splitlines() == [
        "┌──────────────────────────────────────────────────────────────┐",
        "│ Open http://localhost:8082/                                  │",
        "└──────────────────────────────────────────────────────────────┘",
    ]
    longer = framed(f"http://localhost:9001/?ws=ws://localhost:9000/local{'x' * 20}", 80)
    assert len({len(line) for line in longer.splitlines()}) == 1


def test_one_that_would_wrap_is_on_a_line_of_its_own() -> None:
    link = f"http://localhost:8082/#desk_token={'x' * 200}"
    rule, said, alone, end = framed(link, 80).splitlines()
    assert (said, alone) == ("Open", link)
    assert rule == end == "─" * 64
