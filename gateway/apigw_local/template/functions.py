"""Functions and layers."""

import io
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from dotenv import dotenv_values

from apigw_local.core.documents import parsed
from apigw_local.errors import TemplateError
from apigw_local.template.checks import missing_handler, missing_packages
from apigw_local.template.code import CodeReader
from apigw_local.template.document import Map, merge, text
from apigw_local.template.generated import FUNCTION as _SAM
from apigw_local.template.intrinsics import Resolver
from apigw_local.template.model import Function

_PLAIN = "AWS::Lambda::Function"
_DOTENV = re.compile(r"^\s*(?:export\s+)?\w+\s*=", re.MULTILINE)
_NAME_IN_ARN = re.compile(r":function:([\w-]+)")

EnvVars = Mapping[str, Mapping[str, str]]


def read_env_vars(path: Path) -> EnvVars:
    """A file for ``--env-vars``, in either of SAM's own formats.

    ``{"Parameters": {name: value}}`` is for all functions, ``{"SomeFunction": {…}}`` for one; a
    .env file is for all.

    Raises:
        TemplateError: it cannot be read or is of another form.
    """
    try:
        written = path.read_text()
        found = parsed(written)
    except (OSError, ValueError) as error:
        if isinstance(error, OSError | UnicodeDecodeError) or not _DOTENV.search(written):
            raise TemplateError(f"--env-vars {path}: {error}") from error
        return {"Parameters": read_env_file(path)}
    maps = found.values() if isinstance(found, dict) else [None]
    if not all(isinstance(each, dict) and _are_texts(each.values()) for each in maps):
        raise TemplateError(f'--env-vars {path}: must be {{"SomeFunction": {{"NAME": "value"}}}}')
    return {
        function: {name: text(value) for name, value in variables.items()}
        for function, variables in found.items()
    }


def read_env_file(path: Path) -> dict[str, str]:
    """A .env file: ``NAME=value`` a line, with quotes, comments and ``export``.

    Raises:
        TemplateError: it cannot be read, or has no variable.
    """
    try:
        found = dotenv_values(stream=io.StringIO(path.read_text()), interpolate=False)
    except (OSError, UnicodeDecodeError) as error:
        raise TemplateError(f"--env-file {path}: {error}") from error
    values = {name: value for name, value in found.items() if value is not None}
    if not values:
        raise TemplateError(f"--env-file {path}: must be lines of NAME=value")
    return values


def _are_texts(values: Iterable[object]) -> bool:
    return all(isinstance(value, str | int | float) for value in values)


class FunctionReader:
    """Reads the functions of a template.

    Args:
        code: where their code is; None where it is not needed, because they run elsewhere.

    Attributes:
        left_out: why some could not be read; an error only once something invokes them.
        incomplete: why the code of some cannot work as it is, each with a line.
        warnings: what will be missing, each with a line.
    """

    def __init__(
        self, document: Map, resolver: Resolver, code: CodeReader | None, env_vars: EnvVars
    ) -> None:
        self._resources = document.map("Resources")
        self._globals = document.map("Globals").map("Function")
        self._resolver = resolver
        self._code = code
        self._env_vars = env_vars
        self._names: dict[str, str] = {}
        self.left_out: dict[str, TemplateError] = {}
        self.incomplete: dict[str, tuple[int, str]] = {}
        self.warnings: list[tuple[int, str]] = []

    def read(self) -> dict[str, Function]:
        """All functions that can be read, by logical id."""
        functions = {}
        for name in self._resources:
            resource = self._resources.map(name)
            if resource.get("Type") in (_SAM, _PLAIN) and self._resolver.exists(name):
                self._names[name] = name
                try:
                    self._names[self._resolver.name(name)] = name
                    functions[name] = self._function(name, resource)
                except TemplateError as error:
                    self.left_out[name] = error
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
            TemplateError: there is none, or it could not be read.
        """
        arn = str(self._resolver.resolve(value, line))
        if not self.has(arn):
            raise TemplateError(f"{arn} is no function of this template", line)
        name = self._names[_NAME_IN_ARN.findall(arn)[0]]
        self.check(name)
        return name

    def has(self, arn: str) -> bool:
        """Whether an ARN is, or contains, that of a function of this template."""
        found = _NAME_IN_ARN.search(arn)
        return found is not None and found[1] in self._names

    def check(self, name: str) -> None:
        """Something invokes the function.

        Raises:
            TemplateError: it could not be read.
        """
        if name in self.left_out:
            raise self.left_out[name]

    def _function(self, name: str, resource: Map) -> Function:
        properties = self.properties(name)

        def value(key: str) -> str:
            found = self._resolver.value(properties, key)
            if found is None:
                raise TemplateError(f"{name} has no {key}", resource.at("Properties"))
            return text(found)

        function_name = self._resolver.name(name)
        is_image = self._resolver.value(properties, "PackageType") == "Image"
        runtime = "a container image" if is_image else value("Runtime")
        code = Path()
        if self._code and not is_image:
            code = self._code.of_function(name, resource, properties, runtime)
        function = Function(
            name=name,
            function_name=function_name,
            handler="" if is_image else value("Handler"),
            runtime=runtime,
            code=code,
            layers=tuple(self._layers(properties)),
            environment=self._environment((name, function_name), properties),
            timeout=self._resolver.number(properties, "Timeout", 3),
            memory=int(self._resolver.number(properties, "MemorySize", 128)),
        )
        if self._code:
            self._check(function, properties)
        return function

    def _check(self, function: Function, properties: Map) -> None:
        for what, key in ((missing_handler, "Handler"), (missing_packages, "CodeUri")):
            if said := what(function):
                self.incomplete[function.name] = (properties.at(key), f"{function.name}: {said}")
                return

    def _environment(self, names: tuple[str, str], properties: Map) -> dict[str, str]:
        given = dict(self._env_vars.get("Parameters", {}))
        for name in names:
            given |= self._env_vars.get(name, {})
        environment = self._resolver.map(properties, "Environment")
        variables = self._resolver.map(environment, "Variables")
        own = {}
        for key in (each for each in variables if each not in given):
            value = self._resolver.value(variables, key)
            if isinstance(value, list | dict):
                raise TemplateError(f"{key} must be text, found {value!r}", variables.at(key))
            if value is not None:
                own[key] = text(value)
        return own | given

    def _layers(self, properties: Map) -> Iterator[Path]:
        layers = self._resolver.value(properties, "Layers", [])
        if not isinstance(layers, list):
            raise TemplateError(f"Layers must be a list, found {layers}", properties.at("Layers"))
        code = self._code
        if code is None:
            return
        for name in layers:
            if name not in self._resources:
                said = f"layer {name} is not of this template: install its contents here"
                self.warnings.append((properties.at("Layers"), said))
                continue
            try:
                yield code.of_layer(name, self._resources.map(name))
            except TemplateError as error:
                self.warnings.append((error.line, f"layer {error}; functions do without it"))
