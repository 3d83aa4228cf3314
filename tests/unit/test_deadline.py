"""How long somebody may still work."""

from hadir.domain.deadline import Deadline


class Clock:
    """Seconds that pass only when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_what_is_left_goes_down_to_zero_and_below() -> None:
    clock = Clock()
    deadline = Deadline.after(5, clock)

    assert deadline.seconds_left == 5
    clock.now += 7
    assert deadline.seconds_left == -2


def test_a_part_ends_with_the_whole_at_the_latest() -> None:
    clock = Clock()
    deadline = Deadline.after(5, clock)

    assert deadline.within(3).seconds_left == 3
    assert deadline.within(30).seconds_left == 5
    clock.now += 4
    assert deadline.within(3).seconds_left == 1
    assert deadline.within(3).within(0.5).seconds_left == 0.5
