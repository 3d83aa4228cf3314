"""CloudFormation's short forms and the intrinsic functions a local run can resolve."""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

import yaml

from apigw_local.core.events import ACCOUNT
from apigw_local.errors import TemplateError

_VARIABLE = re.compile(r"\$\{([^!}][^}]*)\}")


class _Loader(yaml.SafeLoader):
    """Safe YAML, with ``!Ref`` and its kin as the maps they are short for."""


def _short_form(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
        if suffix == "GetAtt":
            value = value.split(".", 1)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _short_form)


def read_yaml(text: str) -> Any:
    """Parse a template.

    Raises:
        yaml.YAMLError: it is not YAML.
    """
    return yaml.load(text, _Loader)  # noqa: S506 (a SafeLoader)


def _check(name: str, value: str, parameter: dict[str, Any]) -> None:
    """A parameter's own constraints, as CloudFormation checks them.

    Raises:
        TemplateError: names the parameter, and what it says of itself or must be.
    """
    said = parameter.get("ConstraintDescription")
    allowed = parameter.get("AllowedValues")
    if allowed is not None and value not in map(str, allowed):
        raise TemplateError(f"{name} {said or 'must be one of ' + ', '.join(map(str, allowed))}")
    pattern = parameter.get("AllowedPattern")
    if pattern is not None and not re.fullmatch(pattern, value):
        raise TemplateError(f"{name} {said or 'must match ' + pattern}")
    if parameter.get("Type") == "Number":
        lowest, highest = parameter.get("MinValue", "-inf"), parameter.get("MaxValue", "inf")
        if not float(lowest) <= float(value) <= float(highest):
            raise TemplateError(f"{name} {said or f'must be from {lowest} to {highest}'}")


class Resolver:
    """Resolves ``Ref``, ``GetAtt``, ``Sub`` and ``Join`` as CloudFormation would.

    Args:
        document: the template.
        overrides: values of its parameters, over their defaults.
    """

    def __init__(self, document: dict[str, Any], overrides: Mapping[str, str], region: str) -> None:
        self._parameters: dict[str, Any] = document.get("Parameters") or {}
        self._resources: dict[str, Any] = document["Resources"]
        unknown = [name for name in overrides if name not in self._parameters]
        if unknown:
            raise TemplateError(f"there is no parameter {unknown[0]}")
        for name, value in overrides.items():
            _check(name, value, self._parameters[name])
        self._overrides = overrides
        self._region = region

    def resolve(self, value: Any, where: str) -> Any:
        """Resolve ``value``, however deep.

        Raises:
            TemplateError: names ``where`` and what cannot be resolved.
        """
        if isinstance(value, list):
            return [self.resolve(item, where) for item in value]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            function, argument = next(iter(value.items()))
            match function:
                case "Ref":
                    return self._ref(str(argument), where)
                case "Fn::GetAtt":
                    return self._get_att(argument, where)
                case "Fn::Sub":
                    return self._sub(argument, where)
                case "Fn::Join":
                    return str(argument[0]).join(map(str, self.resolve(argument[1], where)))
                case _ if function.startswith("Fn::"):
                    raise TemplateError(f"{where}: {function} cannot be resolved locally")
        return {key: self.resolve(item, where) for key, item in value.items()}

    def logical_id(self, reference: Any) -> str | None:
        """The resource that ``!Ref X`` or ``!GetAtt X.Arn`` names; None if it is neither."""
        if isinstance(reference, dict) and len(reference) == 1:
            function, argument = next(iter(reference.items()))
            if function == "Ref":
                return str(argument)
            if function == "Fn::GetAtt":
                return str(argument[0])
        return None

    def api_id(self, name: str) -> str:
        """An id as API Gateway's: ten lower-case letters and digits, the same on each run."""
        return hashlib.sha256(name.encode()).hexdigest()[:10]

    def _ref(self, name: str, where: str) -> Any:
        pseudo = {
            "AWS::Region": self._region,
            "AWS::AccountId": ACCOUNT,
            "AWS::Partition": "aws",
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::StackName": "local",
        }
        if name in pseudo:
            return pseudo[name]
        if name in self._overrides:
            return self._overrides[name]
        if name in self._parameters:
            if "Default" not in self._parameters[name]:
                raise TemplateError(
                    f"parameter {name} has no default; give --parameter-overrides {name}=…"
                )
            return self._parameters[name]["Default"]
        if name in self._resources:
            is_api = str(self._resources[name].get("Type")).endswith("Api")
            return self.api_id(name) if is_api else name
        raise TemplateError(f"{where}: nothing is called {name}")

    def _get_att(self, argument: Any, where: str) -> str:
        name, attribute = argument
        if name not in self._resources:
            raise TemplateError(f"{where}: nothing is called {name}")
        if attribute != "Arn":
            raise TemplateError(f"{where}: {name}.{attribute} cannot be resolved locally")
        return f"arn:aws:lambda:{self._region}:{ACCOUNT}:function:{name}"

    def _sub(self, argument: Any, where: str) -> str:
        text, variables = argument if isinstance(argument, list) else (argument, {})

        def value(found: re.Match[str]) -> str:
            name = found[1]
            if name in variables:
                return str(self.resolve(variables[name], where))
            if "." in name:
                return self._get_att(name.split(".", 1), where)
            return str(self._ref(name, where))

        return _VARIABLE.sub(value, text).replace("${!", "${")
