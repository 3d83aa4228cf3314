"""YAML that remembers its lines."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from apigw_local.errors import TemplateError


class Map(dict[str, Any]):
    """A map of the template.

    Attributes:
        line: where it begins, from 1.
        lines: where each of its keys is.
    """

    def __init__(self, values: Mapping[str, Any], line: int, lines: Mapping[str, int]) -> None:
        super().__init__(values)
        self.line = line
        self.lines = lines

    def at(self, key: str) -> int:
        """The line of ``key``, or of the whole where it is not there."""
        return self.lines.get(key, self.line)

    def map(self, key: str) -> "Map":
        """The map under ``key``; an empty one where there is none.

        Raises:
            TemplateError: something else is there.
        """
        value = self.get(key)
        if value is None:
            return Map({}, self.at(key), {})
        if not isinstance(value, Map):
            raise TemplateError(f"{key} must be a map, not {value!r}", self.at(key))
        return value


class _Loader(yaml.SafeLoader):
    """Safe YAML, with ``!Ref`` and its kin as the maps they are short for."""


def _map(loader: _Loader, node: yaml.MappingNode) -> Map:
    loader.flatten_mapping(node)
    values: dict[str, Any] = {}
    lines = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise TemplateError("a key must be text; {{…}} needs quotes", _line(key))
        # As it is written: a variable called ON is not True.
        values[key.value] = loader.construct_object(value, deep=True)
        lines[key.value] = _line(key)
    return Map(values, _line(node), lines)


def _short_form(loader: _Loader, suffix: str, node: yaml.Node) -> Map:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        if suffix == "GetAtt":
            value = value.split(".", 1)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = _map(loader, node)
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    return Map({name: value}, _line(node), {})


def _line(node: yaml.Node) -> int:
    return node.start_mark.line + 1


_Loader.add_constructor("tag:yaml.org,2002:map", _map)
_Loader.add_multi_constructor("!", _short_form)
# A policy's Version stays the text it is.
_Loader.add_constructor("tag:yaml.org,2002:timestamp", lambda _, node: str(node.value))


def read(path: Path) -> Map:
    """The template in a file.

    Raises:
        TemplateError: it cannot be read, is not YAML or has no resources.
    """
    try:
        written = path.read_text()
        # JSON may be indented by tabs, YAML not.
        form = written.replace("\t", " ") if written.lstrip()[:1] == "{" else written
        document = yaml.load(form, _Loader)  # noqa: S506 (a SafeLoader)
    except OSError as error:
        raise TemplateError(f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise TemplateError("is not text in UTF-8") from error
    except (AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        # Of a value that is not of the kind its tag says.
        raise TemplateError(f"not valid YAML: {error}") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "not YAML"
        raise TemplateError(f"not valid YAML: {problem}", mark.line + 1 if mark else 0) from error
    if not isinstance(document, Map) or not isinstance(document.get("Resources"), Map):
        raise TemplateError("not a SAM template: it has no Resources")
    return document


def text(value: Any) -> str:
    """A value as CloudFormation writes it: ``true``, not Python's ``True``."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def merge(defaults: Any, own: Any) -> Any:
    """SAM's rule for Globals: maps are merged, lists are joined, the rest is replaced."""
    if _is_map(defaults) and _is_map(own):
        values = {**defaults, **own}
        both = defaults.keys() & own.keys()
        merged = {k: merge(defaults[k], own[k]) if k in both else v for k, v in values.items()}
        return Map(merged, own.line, {**defaults.lines, **own.lines})
    if isinstance(defaults, list) and isinstance(own, list):
        return [*defaults, *own]
    return own


def _is_map(value: Any) -> bool:
    """Whether it is a map and not an intrinsic function, which stands for one value."""
    if not isinstance(value, Map):
        return False
    name = next(iter(value), "") if len(value) == 1 else ""
    return name not in ("Ref", "Condition") and not name.startswith("Fn::")
