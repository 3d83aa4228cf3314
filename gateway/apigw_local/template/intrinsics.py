"""CloudFormation's intrinsic functions, as far as they can be resolved without an account."""

import hashlib
import json
import math
import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Any

from apigw_local.core.events.websocket import ACCOUNT
from apigw_local.errors import NotKnown, TemplateError
from apigw_local.template.document import Map, text
from apigw_local.template.generated import HTTP_API, IMPLICIT_APIS, WEBSOCKET_API
from apigw_local.template.names import ARNS, CALLED_NAME, NAMES, REFS
from apigw_local.template.parameters import Parameters

_VARIABLE = re.compile(r"\$\{([^!}][^}]*)\}")
_DYNAMIC = re.compile(r"\{\{resolve:([^}]+)\}\}")
_APIS = ("AWS::ApiGatewayV2::Api", WEBSOCKET_API, HTTP_API)
_FUNCTIONS = ("AWS::Lambda::Function", "AWS::Serverless::Function")
_NO_VALUE = object()


class Resolver:
    """Resolves what a template leaves to CloudFormation.

    Args:
        generated: what ``Ref`` gives of the resources that SAM's translator adds.

    Attributes:
        warnings: what has been made up, each with the line that asks for it.
    """

    def __init__(
        self, document: Map, parameters: Parameters, region: str, generated: Mapping[str, Any]
    ) -> None:
        self._parameters = parameters
        self._resources = document.map("Resources")
        self._conditions = document.map("Conditions")
        self._mappings = document.map("Mappings")
        self._region = region
        self._generated = generated
        self.warnings: list[tuple[int, str]] = []
        self._made_up_names: set[str] = set()
        self._functions: Mapping[str, Callable[[Any, int], Any]] = {
            "Ref": lambda argument, line: self._ref(str(argument), line),
            "Condition": lambda argument, line: self.holds(str(argument), line),
            "Fn::GetAtt": self._get_att,
            "Fn::Sub": self._sub,
            "Fn::ImportValue": self._import_value,
            "Fn::If": lambda argument, line: self.resolve(self._branch(argument, line), line),
            "Fn::FindInMap": self._find_in_map,
            "Fn::Join": lambda a, line: str(a[0]).join(map(text, self._list(a[1], line))),
            "Fn::Split": lambda a, line: str(self.resolve(a[1], line)).split(str(a[0])),
            "Fn::Select": lambda a, line: self._list(a[1], line)[int(self.resolve(a[0], line))],
            "Fn::Base64": lambda a, line: b64encode(text(self.resolve(a, line)).encode()).decode(),
            "Fn::Equals": lambda a, line: (
                text(self.resolve(a[0], line)) == text(self.resolve(a[1], line))
            ),
            "Fn::And": lambda a, line: all(self.resolve(each, line) for each in a),
            "Fn::Or": lambda a, line: any(self.resolve(each, line) for each in a),
            "Fn::Not": lambda a, line: not self.resolve(a[0], line),
            "Fn::Contains": lambda a, line: self._are_in([a[1]], a[0], line),
            "Fn::EachMemberIn": lambda a, line: self._are_in(a[0], a[1], line),
            "Fn::Length": lambda a, line: len(self._list(a, line)),
            "Fn::ToJsonString": lambda a, line: json.dumps(
                self.resolve(a, line), separators=(",", ":")
            ),
            "Fn::EachMemberEquals": lambda a, line: self._are_in(a[0], [a[1]], line),
        }

    def resolve(self, value: Any, line: int) -> Any:
        """Resolve ``value``, however deep.

        Args:
            line: where ``value`` stands, for what has no line of its own.

        Raises:
            TemplateError: names what cannot be resolved, and its line.
        """
        if isinstance(value, list):
            items = [self.resolve(item, line) for item in value]
            return [item for item in items if item is not _NO_VALUE]
        if isinstance(value, str):
            return _DYNAMIC.sub(lambda found: self._known_to_aws(found[1], line), value)
        if not isinstance(value, Map):
            return value
        if len(value) == 1:
            name, argument = next(iter(value.items()))
            function = self._functions.get(name)
            if function is None and name.startswith("Fn::"):
                raise TemplateError(f"{name} cannot be resolved locally", value.line)
            if function is not None and (name != "Condition" or isinstance(argument, str)):
                try:
                    return function(argument, value.line)
                except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
                    raise TemplateError(f"{name} of {argument!r} fails: {error}", value.line) from (
                        error
                    )
        resolved = {key: self.resolve(item, value.at(key)) for key, item in value.items()}
        made = {key: item for key, item in resolved.items() if item is not _NO_VALUE}
        return Map(made, value.line, value.lines)

    def value(self, owner: Map, key: str, default: Any = None) -> Any:
        """What ``owner`` has under ``key``, resolved; ``default`` where it has nothing."""
        found = self.resolve(owner.get(key), owner.at(key))
        return default if found is None or found is _NO_VALUE else found

    def number(self, owner: Map, key: str, default: float) -> float:
        """Likewise, where it must be a number.

        Raises:
            TemplateError: it is none.
        """
        found = self.value(owner, key, default)
        try:
            number = float(found)
        except (OverflowError, TypeError, ValueError):
            number = math.nan
        if not math.isfinite(number):
            raise TemplateError(f"{key} must be a number, found {found!r}", owner.at(key))
        return number

    def map(self, owner: Map, key: str) -> Map:
        """The map under ``key``, its own values not yet resolved: not all may be needed."""
        found = owner.get(key)
        while isinstance(found, Map) and found.keys() == {"Fn::If"}:
            found = self._branch(found["Fn::If"], found.line)
        if found == {"Ref": "AWS::NoValue"}:
            found = None
        return Map({key: found}, owner.line, {key: owner.at(key)}).map(key)

    def texts(self, owner: Map, key: str) -> dict[str, str]:
        """The texts of the map under ``key``, by name; those without a value are not there.

        Raises:
            TemplateError: it is no map, or a value of it no text.
        """
        found = {}
        values = self.map(owner, key)
        for name in values:
            value = self.value(values, name)
            if isinstance(value, list | dict):
                raise TemplateError(f"{name} must be text, found {value!r}", values.at(name))
            if value is not None:
                found[name] = text(value)
        return found

    def holds(self, condition: str, line: int) -> bool:
        """Whether a condition of the template's is true."""
        if condition not in self._conditions:
            raise TemplateError(f"there is no condition {condition}", line)
        return bool(self.resolve(self._conditions[condition], self._conditions.at(condition)))

    def exists(self, name: str) -> bool:
        """Whether a resource's condition, if it has one, is true."""
        resource = self._resources.map(name)
        condition = resource.get("Condition")
        return condition is None or self.holds(str(condition), resource.at("Condition"))

    def name(self, logical_id: str) -> str:
        """What a resource is called: by its own property, else by its logical id."""
        resource = self._resources.map(logical_id)
        properties = resource.map("Properties")
        keys = ("Name",) if resource.get("Type") in CALLED_NAME else NAMES
        names = (self.value(properties, key) for key in keys if key in properties)
        return text(next((name for name in names if name is not None), logical_id))

    def protocol(self, api: str) -> str | None:
        """Of a resource that is an API of this kind: ``websocket`` or ``http``."""
        resource = self._resources.map(api)
        kind = resource.get("Type")
        if kind == "AWS::ApiGatewayV2::Api":
            return text(self.value(resource.map("Properties"), "ProtocolType")).lower()
        return {WEBSOCKET_API: "websocket", HTTP_API: "http"}.get(str(kind))

    def _ref(self, name: str, line: int) -> Any:
        pseudo = {
            "AWS::Region": self._region,
            "AWS::AccountId": ACCOUNT,
            "AWS::Partition": "aws",
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::StackName": "local",
            "AWS::StackId": f"arn:aws:cloudformation:{self._region}:{ACCOUNT}:stack/local/local",
            "AWS::NotificationARNs": [],
            "AWS::NoValue": _NO_VALUE,
        }
        if name in pseudo:
            return pseudo[name]
        if name in self._parameters:
            return self.resolve(self._parameters.value(name), line)
        given = self._parameters.given(name)
        if given is not None:
            return given
        if name in self._generated:
            return self.resolve(self._generated[name], line)
        if name in self._resources:
            return self._ref_of_resource(name)
        if name in IMPLICIT_APIS:
            return api_id(name)
        raise TemplateError(f"nothing is called {name}", line)

    def _ref_of_resource(self, name: str) -> str:
        kind = str(self._resources.map(name).get("Type"))
        properties = self._resources.map(name).map("Properties")
        if kind in _APIS:
            return api_id(name)
        if kind == "AWS::ApiGatewayV2::Stage":
            return text(self.value(properties, "StageName", name))
        if kind in ("AWS::Lambda::Alias", "AWS::Lambda::Version"):
            function = text(self.value(properties, "FunctionName")).rpartition(":")[2]
            arn = self._form(ARNS["AWS::Lambda::Function"], function)
            return f"{arn}:{text(self.value(properties, 'Name', 1))}"
        return self._form(REFS.get(kind, "{name}"), self.name(name))

    def _get_att(self, argument: Any, line: int) -> str:
        owner, attribute = argument if isinstance(argument, list) else argument.split(".", 1)
        given = self._parameters.given(f"{owner}.{attribute}")
        if given is not None:
            return given
        if owner not in self._resources:
            raise TemplateError(f"nothing is called {owner}", line)
        kind = str(self._resources.map(owner).get("Type"))
        if attribute == "Arn" and kind in ARNS:
            return self._form(ARNS[kind], self.name(owner))
        if attribute in ("QueueName", "TopicName"):
            return self.name(owner)
        if attribute == "QueueUrl":
            return self._ref_of_resource(owner)
        if attribute == "ApiId" and kind in _APIS:
            return api_id(owner)
        if attribute == "ApiEndpoint" and kind in _APIS:
            scheme = "wss" if self.protocol(owner) == "websocket" else "https"
            return f"{scheme}://{host(owner, self._region)}"
        if kind in (*_APIS, *_FUNCTIONS):
            raise TemplateError(f"{owner} is of {kind}, and has no {attribute}", line)
        return self._made_up(owner, attribute, kind, line)

    def _made_up(self, owner: str, attribute: str, kind: str, line: int) -> str:
        """An attribute whose value only AWS knows; the same on each run."""
        name = f"{owner}.{attribute}"
        service = kind.partition("::")[2].partition("::")[0].lower()
        arn = f"arn:aws:{service}:{{region}}:{{account}}:{{name}}"
        value = self._form(arn, owner) if attribute.endswith("Arn") else name
        return self._warned_of(name, value, line)

    def _warned_of(self, name: str, value: str, line: int) -> str:
        """A value that is made up; where nothing may be, `NotKnown` is raised."""
        how = f"give --parameter-overrides '{name}=…', or the variable that wants it by --env-vars"
        if self._parameters.strict:
            raise NotKnown(f"only AWS knows {name}; {how}", line)
        if name not in self._made_up_names:
            self._made_up_names.add(name)
            self.warnings.append((line, f"only AWS knows {name}, here it is {value}; {how}"))
        return value

    def _form(self, form: str, name: str) -> str:
        return form.format(region=self._region, account=ACCOUNT, name=name)

    def _sub(self, argument: Any, line: int) -> str:
        form, variables = argument if isinstance(argument, list) else (argument, {})

        def value(found: re.Match[str]) -> str:
            name = found[1].strip()
            if name in variables:
                return text(self.resolve(variables[name], line))
            dotted = "." in name and name not in self._generated
            return text(self._get_att(name, line) if dotted else self._ref(name, line))

        return self.resolve(_VARIABLE.sub(value, form).replace("${!", "${"), line)  # type: ignore[no-any-return]

    def _import_value(self, argument: Any, line: int) -> str:
        return self._known_to_aws(text(self.resolve(argument, line)), line)

    def _branch(self, argument: Any, line: int) -> Any:
        condition, then, otherwise = argument
        return then if self.holds(str(condition), line) else otherwise

    def _find_in_map(self, argument: Any, line: int) -> Any:
        found: Any = self._mappings
        default = argument[3] if len(argument) > 3 else {}
        for key in argument[:3]:
            name = text(self.resolve(key, line))
            if name not in found and "DefaultValue" in default:
                return self.resolve(default["DefaultValue"], line)
            found = found[name]
        return self.resolve(found, line)

    def _are_in(self, values: Any, allowed: Any, line: int) -> bool:
        found, known = (set(map(text, self._list(each, line))) for each in (values, allowed))
        return found <= known

    def _list(self, value: Any, line: int) -> list[Any]:
        found = self.resolve(value, line)
        if not isinstance(found, list):
            raise TemplateError(f"{found!r} is not a list", line)
        return found

    def _known_to_aws(self, name: str, line: int) -> str:
        given = self._parameters.given(name)
        return self._warned_of(name, name, line) if given is None else given


def api_id(logical_id: str) -> str:
    """An id as API Gateway's: ten lower-case letters and digits, the same on each run."""
    return hashlib.sha256(logical_id.encode()).hexdigest()[:10]


def host(logical_id: str, region: str) -> str:
    """AWS's host name of an API of the template."""
    return f"{api_id(logical_id)}.execute-api.{region}.amazonaws.com"
