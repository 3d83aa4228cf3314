"""Functions and layers."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from apigw_local.core.documents import parsed
from apigw_local.errors import TemplateError
from apigw_local.template.document import Map, merge, text
from apigw_local.template.generated import FUNCTION as _SAM
from apigw_local.template.intrinsics import Resolver
from apigw_local.template.model import Function

_PLAIN = "AWS::Lambda::Function"
_SAM_LAYER = "AWS::Serverless::LayerVersion"
_NAME_IN_ARN = re.compile(r":function:([\w-]+)")

EnvVars = Mapping[str, Mapping[str, str]]


def read_env_vars(path: Path) -> EnvVars:
    """A file for ``--env-vars``, in SAM's own format.

    ``{"Parameters": {name: value}}`` is for all functions, ``{"SomeFunction": {…}}`` for one.

    Raises:
        TemplateError: it cannot be read or is of another form.
    """
    try:
        found = parsed(path.read_text())
    except (OSError, ValueError) as error:
        raise TemplateError(f"--env-vars {path}: {error}") from error
    maps = found.values() if isinstance(found, dict) else [None]
    if not all(isinstance(each, dict) and _are_texts(each.values()) for each in maps):
        raise TemplateError(f'--env-vars {path}: must be {{"SomeFunction": {{"NAME": "value"}}}}')
    return {
        function: {name: text(value) for name, value in variables.items()}
        for function, variables in found.items()
    }


def _are_texts(values: Iterable[object]) -> bool:
    return all(isinstance(value, str | int | float) for value in values)


class FunctionReader:
    """Reads the functions of a template.

    Args:
        root: the folder that paths are relative to.

    Attributes:
        left_out: why some could not be read; an error only once something invokes them.
        warnings: what will be missing, each with a line.
    """

    def __init__(self, document: Map, resolver: Resolver, root: Path, env_vars: EnvVars) -> None:
        self._resources = document.map("Resources")
        self._globals = document.map("Globals").map("Function")
        self._resolver = resolver
        self._root = root
        self._env_vars = env_vars
        self._names: dict[str, str] = {}
        self.left_out: dict[str, TemplateError] = {}
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
        found = _NAME_IN_ARN.search(arn)
        if found is None or found[1] not in self._names:
            raise TemplateError(f"{arn} is no function of this template", line)
        name = self._names[found[1]]
        self.check(name)
        return name

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
        return Function(
            name=name,
            function_name=function_name,
            handler="" if is_image else value("Handler"),
            runtime="a container image" if is_image else value("Runtime"),
            code=self._root if is_image else self._code(name, resource, properties),
            layers=tuple(self._layers(properties)),
            environment=self._environment((name, function_name), properties),
            timeout=self._resolver.number(properties, "Timeout", 3),
            memory=int(self._resolver.number(properties, "MemorySize", 128)),
        )

    def _code(self, name: str, resource: Map, properties: Map) -> Path:
        is_sam = resource.get("Type") == _SAM
        key, inline = ("CodeUri", "InlineCode") if is_sam else ("Code", "ZipFile")
        where = properties if is_sam else properties.get("Code")
        if isinstance(where, Map) and inline in where:
            raise TemplateError(
                f"{name}: {inline} cannot be run; put the code into a folder and name it by {key}",
                where.at(inline),
            )
        # Without a CodeUri SAM takes the template's own folder.
        default = "." if is_sam else None
        return self._folder(name, resource, properties, key, default)

    def _folder(
        self, name: str, resource: Map, properties: Map, key: str, default: str | None = None
    ) -> Path:
        """A folder that a property names, or that CDK says it has made the property of."""
        metadata = resource.map("Metadata")
        if metadata.get("aws:asset:property") == key:
            properties, key = metadata, "aws:asset:path"
        found = self._resolver.value(properties, key, default)
        if not isinstance(found, str) or not _is_folder(self._root / found):
            raise TemplateError(
                f"{name}: {key} must name a folder, found {found!r}", properties.at(key)
            )
        return self._root / found

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
        for name in layers:
            if name in self._resources:
                layer = self._resources.map(name)
                key = "ContentUri" if layer.get("Type") == _SAM_LAYER else "Content"
                yield self._folder(name, layer, layer.map("Properties"), key)
            else:
                said = f"layer {name} is not of this template: install its contents here"
                self.warnings.append((properties.at("Layers"), said))


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):  # a name that is too long, or none
        return False
