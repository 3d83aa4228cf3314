"""What goes wrong on purpose."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, fields

from apigw_local.errors import GatewayError

_chance = random.Random()  # noqa: S311 (faults are no secrets)
"""Our own: a test that a gateway runs beside may count on the common one."""

_UNBOUNDED = ("delay_disconnect", "posts_per_second")
"""What is no share."""


class NoSuchFault(GatewayError):
    """A fault of another name, or a value it cannot have."""


@dataclass(slots=True)
class Faults:
    """Faults, all off.

    Attributes:
        lose_disconnect: share of ``$disconnect`` events that are never delivered, 0 to 1: AWS
            delivers them on a best-effort basis.
        delay_disconnect: seconds by which the others come late.
        gone: share of posts that are answered 410 although the socket is there.
        throttle: share of posts that are answered 429.
        posts_per_second: posts beyond so many a second are answered 429; 0 for any number.
        cut: share of new sockets that are cut, each at some moment of its first minute.
        kill: share of invocations whose process is killed, at some moment before its answer counts.
        freeze: share of invocations whose process stands still for two seconds.

    The last two are of functions in processes of their own.
    """

    lose_disconnect: float = 0.0
    delay_disconnect: float = 0.0
    gone: float = 0.0
    throttle: float = 0.0
    posts_per_second: float = 0.0
    cut: float = 0.0
    kill: float = 0.0
    freeze: float = 0.0

    def set(self, values: Mapping[str, object]) -> None:
        """Change some; ``-`` in a name counts as ``_``.

        Raises:
            NoSuchFault: names what is wrong; nothing has changed then.
        """
        names = [each.name for each in fields(self)]
        changed = {}
        for given, value in values.items():
            name = given.replace("-", "_")
            if name not in names:
                raise NoSuchFault(f"there is no fault {given}, but {', '.join(names)}")
            if isinstance(value, bool) or not isinstance(value, int | float | str):
                raise NoSuchFault(f"{given} must be a number, not {value!r}")
            try:
                number = float(value)
            except ValueError:
                raise NoSuchFault(f"{given} must be a number, not {value!r}") from None
            highest = float("inf") if name in _UNBOUNDED else 1.0
            if not 0 <= number <= highest or number == float("inf"):
                most = " to 1" if highest == 1 else ""
                raise NoSuchFault(f"{given} must be from 0{most}, not {value}")
            changed[name] = number
        for name, number in changed.items():
            setattr(self, name, number)

    def values(self) -> dict[str, float]:
        """All of them, by name."""
        return {each.name: getattr(self, each.name) for each in fields(self)}


def strikes(share: float) -> bool:
    """Whether a fault of that share happens this time."""
    return _chance.random() < share


def some_moment(seconds: float) -> float:
    """A time from now, at most so many seconds."""
    return _chance.uniform(0, seconds)
