"""The template's parameters: what was given, what is the default, and what they allow."""

import re
from collections.abc import Mapping
from typing import Any

from apigw_local.errors import TemplateError
from apigw_local.template.document import Map


class Parameters:
    """Values by name, each checked as CloudFormation checks it.

    Args:
        declared: the template's ``Parameters``.
        given: ``--parameter-overrides``; also stands for what only AWS knows (an export, an
            attribute of a resource, a secret), under the name the template asks for it by.
    """

    def __init__(self, declared: Map, given: Mapping[str, str]) -> None:
        self._declared = declared
        self._given = given
        self._asked: set[str] = set()
        for name in declared:
            if name in given:
                _check(name, given[name], declared.map(name))

    def __contains__(self, name: str) -> bool:
        return name in self._declared

    def given(self, name: str) -> str | None:
        """What ``--parameter-overrides`` says of ``name``."""
        self._asked.add(name)
        return self._given.get(name)

    def value(self, name: str) -> Any:
        """A declared parameter's value; a list where its type is one.

        Raises:
            TemplateError: nothing was given and it has no default.
        """
        parameter = self._declared.map(name)
        kind = str(parameter.get("Type"))
        value = self.given(name)
        if value is None:
            if "Default" not in parameter or kind.startswith("AWS::SSM::"):
                raise TemplateError(
                    f"parameter {name} has no default; give --parameter-overrides {name}=…",
                    self._declared.at(name),
                )
            value = parameter["Default"]
        is_list = kind == "CommaDelimitedList" or kind.startswith("List<")
        return [part.strip() for part in str(value).split(",")] if is_list else value

    def check_all_asked(self) -> None:
        """After everything has been resolved: whatever was given had a use.

        Raises:
            TemplateError: names what nothing asked for.
        """
        for name in self._given:
            if name not in self._asked and name not in self._declared:
                raise TemplateError(f"there is no parameter {name}, nor anything else to resolve")


def _check(name: str, value: str, parameter: Map) -> None:
    said = parameter.get("ConstraintDescription")
    allowed = parameter.get("AllowedValues")
    if allowed is not None and value not in map(str, allowed):
        raise TemplateError(
            f"{name} {said or 'must be one of ' + ', '.join(map(str, allowed))}", parameter.line
        )
    pattern = parameter.get("AllowedPattern")
    if pattern is not None and not re.fullmatch(pattern, value):
        raise TemplateError(f"{name} {said or 'must match ' + pattern}", parameter.line)
    if parameter.get("Type") == "Number":
        lowest, highest = parameter.get("MinValue", "-inf"), parameter.get("MaxValue", "inf")
        try:
            fits = float(lowest) <= float(value) <= float(highest)
        except ValueError:
            fits = False
        if not fits:
            raise TemplateError(
                f"{name} {said or f'must be a number from {lowest} to {highest}'}", parameter.line
            )
