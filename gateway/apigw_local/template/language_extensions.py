"""``Fn::ForEach`` of ``AWS::LanguageExtensions``: a template as it is after its loops."""

import re
from typing import Any

from apigw_local.errors import TemplateError
from apigw_local.template.document import Map, text
from apigw_local.template.intrinsics import Resolver

_LOOP = "Fn::ForEach::"


def expanded(value: Any, resolver: Resolver) -> Any:
    """A template, or a part of it, with each loop replaced by what it makes.

    Source: "Fn::ForEach" in the CloudFormation User Guide.

    Args:
        resolver: of the template as it was; what loops go through are parameters and mappings.

    Raises:
        TemplateError: a loop is not of its form.
    """
    if isinstance(value, list):
        return [expanded(item, resolver) for item in value]
    if not isinstance(value, Map):
        return value
    values: dict[str, Any] = {}
    lines: dict[str, int] = {}
    for key, item in value.items():
        line = value.at(key)
        if key.startswith(_LOOP):
            made = _made(key, item, line, resolver)
        else:
            made = Map({key: expanded(item, resolver)}, line, {key: line})
        for name in made:
            if name in values:
                raise TemplateError(f"{key} makes a second {name}", line)
        values |= made
        lines |= {name: made.at(name) for name in made}
    return Map(values, value.line, lines)


def _made(key: str, loop: Any, line: int, resolver: Resolver) -> Map:
    form = isinstance(loop, list) and len(loop) == 3
    if not form or not isinstance(loop[0], str) or not isinstance(loop[2], Map):
        raise TemplateError(f"{key} must be a name, a list, and a map of what is made", line)
    identifier, collection, body = loop
    members = resolver.resolve(collection, line)
    if not isinstance(members, list):
        raise TemplateError(f"{key} must go through a list, found {members!r}", line)
    made: dict[str, Any] = {}
    lines: dict[str, int] = {}
    for member in map(text, members):
        one = expanded(_with(body, identifier, member), resolver)
        made |= one
        lines |= {name: one.at(name) for name in one}
    return Map(made, line, lines)


def _with(value: Any, identifier: str, member: str) -> Any:
    """``value`` with a loop's identifier replaced, in keys too.

    ``&{Name}`` is the member without what no logical id may have.
    """
    if isinstance(value, str):
        plain = re.sub(r"[^A-Za-z0-9]", "", member)
        return value.replace(f"${{{identifier}}}", member).replace(f"&{{{identifier}}}", plain)
    if isinstance(value, list):
        return [_with(item, identifier, member) for item in value]
    if not isinstance(value, Map):
        return value
    if value == {"Ref": identifier}:
        return member
    names = {key: _with(key, identifier, member) for key in value}
    values = {names[key]: _with(item, identifier, member) for key, item in value.items()}
    return Map(values, value.line, {names[key]: value.at(key) for key in value})
