"""Functions and layers."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from apigw_local.errors import TemplateError
from apigw_local.template.document import Map, merge, text
from apigw_local.template.intrinsics import Resolver
from apigw_local.template.model import Function

_SAM = "AWS::Serverless::Function"
_PLAIN = "AWS::Lambda::Function"
_NAME_IN_ARN = re.compile(r":function:([\w-]+)")

EnvVars = Mapping[str, Mapping[str, str]]


def read_env_vars(path: Path) -> EnvVars:
    """A file for ``--env-vars``, in SAM's own format.

    ``{"Parameters": {name: value}}`` is for all functions, ``{"SomeFunction": {…}}`` for one.

    Raises:
        TemplateError: it cannot be read or is of another form.
    """
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise TemplateError(f"--env-vars {path}: {error}") from error
    if not isinstance(found, dict) or not all(isinstance(each, dict) for each in found.values()):
        raise TemplateError(f'--env-vars {path}: must be {{"SomeFunction": {{"NAME": "value"}}}}')
    return {
        function: {name: text(value) for name, value in variables.items()}
        for function, variables in found.items()
    }


class FunctionReader:
    """Reads the functions of a template.

    Args:
        root: the folder that paths are relative to.

    Attributes:
        warnings: what will be missing, each with a line.
    """

    def __init__(self, document: Map, resolver: Resolver, root: Path, env_vars: EnvVars) -> None:
        self._resources = document.map("Resources")
        self._globals = document.map("Globals").map("Function")
        self._resolver = resolver
        self._root = root
        self._env_vars = env_vars
        self._names: dict[str, str] = {}
        self.warnings: list[tuple[int, str]] = []

    def read(self) -> dict[str, Function]:
        """All functions, by logical id."""
        functions = {}
        for name in self._resources:
            resource = self._resources.map(name)
            if resource.get("Type") in (_SAM, _PLAIN) and self._resolver.exists(name):
                functions[name] = self._function(name, resource)
                self._names |= {name: name, functions[name].function_name: name}
        for name in self._env_vars:
            if name != "Parameters" and name not in self._names:
                raise TemplateError(f"--env-vars: there is no function {name}")
        return functions

    def properties(self, name: str) -> Map:
        """A function's properties, with what Globals says."""
        resource = self._resources.map(name)
        own = resource.map("Properties")
        merged = merge(self._globals, own) if resource.get("Type") == _SAM else own
        assert isinstance(merged, Map)
        return merged

    def behind(self, value: Any, line: int) -> str:
        """The function of this template whose ARN, in whatever form, ``value`` is or contains.

        Raises:
            TemplateError: there is none.
        """
        arn = str(self._resolver.resolve(value, line))
        found = _NAME_IN_ARN.search(arn)
        if found is None or found[1] not in self._names:
            raise TemplateError(f"{arn} is no function of this template", line)
        return self._names[found[1]]

    def _function(self, name: str, resource: Map) -> Function:
        properties = self.properties(name)

        def value(key: str, default: Any = None) -> Any:
            if key in properties:
                return self._resolver.resolve(properties[key], properties.at(key))
            if default is None:
                raise TemplateError(f"{name} has no {key}", properties.line or resource.line)
            return default

        function_name = self._resolver.name(name)
        layers = properties.get("Layers") or []
        return Function(
            name=name,
            function_name=function_name,
            handler=text(value("Handler")),
            runtime=text(value("Runtime")),
            code=self._code(name, resource, properties),
            layers=tuple(self._layers(layers, properties.at("Layers"))),
            environment=self._environment((name, function_name), properties),
            timeout=float(value("Timeout", 3)),
            memory=int(value("MemorySize", 128)),
        )

    def _code(self, name: str, resource: Map, properties: Map) -> Path:
        if text(properties.get("PackageType", "Zip")) == "Image":
            raise TemplateError(
                f"{name} is a container image; run it with sam local start-lambda and give "
                "--lambda-endpoint",
                properties.at("PackageType"),
            )
        key = "CodeUri" if resource.get("Type") == _SAM else "Code"
        if key not in properties:
            raise TemplateError(f"{name} has no {key}", resource.line)
        code = self._resolver.resolve(properties[key], properties.at(key))
        if not isinstance(code, str) or not (self._root / code).is_dir():
            raise TemplateError(
                f"{name}: {key} must name a folder, found {code!r}", properties.at(key)
            )
        return self._root / code

    def _environment(self, names: tuple[str, str], properties: Map) -> dict[str, str]:
        given = dict(self._env_vars.get("Parameters", {}))
        for name in names:
            given |= self._env_vars.get(name, {})
        variables = properties.map("Environment").map("Variables")
        own = {
            key: text(self._resolver.resolve(value, variables.at(key)))
            for key, value in variables.items()
            if key not in given
        }
        return {**own, **given}

    def _layers(self, references: list[Any], line: int) -> Iterator[Path]:
        for reference in references:
            name = self._resolver.resolve(reference, line)
            if isinstance(name, str) and name in self._resources:
                yield self._layer(name)
            else:
                said = f"layer {name} is not of this template: install its contents here"
                self.warnings.append((line, said))

    def _layer(self, name: str) -> Path:
        properties = self._resources.map(name).map("Properties")
        key = next((each for each in ("ContentUri", "Content") if each in properties), "ContentUri")
        content = self._resolver.resolve(properties.get(key), properties.at(key))
        if not isinstance(content, str) or not (self._root / content).is_dir():
            raise TemplateError(
                f"{name}: {key} must name a folder, found {content!r}", properties.at(key)
            )
        return self._root / content
