import pytest

from hadir.domain.reasons import Departure, Evidence, Reason, departure_of

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
