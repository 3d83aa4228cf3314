"""What ``docs/openapi.json`` and ``docs/asyncapi.yaml`` say, to be held against what happens."""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any, cast

import yaml
from jsonschema import (  # type: ignore[import-untyped]
    Draft7Validator,
    Draft202012Validator,
)

from tests.running_gateway import ROOT

OPENAPI: dict[str, Any] = json.loads((ROOT / "docs" / "openapi.json").read_text("utf-8"))
ASYNCAPI: dict[str, Any] = yaml.safe_load((ROOT / "docs" / "asyncapi.yaml").read_text("utf-8"))


def rest_problems(schema: dict[str, Any], value: object) -> list[str]:
    """Why a value is not as a schema of the REST API says, whose schemas are of 2020-12."""
    return [
        problem
        for components in _lenient_and_strict("rest")
        for problem in _problems(Draft202012Validator({**schema, "components": components}), value)
    ]


def socket_problems(name: str, value: object) -> list[str]:
    """Why a value is not as the WebSocket's schema of that name says.

    Schemas in AsyncAPI are of draft-07. But many tools read them as of 2020-12.
    """
    return [problem for each in _validators(name) for problem in _problems(each, value)]


def properties(document: dict[str, Any], name: str) -> dict[str, Any]:
    """The properties of a schema by its name; of a frame, those of its ``data``."""
    found = document["components"]["schemas"][name]["properties"]
    if "data" not in found:
        return cast("dict[str, Any]", found)
    data = found["data"]
    if "$ref" in data:
        return properties(document, data["$ref"].rpartition("/")[2])
    return cast("dict[str, Any]", data["properties"])


def nodes(value: Any) -> Iterator[dict[str, Any]]:
    """All objects in a document."""
    if isinstance(value, dict):
        yield value
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for part in parts:
        yield from nodes(part)


@cache
def _validators(name: str) -> list[Any]:
    return [
        validator({"$ref": f"#/components/schemas/{name}", "components": components})
        for validator in (Draft7Validator, Draft202012Validator)
        for components in _lenient_and_strict("socket")
    ]


def _problems(validator: Any, value: object) -> list[str]:
    return [f"{each.json_path}: {each.message}" for each in validator.iter_errors(value)]


@cache
def _lenient_and_strict(which: str) -> tuple[Any, Any]:
    """The schemas as they stand; and so that they refuse fields that they do not name.

    Clients are to ignore those, so schemas allow them. But then they would not notice that an
    optional field has got another name.
    """
    components = {"rest": OPENAPI, "socket": ASYNCAPI}[which]["components"]
    return components, _closed(components)


def _closed(value: Any) -> Any:
    if isinstance(value, list):
        return [_closed(part) for part in value]
    if not isinstance(value, dict):
        return value
    closed = {name: _closed(part) for name, part in value.items()}
    if value.get("type") == "object" and "properties" in value:
        closed.setdefault("additionalProperties", False)
    return closed
