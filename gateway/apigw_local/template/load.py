"""Puts together what a template serves."""

from collections.abc import Mapping
from pathlib import Path

from apigw_local.errors import TemplateError
from apigw_local.template.document import Map, read
from apigw_local.template.events import http_routes, schedules
from apigw_local.template.functions import EnvVars, FunctionReader
from apigw_local.template.intrinsics import Resolver, host
from apigw_local.template.model import Application
from apigw_local.template.parameters import Parameters
from apigw_local.template.websocket_apis import PLAIN, SAM, WebSocketReader, generated_ids

_HTTP_APIS = ("AWS::Serverless::HttpApi",)
_IMPLICIT_HTTP_API = "ServerlessHttpApi"


def load(
    path: Path,
    *,
    overrides: Mapping[str, str],
    env_vars: EnvVars,
    region: str,
    api: str | None = None,
    stage: str | None = None,
) -> Application:
    """Read a template.

    Args:
        overrides: values of the template's parameters, over their defaults, and of what only AWS
            knows.
        env_vars: of functions, by logical id, over the template's.
        api: logical id of the WebSocket API to serve, where there are several.
        stage: likewise, the name of its stage.

    Raises:
        TemplateError: one sentence that names the file, the line and what to change.
    """
    try:
        document = read(path)
        return _application(document, path, overrides, env_vars, region, api, stage)
    except TemplateError as error:
        where = f"{path}:{error.line}" if error.line else str(path)
        raise TemplateError(f"{where}: {error}", error.line) from error
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise TemplateError(
            f"{path}: not of a form SAM takes ({error}); sam validate --lint says where"
        ) from error


def _application(
    document: Map,
    path: Path,
    overrides: Mapping[str, str],
    env_vars: EnvVars,
    region: str,
    wanted: str | None,
    stage: str | None,
) -> Application:
    parameters = Parameters(document.map("Parameters"), overrides)
    resolver = Resolver(document, parameters, region, generated_ids(document))
    reader = FunctionReader(document, resolver, path.parent.resolve(), env_vars)
    functions = reader.read()
    events = {name: reader.properties(name) for name in functions}
    websockets = WebSocketReader(document, resolver, reader)
    name = _choose(websockets.names(), wanted)
    application = Application(
        functions=functions,
        websocket_api=websockets.read(name, stage) if name else None,
        http_routes=tuple(
            route for name, each in events.items() for route in http_routes(name, each, resolver)
        ),
        schedules=tuple(
            schedule
            for name, each in events.items()
            for schedule in schedules(name, each, resolver)
        ),
        hosts=_hosts(document.map("Resources"), region),
        warnings=tuple(
            f"{path}:{line}: {said}" for line, said in (*reader.warnings, *websockets.warnings)
        ),
    )
    if not application.websocket_api and not application.http_routes:
        raise TemplateError("there is neither a WebSocket API nor an HttpApi event to serve")
    parameters.check_all_asked()
    return application


def _choose(names: list[str], wanted: str | None) -> str | None:
    if wanted is not None and wanted not in names:
        raise TemplateError(f"there is no WebSocket API {wanted}, but {', '.join(names)}")
    if wanted is None and len(names) > 1:
        raise TemplateError(
            f"there is more than one WebSocket API; choose one with --api: {', '.join(names)}"
        )
    return wanted or next(iter(names), None)


def _hosts(resources: Map, region: str) -> dict[str, str]:
    kinds = {name: resources.map(name).get("Type") for name in resources}
    return {
        **{host(n, region): "websocket" for n, kind in kinds.items() if kind in (SAM, PLAIN)},
        **{host(n, region): "http" for n, kind in kinds.items() if kind in _HTTP_APIS},
        host(_IMPLICIT_HTTP_API, region): "http",
    }
