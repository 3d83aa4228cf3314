"""CloudFormation's intrinsic functions, as far as they can be resolved without an account."""

import hashlib
import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Any

from apigw_local.core.events import ACCOUNT
from apigw_local.errors import TemplateError
from apigw_local.template.document import Map, text
from apigw_local.template.parameters import Parameters

_VARIABLE = re.compile(r"\$\{([^!}][^}]*)\}")
_DYNAMIC = re.compile(r"\{\{resolve:([^}]+)\}\}")
_APIS = ("AWS::ApiGatewayV2::Api", "AWS::Serverless::WebSocketApi", "AWS::Serverless::HttpApi")
_NO_VALUE = object()

_ARNS = {
    "AWS::DynamoDB::Table": "arn:aws:dynamodb:{region}:{account}:table/{name}",
    "AWS::Lambda::Function": "arn:aws:lambda:{region}:{account}:function:{name}",
    "AWS::S3::Bucket": "arn:aws:s3:::{name}",
    "AWS::SNS::Topic": "arn:aws:sns:{region}:{account}:{name}",
    "AWS::SQS::Queue": "arn:aws:sqs:{region}:{account}:{name}",
    "AWS::Serverless::Function": "arn:aws:lambda:{region}:{account}:function:{name}",
    "AWS::Serverless::SimpleTable": "arn:aws:dynamodb:{region}:{account}:table/{name}",
}
"""Of the types whose ARN follows from their name, the common ones."""

_REFS = {
    "AWS::SNS::Topic": _ARNS["AWS::SNS::Topic"],
    "AWS::SQS::Queue": "https://sqs.{region}.amazonaws.com/{account}/{name}",
}
"""What ``Ref`` gives where it is not the name."""

_NAMES = ("FunctionName", "TableName", "QueueName", "TopicName", "BucketName")


class Resolver:
    """Resolves what a template leaves to CloudFormation.

    Args:
        generated: logical ids that SAM's translator adds to the template's own.
    """

    def __init__(
        self, document: Map, parameters: Parameters, region: str, generated: set[str]
    ) -> None:
        self._parameters = parameters
        self._resources = document.map("Resources")
        self._conditions = document.map("Conditions")
        self._mappings = document.map("Mappings")
        self._region = region
        self._generated = generated
        self._functions: Mapping[str, Callable[[Any, int], Any]] = {
            "Ref": lambda argument, line: self._ref(str(argument), line),
            "Condition": lambda argument, line: self.holds(str(argument), line),
            "Fn::GetAtt": self._get_att,
            "Fn::Sub": self._sub,
            "Fn::ImportValue": self._import_value,
            "Fn::If": self._if,
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
                except (IndexError, KeyError, TypeError, ValueError) as error:
                    raise TemplateError(f"{name} of {argument!r} fails: {error}", value.line) from (
                        error
                    )
        resolved = {key: self.resolve(item, value.at(key)) for key, item in value.items()}
        made = {key: item for key, item in resolved.items() if item is not _NO_VALUE}
        return Map(made, value.line, value.lines)

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
        properties = self._resources.map(logical_id).map("Properties")
        given = next((key for key in _NAMES if key in properties), None)
        return text(self.resolve(properties[given], properties.at(given))) if given else logical_id

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
            return self._parameters.value(name)
        given = self._parameters.given(name)
        if given is not None:
            return given
        if name in self._generated:
            return name
        owner, _, suffix = name.partition(".")
        if owner not in self._resources:
            raise TemplateError(f"nothing is called {name}", line)
        if suffix in ("Alias", "Version"):
            return f"{self._get_att([owner, 'Arn'], line)}:{suffix.lower()}"
        kind = self._resources.map(owner).get("Type")
        if kind in _APIS:
            return api_id(owner)
        return self._named(_REFS.get(str(kind), "{name}"), owner)

    def _get_att(self, argument: Any, line: int) -> str:
        owner, attribute = argument if isinstance(argument, list) else argument.split(".", 1)
        given = self._parameters.given(f"{owner}.{attribute}")
        if given is not None:
            return given
        if owner not in self._resources:
            raise TemplateError(f"nothing is called {owner}", line)
        kind = str(self._resources.map(owner).get("Type"))
        if attribute == "Arn" and kind in _ARNS:
            return self._named(_ARNS[kind], owner)
        if attribute == "ApiEndpoint" and kind in _APIS:
            scheme = "https" if kind.endswith("HttpApi") else "wss"
            return f"{scheme}://{host(owner, self._region)}"
        return self._known_to_aws(f"{owner}.{attribute}", line)

    def _named(self, form: str, owner: str) -> str:
        return form.format(region=self._region, account=ACCOUNT, name=self.name(owner))

    def _sub(self, argument: Any, line: int) -> str:
        form, variables = argument if isinstance(argument, list) else (argument, {})

        def value(found: re.Match[str]) -> str:
            name = found[1].strip()
            if name in variables:
                return text(self.resolve(variables[name], line))
            dotted = "." in name and not name.endswith((".Alias", ".Version"))
            return text(self._get_att(name, line) if dotted else self._ref(name, line))

        return self.resolve(_VARIABLE.sub(value, form).replace("${!", "${"), line)  # type: ignore[no-any-return]

    def _import_value(self, argument: Any, line: int) -> str:
        return self._known_to_aws(text(self.resolve(argument, line)), line)

    def _if(self, argument: Any, line: int) -> Any:
        condition, then, otherwise = argument
        return self.resolve(then if self.holds(str(condition), line) else otherwise, line)

    def _find_in_map(self, argument: Any, line: int) -> Any:
        found: Any = self._mappings
        for key in argument[:3]:
            found = found[text(self.resolve(key, line))]
        return self.resolve(found, line)

    def _list(self, value: Any, line: int) -> list[Any]:
        found = self.resolve(value, line)
        if not isinstance(found, list):
            raise TemplateError(f"{found!r} is not a list", line)
        return found

    def _known_to_aws(self, name: str, line: int) -> str:
        given = self._parameters.given(name)
        if given is None:
            raise TemplateError(
                f"only AWS knows {name}; give --parameter-overrides '{name}=…', or the variable "
                "that wants it by --env-vars",
                line,
            )
        return given


def api_id(logical_id: str) -> str:
    """An id as API Gateway's: ten lower-case letters and digits, the same on each run."""
    return hashlib.sha256(logical_id.encode()).hexdigest()[:10]


def host(logical_id: str, region: str) -> str:
    """AWS's host name of an API of the template."""
    return f"{api_id(logical_id)}.execute-api.{region}.amazonaws.com"
