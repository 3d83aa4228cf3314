"""What the tests' console takes of lists that are old, late or overtaken (docs/protocol.md)."""

from typing import Any

from tests.redis.consoles import Console


def status(name: str, version: int, users: int = 1, epoch: str = "e1") -> dict[str, Any]:
    people = {f"u{number}": {"user_type": "customer"} for number in range(users)}
    return {
        "session_id": name,
        "epoch": epoch,
        "status_version": version,
        "connection_status": {"users": people},
    }


class Line:
    """A console, what it asks, and what it is told."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.console = Console(self.asked.append)
        self.console.start()

    def page(self, position: dict[str, int], *names: str, **more: Any) -> None:
        sessions = [status(name, 1) for name in names]
        data = {"position": position, "sessions": sessions, "next": None, **more}
        self.console.take({"type": "watching", "data": data})

    def feed(self, previous: int, position: int, *events: dict[str, Any]) -> None:
        frames = [{"type": "connection_status_update", "data": event} for event in events]
        data = {"previous": {"7": previous}, "position": {"7": position}, "events": frames}
        self.console.take({"type": "feed", "data": data})

    def pages(self) -> list[str]:
        return [each["next"] for each in self.asked if "next" in each]


def test_a_list_that_proves_nothing_new_is_dropped() -> None:
    line = Line()
    line.page({"7": 10}, "s1")
    line.page({"7": 10}, "s2", recovered=False)
    assert set(line.console.table) == {"s1"}
    line.page({"7": 11}, "s2", recovered=False)
    assert set(line.console.table) == {"s2"}


def test_a_frame_of_which_everything_is_known_is_dropped() -> None:
    line = Line()
    line.page({"7": 10}, "s1")
    line.feed(8, 10, status("s1", 9, users=0, epoch="e2"))
    assert set(line.console.occupied()) == {"s1"}


def test_what_a_frame_told_that_overtook_the_list_is_kept() -> None:
    line = Line()
    line.feed(10, 11, status("s9", 1))
    assert not line.console.position
    line.page({"7": 10}, "s1")
    assert set(line.console.table) == {"s1", "s9"}


def test_a_page_that_nobody_waits_for_is_dropped() -> None:
    line = Line()
    line.page({"7": 10}, "s1")
    line.page({}, "s2")
    assert set(line.console.table) == {"s1"}


def test_two_lists_are_not_mixed() -> None:
    line = Line()
    line.page({"7": 10}, "s1", next="17.s1")
    line.page({"7": 20}, "s5", next="17.s5", recovered=False)
    line.page({}, "s2", "s3")  # of the earlier list
    assert line.pages() == ["17.s1"]
    assert set(line.console.table) == {"s1", "s5"}
    line.console.beat()
    assert line.pages() == ["17.s1", "17.s5"]
    line.page({}, "s6")
    assert set(line.console.table) == {"s5", "s6"}
