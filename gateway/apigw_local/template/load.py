"""Puts together what a template serves."""

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path

from apigw_local.errors import TemplateError
from apigw_local.template.code import CodeReader, assets_of
from apigw_local.template.document import Map, read
from apigw_local.template.functions import EnvVars, FunctionReader
from apigw_local.template.generated import IMPLICIT_HTTP_API, generated
from apigw_local.template.http_apis import HttpApiReader
from apigw_local.template.intrinsics import Resolver, host
from apigw_local.template.language_extensions import expanded
from apigw_local.template.model import Application
from apigw_local.template.parameters import Parameters
from apigw_local.template.plain_http_apis import PlainHttpReader
from apigw_local.template.queues import QueueReader
from apigw_local.template.rules import Rules
from apigw_local.template.scratch import Scratch
from apigw_local.template.shared_port import SharedPort
from apigw_local.template.triggers import EventReader
from apigw_local.template.unserved import unserved, unserved_events
from apigw_local.template.websocket_apis import WebSocketReader

_SAM_TYPES = [
    f"AWS::Serverless::{kind}"
    for kind in (
        *("Api", "Application", "CapacityProvider", "Connector", "Function", "GraphQLApi"),
        *("HttpApi", "LayerVersion", "SimpleTable", "StateMachine", "WebSocketApi"),
    )
]
_NOT_OF_ITS_FORM = (
    ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError,
)  # fmt: skip


def load(
    path: Path,
    *,
    overrides: Mapping[str, str],
    env_vars: EnvVars,
    region: str,
    api: str | None = None,
    stage: str | None = None,
    configured: Mapping[str, str] | None = None,
    elsewhere: bool = False,
) -> Application:
    """Read a template.

    Args:
        overrides: values of the template's parameters, over their defaults, and of what only AWS
            knows.
        env_vars: of functions, by logical id, over the template's.
        api: logical id of the WebSocket API to serve, where there are several.
        stage: likewise, the name of its stage.
        configured: overrides of a configuration file: those of ``overrides`` come before them, and
            one that the template does not have is no error.
        elsewhere: functions run elsewhere, and their code need not be here.

    Raises:
        TemplateError: one sentence that names the file, the line and what to change.
    """
    try:
        parts = _Parts(read(path), overrides, configured or {}, region)
        return _application(parts, path, env_vars, api, stage, elsewhere=elsewhere)
    except TemplateError as error:
        where = f"{path}:{error.line}" if error.line else str(path)
        raise TemplateError(f"{where}: {error}", error.line) from error
    except _NOT_OF_ITS_FORM as error:
        raise TemplateError(
            f"{path}: not of a form SAM takes ({error}); sam validate --lint says where"
        ) from error


class _Parts:
    """A document after its loops, and what resolves the rest of it."""

    def __init__(
        self,
        document: Map,
        overrides: Mapping[str, str],
        configured: Mapping[str, str],
        region: str,
    ) -> None:
        self.region = region
        self.parameters = Parameters(document.map("Parameters"), overrides, configured)
        self.document = expanded(document, Resolver(document, self.parameters, region, {}))
        self.resources: Map = self.document.map("Resources")
        _check_types(self.resources)
        self.resolver = Resolver(self.document, self.parameters, region, generated(self.document))
        self.rules = Rules(self.document, self.resolver, self.parameters)
        self.rules.check()


def _application(
    parts: _Parts,
    path: Path,
    env_vars: EnvVars,
    wanted: str | None,
    stage: str | None,
    *,
    elsewhere: bool,
) -> Application:
    document, resolver, resources = parts.document, parts.resolver, parts.resources
    scratch = Scratch()
    root = path.parent.resolve()
    code = None if elsewhere else CodeReader(resolver, root, assets_of(path), scratch)
    reader = FunctionReader(document, resolver, code, env_vars)
    functions = reader.read()
    websockets = WebSocketReader(document, resolver, reader)
    name = _choose(websockets.names(), wanted)
    api = websockets.read(name, stage) if name else None
    http_apis = HttpApiReader(document, resolver, reader)
    port = SharedPort()
    events = EventReader(resolver, reader, http_apis, port)
    named = (*functions, *reader.left_out)
    plain_http = PlainHttpReader(document, resolver, reader, port)
    http_routes = tuple(route for each in named for route in events.http_routes(each))
    http_routes += tuple(plain_http.read())
    schedules = tuple(schedule for each in named for schedule in events.schedules(each))
    queues = QueueReader(document, resolver, reader)
    found = queues.read()
    triggers = tuple(trigger for each in named for trigger in queues.triggers(each))
    if not api and not http_routes:
        raise TemplateError("there is neither a WebSocket API nor a route of HTTP to serve")
    if not reader.left_out:
        parts.parameters.check_all_asked()
    left_out = [(e.line, f"{name} is left out: {e}") for name, e in reader.left_out.items()]
    readers = (
        parts.parameters,
        resolver,
        parts.rules,
        reader,
        websockets,
        http_apis,
        plain_http,
        events,
        queues,
    )
    said = [warning for each in readers for warning in each.warnings]
    said += unserved(resources, resolver)
    said += (each for name in functions for each in unserved_events(name, reader.properties(name)))
    return Application(
        functions=functions,
        websocket_api=api,
        http_routes=http_routes,
        schedules=schedules,
        hosts=_hosts(resources, resolver, parts.region, queues=bool(found)),
        # A line of Globals is read for each function.
        warnings=tuple(dict.fromkeys(f"{path}:{at}: {what}" for at, what in (*said, *left_out))),
        queues=found,
        queue_triggers=triggers,
        incomplete={name: f"{path}:{at}: {what}" for name, (at, what) in reader.incomplete.items()},
        scratch=scratch,
    )


def _check_types(resources: Map) -> None:
    """SAM's types are few, and one that is misspelt would be taken for one of AWS's many.

    Raises:
        TemplateError: a type is nearly one of SAM's.
    """
    for name in resources:
        kind = str(resources.map(name).get("Type"))
        if kind.startswith("AWS::Serverless::") and kind not in _SAM_TYPES:
            for known in get_close_matches(kind, _SAM_TYPES, 1, 0.9):
                line = resources.map(name).at("Type")
                raise TemplateError(f"SAM has no {kind}, but {known}", line)


def _choose(names: list[str], wanted: str | None) -> str | None:
    if wanted is not None and wanted not in names:
        others = f", but {', '.join(names)}" if names else ""
        raise TemplateError(f"there is no WebSocket API {wanted}{others}")
    if wanted is None and len(names) > 1:
        raise TemplateError(
            f"there is more than one WebSocket API; choose one with --api: {', '.join(names)}"
        )
    return wanted or next(iter(names), None)


def _hosts(resources: Map, resolver: Resolver, region: str, *, queues: bool) -> dict[str, str]:
    kinds = {name: resolver.protocol(name) for name in resources}
    apis = {host(name, region): kind for name, kind in kinds.items() if kind is not None}
    of_queues = {f"sqs.{region}.amazonaws.com": "lambda"} if queues else {}
    return {host(IMPLICIT_HTTP_API, region): "http", **apis, **of_queues}
