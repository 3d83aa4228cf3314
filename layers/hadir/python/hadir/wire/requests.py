"""Reads clients' messages, and checks them before anything is done about them."""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from hadir.domain.bans import LONGEST_REASON
from hadir.domain.errors import InvalidIdentity, InvalidRequest
from hadir.domain.grant import LONGEST_TOKEN
from hadir.domain.identity import UserType, check_id
from hadir.domain.limits import LONGEST_TEXT
from hadir.domain.state import check_state


def _check_id(value: str) -> str:
    try:
        return check_id("it", value)
    except InvalidIdentity as refused:
        raise ValueError(str(refused).removeprefix("it ")) from refused


_LAST_FEED = 255

_Id = Annotated[str, Field(strict=True), AfterValidator(_check_id)]


def _check_feed(value: str) -> str:
    """As the server writes it: if a feed had two names, one serial would replace the other."""
    if not re.fullmatch("0|[1-9][0-9]{0,2}", value, re.ASCII) or int(value) > _LAST_FEED:
        raise ValueError(f"its keys must be numbers of feeds, from 0 to {_LAST_FEED}")
    return value


_Partition = Annotated[int, BeforeValidator(_check_feed)]
_Serial = Annotated[int, Field(ge=0, le=2**53, strict=True)]


class Heartbeat(BaseModel):
    """The client is alive, and checks that the server is."""

    action: Literal["heartbeat"]


class Position(BaseModel):
    """The last event a client has seen."""

    epoch: Annotated[str, Field(min_length=1, max_length=64)]
    version: Annotated[int, Field(ge=0, le=2**53, strict=True)]


class Sync(BaseModel):
    """The client asks for the events after a position, or only for the status."""

    action: Literal["sync"]
    since: Position | None = None


class Message(BaseModel):
    """The client sends a message to everyone in the session.

    Attributes:
        client_id: its own name for the message; a repeated one is not recorded again.
    """

    action: Literal["message"]
    text: Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT, strict=True)]
    client_id: _Id | None = None


class Typing(BaseModel):
    """The client's user has started or stopped writing."""

    action: Literal["typing"]
    on: Annotated[bool, Field(strict=True)]


class SetState(BaseModel):
    """The client says what everyone is to be shown of its user."""

    action: Literal["set_state"]
    state: Annotated[dict[str, Any], AfterValidator(check_state)]


class Reauthorize(BaseModel):
    """The client sends a fresh token, before its current one expires."""

    action: Literal["reauthorize"]
    token: Annotated[str, Field(min_length=1, max_length=LONGEST_TOKEN, strict=True)]


class Kick(BaseModel):
    """An admin has somebody put out of the session.

    Attributes:
        user_type: needed where two people in the session have that id.
        reason: told to the person who is kicked.
    """

    action: Literal["kick"]
    user_id: _Id
    user_type: UserType | None = None
    reason: Annotated[str, Field(min_length=1, max_length=LONGEST_REASON, strict=True)] | None = (
        None
    )


class Assign(BaseModel):
    """An agent or admin says who has a session.

    Attributes:
        user_id: of who is to have it; None for nobody; absent for the sender.
        user_type: theirs, if the id alone does not say who is meant.
        session_id: None for the session of the socket.
        expect: the ``user_id`` of who must have it now, if it is given; None for nobody.
        client_id: its own name for the message, which the answer repeats.
    """

    action: Literal["assign"]
    user_id: _Id | None = None
    user_type: Literal["agent", "admin"] | None = None
    session_id: _Id | None = None
    expect: _Id | None = None
    client_id: _Id | None = None

    @property
    def is_for_sender(self) -> bool:
        """Whether the sender is to have it, whoever that is."""
        return "user_id" not in self.model_fields_set

    @property
    def expected(self) -> str | None:
        """The ``user_id`` of who must have it now, empty for nobody; None if that is not asked."""
        return (self.expect or "") if "expect" in self.model_fields_set else None


class _Watched(BaseModel):
    """One session, or all of the tenant.

    Attributes:
        session_id: the session; None for all.
        all: True for all; None for one.
    """

    session_id: _Id | None = None
    all: Annotated[bool, Field(strict=True)] | None = None

    @model_validator(mode="after")
    def _is_one_or_all(self) -> Self:
        if (self.session_id is None) == (self.all is None) or self.all is False:
            raise ValueError('give either session_id or "all": true')
        return self


class Watch(_Watched):
    """An agent, or an admin, watches sessions without being present in them.

    Attributes:
        since: the last event that the client has seen of that session.
        position: by feed, the serial up to which the client knows everything.
        next: the page of sessions that it asks for.
        client_id: its own name for the message, which an error repeats.
    """

    action: Literal["watch"]
    client_id: _Id | None = None
    since: Position | None = None
    position: Annotated[dict[_Partition, _Serial], Field(max_length=256)] | None = None
    next: Annotated[str, Field(max_length=200, strict=True)] | None = None


class Unwatch(_Watched):
    """The opposite of ``watch``."""

    action: Literal["unwatch"]


Request = (
    Heartbeat | Sync | Message | Typing | SetState | Reauthorize | Kick | Assign | Watch | Unwatch
)

_REQUESTS: TypeAdapter[Request] = TypeAdapter(Annotated[Request, Field(discriminator="action")])


def parse_request(body: str | None) -> Request:
    """Read a text frame.

    Raises:
        InvalidRequest: ``invalid_json``, ``unknown_action``, ``too_large`` or ``invalid_payload``,
            with a sentence that names the field.
    """
    try:
        return _REQUESTS.validate_json(body or "")
    except ValidationError as error:
        raise _refusal(error) from None


class _Named(BaseModel):
    action: Literal["message", "assign", "watch"]
    client_id: _Id


def client_id_of(body: str | None) -> str | None:
    """The ``client_id`` of what may have one, even if the rest is invalid; None if it has none."""
    try:
        return _Named.model_validate_json(body or "").client_id
    except ValidationError:
        return None


def _refusal(error: ValidationError) -> InvalidRequest:
    first = error.errors(include_url=False, include_input=False)[0]
    path = first["loc"][1:]
    if path[-1:] == ("[key]",):
        path = path[:-2]  # of a key, which may be hostile, say only where it is
    field = ".".join(map(str, path))
    match first["type"]:
        case "json_invalid":
            return InvalidRequest("invalid_json", "the message is not JSON")
        case "union_tag_invalid":
            known = first["ctx"]["expected_tags"]
            return InvalidRequest("unknown_action", f"action must be one of {known}")
        case "string_too_long":
            most = first["ctx"]["max_length"]
            return InvalidRequest("too_large", f"{field} must have at most {most} characters")
        case "union_tag_not_found" | "model_attributes_type":
            text = 'the message must be an object with a text "action"'
            return InvalidRequest("invalid_payload", text)
    text = first["msg"].removeprefix("Value error, ")
    return InvalidRequest("invalid_payload", f"{field}: {text}" if field else text)
