"""The template's parameters: what was given, what is the default, and what they allow.

One that has neither is made up, so that a stranger's project starts: with a warning, and with a
value that its type and its list of allowed ones permit. Of a list, a value that sounds like
production is never made up: with the developer's own credentials a function could then change what
others rely on. Where the list has no other, the start ends with an error.
"""

import re
from collections.abc import Mapping
from typing import Any

from apigw_local.errors import NotKnown, TemplateError
from apigw_local.template.document import Map, text

_PRODUCTION = re.compile(r"\b(prod|production|prd|live|main|master)\b", re.IGNORECASE)
_TRIAL = re.compile(r"\b(local|dev|develop|development|test|testing|sandbox)\b", re.IGNORECASE)


class Parameters:
    """Values by name, each checked as CloudFormation checks it.

    Args:
        declared: the template's ``Parameters``.
        given: ``--parameter-overrides``; also stands for what only AWS knows (an export, an
            attribute of a resource, a secret), under the name the template asks for it by.
        configured: likewise, of a configuration file, which may be for other templates too.

    Attributes:
        strict: nothing is made up: what has no value is an error.
        warnings: what has been made up, each with the line of its declaration.
    """

    def __init__(
        self, declared: Map, given: Mapping[str, str], configured: Mapping[str, str] | None = None
    ) -> None:
        self._declared = declared
        self._required = given
        self._given = given = {**(configured or {}), **given}
        self.strict = False
        self.warnings: list[tuple[int, str]] = []
        self._asked: set[str] = set()
        for name in declared:
            parameter = declared.map(name)
            value = given.get(name, parameter.get("Default"))
            # What is in SSM is not what the rules are about: its name is.
            if value is not None and not _is_in_ssm(parameter):
                _check(name, _parts(parameter, text(value)), parameter)

    def __contains__(self, name: str) -> bool:
        return name in self._declared

    def given(self, name: str) -> str | None:
        """What ``--parameter-overrides`` says of ``name``."""
        self._asked.add(name)
        return self._given.get(name)

    def value(self, name: str) -> Any:
        """A declared parameter's value; a list where its type is one.

        Raises:
            TemplateError: nothing was given, it has no default, and none can be made up.
        """
        parameter = self._declared.map(name)
        value = self.given(name)
        if value is None:
            in_ssm = _is_in_ssm(parameter)
            value = None if in_ssm else parameter.get("Default")
        if value is None:
            value = self._made_up(name, parameter)
        return _parts(parameter, text(value)) if _is_list(parameter) else value

    def _made_up(self, name: str, parameter: Map) -> str:
        what = "is kept in SSM" if _is_in_ssm(parameter) else "has no default"
        how = f"give --parameter-overrides {name}=…"
        line = self._declared.at(name)
        value = _plausible(name, parameter)
        if self.strict or value is None:
            raise NotKnown(f"parameter {name} {what}; {how}", line)
        said = f"parameter {name} {what}, here it is {value}; {how}"
        if (line, said) not in self.warnings:
            self.warnings.append((line, said))
        return value

    def check_all_asked(self) -> None:
        """After everything has been resolved: whatever was given had a use.

        Raises:
            TemplateError: names what nothing asked for.
        """
        for name in self._required:
            if name not in self._asked and name not in self._declared:
                raise TemplateError(f"there is no parameter {name}, nor anything else to resolve")


def _plausible(name: str, parameter: Map) -> str | None:
    """A value of the parameter's type; None where only ones of production are allowed."""
    allowed = [text(each) for each in parameter.get("AllowedValues", [])]
    if allowed:
        harmless = [each for each in allowed if not _PRODUCTION.search(each)]
        return next((each for each in harmless if _TRIAL.search(each)), next(iter(harmless), None))
    if "Number" in str(parameter.get("Type")):
        lowest, highest = parameter.get("MinValue", "-inf"), parameter.get("MaxValue", "inf")
        return f"{min(max(float(lowest), 1), float(highest)):g}"
    return name


def _is_list(parameter: Map) -> bool:
    return "List" in str(parameter.get("Type"))


def _is_in_ssm(parameter: Map) -> bool:
    return str(parameter.get("Type")).startswith("AWS::SSM::Parameter::Value")


def _parts(parameter: Map, value: str) -> list[str]:
    """A list's values; else the one value."""
    return [part.strip() for part in value.split(",")] if _is_list(parameter) else [value]


def _check(name: str, values: list[str], parameter: Map) -> None:
    """Each value by itself, as CloudFormation does with lists."""
    for value in values:
        broken = _broken_rule(value, parameter)
        if broken:
            said = parameter.get("ConstraintDescription") or broken
            raise TemplateError(f"{name} {said}", parameter.line)


def _broken_rule(value: str, parameter: Map) -> str | None:
    allowed = [text(each) for each in parameter.get("AllowedValues", [])]
    if allowed and value not in allowed:
        return f"must be one of {', '.join(allowed)}"
    pattern = parameter.get("AllowedPattern")
    if pattern is not None and not _matches(text(pattern), value, parameter.at("AllowedPattern")):
        return f"must match {pattern}"
    shortest, longest = parameter.get("MinLength", 0), parameter.get("MaxLength", "inf")
    if not float(shortest) <= len(value) <= float(longest):
        return f"must have from {shortest} to {longest} characters"
    lowest, highest = parameter.get("MinValue", "-inf"), parameter.get("MaxValue", "inf")
    if "Number" in str(parameter.get("Type")) and not _is_within(value, lowest, highest):
        return f"must be a number from {lowest} to {highest}"
    return None


def _matches(pattern: str, value: str, line: int) -> bool:
    try:
        return re.fullmatch(pattern, value) is not None
    except re.error as error:
        raise TemplateError(f"AllowedPattern {pattern} is none: {error}", line) from error


def _is_within(value: str, lowest: Any, highest: Any) -> bool:
    try:
        return float(lowest) <= float(value) <= float(highest)
    except ValueError:
        return False
