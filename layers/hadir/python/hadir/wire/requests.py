"""What a client may send, checked before anything is done about it."""

from typing import Literal

from pydantic import BaseModel, ValidationError

from hadir.domain.errors import InvalidRequest


class Heartbeat(BaseModel, extra="ignore"):
    """``{"action": "heartbeat"}``: the client is alive and wants to know that we are."""

    action: Literal["heartbeat"]


class _Action(BaseModel, extra="ignore"):
    action: str


def parse_request(body: str | None) -> Heartbeat:
    """Read a text frame.

    Raises:
        InvalidRequest: ``invalid_json``, ``invalid_payload`` (no ``action``) or ``unknown_action``.
    """
    try:
        action = _Action.model_validate_json(body or "").action
    except ValidationError as error:
        if error.errors()[0]["type"] == "json_invalid":
            raise InvalidRequest("invalid_json", "the message is not JSON") from None
        raise InvalidRequest(
            "invalid_payload", 'the message must be an object with a text "action"'
        ) from None
    if action != "heartbeat":
        raise InvalidRequest("unknown_action", "the only action known is heartbeat")
    return Heartbeat(action="heartbeat")
