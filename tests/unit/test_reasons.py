import pytest

from hadir.domain.reasons import Departure, Evidence, Reason, departure_of
from hadir.domain.session import PresenceEvent
from hadir.membership.replies import read_events
from hadir.wire.updates import event_data

HOUR = 3600_000


@pytest.mark.parametrize(
    ("code", "text", "age_ms", "reason"),
    [
        (1005, "Client-side close frame status not set", HOUR, Reason.CLIENT_CLOSED),
        (1000, "", HOUR, Reason.CLIENT_CLOSED),
        (1001, "", HOUR, Reason.CLIENT_CLOSED),
        (4001, "bye", HOUR, Reason.CLIENT_CLOSED),
        (4408, "", HOUR, Reason.NETWORK_ERROR),
        (4407, "", HOUR, Reason.CLIENT_CLOSED),
        (4409, "", HOUR, Reason.CLIENT_CLOSED),
        (3000, "", HOUR, Reason.CLIENT_CLOSED),
        (4999, "", HOUR, Reason.CLIENT_CLOSED),
        (1001, "Going away", HOUR, Reason.IDLE_TIMEOUT),
        (1001, "Going away", 2 * HOUR - 1, Reason.DURATION_LIMIT),
        (1006, "Connection Closed Abnormally", HOUR, Reason.NETWORK_ERROR),
        (1000, "Connection Closed Normally", HOUR, Reason.UNKNOWN),
        (1009, "", HOUR, Reason.UNKNOWN),
        (None, None, 0, Reason.UNKNOWN),
    ],
)
def test_what_a_close_code_means(
    code: int | None, text: str | None, age_ms: int, reason: Reason
) -> None:
    assert departure_of(code, text, age_ms) == Departure(reason, Evidence.CLOSE_FRAME, code)


@pytest.mark.parametrize("known", Reason)
def test_a_reason_is_read_as_it_was_written(known: Reason) -> None:
    assert Reason(known.value) is known


@pytest.mark.parametrize("word", ["moved_away", "", "KICKED"])
def test_what_a_later_version_wrote_is_not_known(word: str) -> None:
    """Before it was rolled back."""
    assert Reason(word) is Reason.UNKNOWN
    assert Evidence(word) is Evidence.NONE


def test_a_departure_that_a_later_version_recorded_is_read() -> None:
    """As a whole, with what is known of it; what is not stays out of the frame."""
    fields = {
        "type": "user_disconnected",
        "person": "customer/c",
        "at": "1000",
        "reason": "moved_away",
        "close_code": "4100",
        "evidence": "hearsay",
    }
    (event,) = read_events([("7-0", [each for pair in fields.items() for each in pair])], "e1")

    assert isinstance(event, PresenceEvent)
    assert event.departure == Departure(Reason.UNKNOWN, Evidence.NONE, 4100)
    assert event_data(event) == {
        "event_type": "user_disconnected",
        "event_user_id": "c",
        "event_user_type": "customer",
        "timestamp": "1970-01-01T00:00:01Z",
        "version": 7,
        "reason": "unknown",
        "close_code": 4100,
    }
