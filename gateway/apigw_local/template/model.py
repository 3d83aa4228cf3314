"""What is served, once the template has been read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from apigw_local.core.cors import Cors
from apigw_local.core.events.http import DEFAULT_STAGE
from apigw_local.limits import HTTP_INTEGRATION_SECONDS


@dataclass(frozen=True, slots=True)
class Function:
    """A Lambda function.

    Attributes:
        name: logical id; it is invoked by this or by ``function_name``.
        code: the folder that stands for ``/var/task``.
        layers: folders that stand for ``/opt``, those named first first.
        timeout: seconds.
        memory: MB; told to the function, not enforced.
    """

    name: str
    function_name: str
    handler: str
    runtime: str
    code: Path
    layers: tuple[Path, ...]
    environment: Mapping[str, str]
    timeout: float
    memory: int

    @property
    def is_python(self) -> bool:
        """Whether this machine's Python can run it."""
        return self.runtime.startswith("python")

    @property
    def is_node(self) -> bool:
        """Whether this machine's Node can run it."""
        return self.runtime.startswith("nodejs")


@dataclass(frozen=True, slots=True)
class Throttle:
    """A token bucket: so many requests a second, and so many at once."""

    rate: float
    burst: int


@dataclass(frozen=True, slots=True)
class Mock:
    """What a MOCK integration answers."""

    status: int = 200
    body: str = ""


@dataclass(frozen=True, slots=True)
class Route:
    """A route of the WebSocket API and what is behind it.

    Attributes:
        function: logical id; None for a MOCK integration.
        mock: what that answers.
        timeout: of the integration, seconds.
        two_way: the function's ``body`` goes back to the client.
    """

    key: str
    function: str | None
    timeout: float
    two_way: bool
    api_key_required: bool
    throttle: Throttle | None
    mock: Mock = field(default_factory=Mock)


@dataclass(frozen=True, slots=True)
class Authorizer:
    """A REQUEST authorizer on ``$connect``; ``function`` is its logical id."""

    function: str
    identity_sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WebSocketApi:
    """The template's WebSocket API, at one stage.

    Attributes:
        signed: ``$connect`` demands a signature (``AWS_IAM``).
        api_keys: values of the template's API keys, by logical id.
        key_from_authorizer: the key is the authorizer's ``usageIdentifierKey``, not the header
            ``x-api-key``.
    """

    api_id: str
    stage: str
    selection_expression: str
    routes: Mapping[str, Route]
    authorizer: Authorizer | None
    signed: bool
    api_keys: Mapping[str, str]
    key_from_authorizer: bool
    stage_variables: Mapping[str, str]


DEFAULT_PATH = "$default"


@dataclass(frozen=True, slots=True)
class HttpAuthorizer:
    """A Lambda authorizer of an HTTP API.

    Attributes:
        function: logical id.
        identity_sources: as ``$request.header.Name``.
        version: of the payload, ``1.0`` or ``2.0``.
        simple: it answers ``isAuthorized`` instead of a policy.
        seconds: for which its answer holds for the same identity; 0 for one request only.
    """

    name: str
    function: str
    identity_sources: tuple[str, ...]
    version: str
    simple: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """What one HTTP API says of all its routes."""

    api_id: str
    cors: Cors | None = None
    stage_variables: Mapping[str, str] = field(default_factory=dict)
    stage: str = DEFAULT_STAGE


@dataclass(frozen=True, slots=True)
class HttpRoute:
    """A route of an HTTP API and the function behind it; ``$default`` takes what no other does.

    Attributes:
        timeout: of the integration, seconds.
    """

    method: str
    path: str
    function: str
    api: HttpSettings
    authorizer: HttpAuthorizer | None = None
    timeout: float = HTTP_INTEGRATION_SECONDS

    @property
    def key(self) -> str:
        """As events have it."""
        return DEFAULT_PATH if self.path == DEFAULT_PATH else f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True)
class Schedule:
    """A function that is invoked again and again.

    Attributes:
        input: JSON to give it, instead of the scheduled event.
    """

    function: str
    name: str
    seconds: float
    input: str | None = None


@dataclass(frozen=True, slots=True)
class Queue:
    """A standard queue.

    Attributes:
        name: what it is called in its URL and ARN, not its logical id.
        delay, visibility: seconds, where a message or a receiver says nothing else.
        most_receives: after which a message is given up; None for never.
        dead_letters: the ARN of the queue that gets it then; None where that is not served.
    """

    name: str
    arn: str
    delay: int
    visibility: int
    dead_letters: str | None = None
    most_receives: int | None = None


@dataclass(frozen=True, slots=True)
class QueueTrigger:
    """A function that is given what a queue holds.

    Attributes:
        queue: its name.
        most: messages at once.
        window: seconds to wait for so many.
        partial: the function reports which messages of a batch have failed.
    """

    function: str
    queue: str
    most: int
    window: float
    partial: bool


@dataclass(frozen=True, slots=True)
class Application:
    """All that is served.

    Attributes:
        hosts: AWS's names of the template's APIs, with the kind of API each is: ``websocket`` or
            ``http``; of its queues ``lambda``, which they share a port with. In the functions'
            environment they are replaced by local ones.
        warnings: what AWS would do with this template that its author may not expect, each with
            its line.
    """

    functions: Mapping[str, Function]
    websocket_api: WebSocketApi | None
    http_routes: tuple[HttpRoute, ...]
    schedules: tuple[Schedule, ...]
    hosts: Mapping[str, str]
    warnings: tuple[str, ...]
    queues: tuple[Queue, ...] = ()
    queue_triggers: tuple[QueueTrigger, ...] = ()

    def served(self) -> set[str]:
        """The logical ids of all functions that something invokes."""
        api = self.websocket_api
        routes = [route.function for route in api.routes.values()] if api else []
        authorizers = [api.authorizer.function] if api and api.authorizer else []
        requests = [route.function for route in self.http_routes]
        authorizers += [each.authorizer.function for each in self.http_routes if each.authorizer]
        scheduled = [schedule.function for schedule in self.schedules]
        triggered = [trigger.function for trigger in self.queue_triggers]
        named = (*routes, *authorizers, *requests, *scheduled, *triggered)
        return {name for name in named if name is not None}
