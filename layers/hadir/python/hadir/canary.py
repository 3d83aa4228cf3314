"""A canary: it connects and leaves as clients do, and times when others are told of it.

This exercises everything: API Gateway, the authorizer, the functions of a socket's life, Redis, and
posts.
"""

import json
import time
import uuid
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol
from urllib.parse import urlencode

from hadir.access.gate import offer
from hadir.domain.deadline import Deadline
from hadir.domain.errors import SocketFailed
from hadir.domain.identity import CANARY, Identity, UserType
from hadir.domain.session import EventType

STEP_SECONDS = 10.0
"""The timeout of each step; the grace is added to that of the leave."""

RUN_SECONDS = 44.0
"""The timeout of all steps together; the grace is added to it."""


class Socket(Protocol):
    """A client's socket."""

    def receive(self, seconds: float) -> bytes:
        """Wait for the next message; raise if none comes in time."""

    def close(self) -> None:
        """Close it; do nothing if it is already closed."""


OpenSocket = Callable[[str, str, float], Socket]
"""Opens a socket, given a URL, the subprotocols to offer, and a timeout in seconds."""


class Step(StrEnum):
    """The steps of a run, in order."""

    ADMIN_CONNECTS = "connecting the admin"
    ADMIN_IS_TOLD = "telling the admin of their own join"
    CUSTOMER_CONNECTS = "connecting the customer"
    JOIN_IS_TOLD = "telling the admin of the customer's join"
    CUSTOMER_IS_TOLD = "telling the customer of their own join"
    LEAVE_IS_TOLD = "telling the admin of the customer's leave"


@dataclass(slots=True)
class Run:
    """The outcome of one run.

    Attributes:
        step: the last step that was begun.
        join_ms: from the customer's handshake until the admin was told; None if they were not.
        leave_ms: the same from the close of the customer's socket, without the grace.
        error: why the step failed; None if it did not.
    """

    session_id: str
    step: Step = Step.ADMIN_CONNECTS
    join_ms: int | None = None
    leave_ms: int | None = None
    error: Exception | None = None


class Canary:
    """Connects and leaves, each time in a new session.

    Args:
        open_socket: raises if the socket cannot be opened.
        url: of the deployment's WebSocket API, without a query.
        sign: makes the token for an identity; None if no token is needed.
        grace_seconds: how long a leave is held back.
    """

    def __init__(
        self,
        open_socket: OpenSocket,
        url: str,
        sign: Callable[[Identity], str] | None,
        grace_seconds: float,
    ) -> None:
        self._open_socket = open_socket
        self._url = url
        self._sign = sign
        self._grace_seconds = grace_seconds

    def run(self, deadline: Deadline) -> Run:
        """Connect and leave once. The sockets are closed in any case."""
        run = Run(f"{CANARY}-{uuid.uuid4()}")
        try:
            with ExitStack() as opened:
                longest = self._grace_seconds + RUN_SECONDS
                self._run(run, deadline.within(longest), opened)
        except Exception as error:  # noqa: BLE001 (a canary reports any error)
            run.error = error
        return run

    def _run(self, run: Run, deadline: Deadline, opened: ExitStack) -> None:
        admin = self._connect(run, UserType.ADMIN, deadline, opened)
        run.step = Step.ADMIN_IS_TOLD
        joined = EventType.USER_CONNECTED
        _wait_until_told(admin, joined, UserType.ADMIN, deadline.within(STEP_SECONDS))

        run.step = Step.CUSTOMER_CONNECTS
        customer = self._connect(run, UserType.CUSTOMER, deadline, opened)
        run.step = Step.JOIN_IS_TOLD
        began = deadline.clock()
        _wait_until_told(admin, joined, UserType.CUSTOMER, deadline.within(STEP_SECONDS))
        run.join_ms = round((deadline.clock() - began) * 1000)
        # Otherwise a post still in flight might find the socket gone before $disconnect does.
        run.step = Step.CUSTOMER_IS_TOLD
        within = deadline.within(STEP_SECONDS)
        _wait_until_told(customer, joined, UserType.CUSTOMER, within, is_own=True)

        run.step = Step.LEAVE_IS_TOLD
        began = deadline.clock()
        customer.close()
        longest = self._grace_seconds + STEP_SECONDS
        left = EventType.USER_DISCONNECTED
        _wait_until_told(admin, left, UserType.CUSTOMER, deadline.within(longest))
        took = deadline.clock() - began - self._grace_seconds
        run.leave_ms = max(round(took * 1000), 0)

    def _connect(
        self, run: Run, user_type: UserType, deadline: Deadline, opened: ExitStack
    ) -> Socket:
        expires_at = int(time.time() + deadline.seconds_left) + 1
        who = Identity(run.session_id, f"{CANARY}-{user_type}", user_type, CANARY, expires_at)
        token = self._sign(who) if self._sign else None
        asked = {"session_id": who.session_id, "user_id": who.user_id, "user_type": user_type.value}
        socket = self._open_socket(
            f"{self._url}?{urlencode(asked)}",
            offer(token),
            deadline.within(STEP_SECONDS).seconds_left,
        )
        return opened.enter_context(closing(socket))


def _wait_until_told(
    socket: Socket, event: EventType, of: UserType, deadline: Deadline, *, is_own: bool = False
) -> None:
    """Read updates until one is about ``event`` of that type of user; ignore others.

    Args:
        is_own: whether it is the reader's own event, of which a customer may be told no more than
            that something happened (``roles.CustomersSee``).

    Raises:
        SocketFailed: the update's status is from before the event.
    """
    while True:
        data = json.loads(socket.receive(deadline.seconds_left))["data"]
        is_untold = is_own and "version" in data and "event_type" not in data
        if (data.get("event_type"), data.get("event_user_type")) != (event, of) and not is_untold:
            continue
        present = data["connection_status"][_PRESENT[of]]
        if present != (event is EventType.USER_CONNECTED):
            raise SocketFailed(f"{event} came with a status from before it")
        return


_PRESENT = {UserType.ADMIN: "agent_connected", UserType.CUSTOMER: "customer_connected"}
"""The field of the status that says whether anybody of that type is present: here, one at most."""
