"""A template's ``Rules`` ("Rules section syntax reference for CloudFormation templates")."""

from apigw_local.errors import NotKnown, TemplateError
from apigw_local.template.document import Map, text
from apigw_local.template.intrinsics import Resolver
from apigw_local.template.parameters import Parameters


class Rules:
    """What the values of parameters must be together.

    One that asks for what only AWS knows, or for a parameter without a value, is not checked.

    Attributes:
        warnings: what cannot be checked without an account, each with a line.
    """

    def __init__(self, document: Map, resolver: Resolver, parameters: Parameters) -> None:
        self._rules = document.map("Rules")
        self._resolver = resolver
        self._parameters = parameters
        self.warnings: list[tuple[int, str]] = []

    def check(self) -> None:
        """Check each rule.

        Raises:
            TemplateError: an assertion does not hold; it says which.
        """
        self._parameters.strict = True
        for name in self._rules:
            rule = self._rules.map(name)
            if self._value(name, rule, "RuleCondition"):
                self._check(name, rule)
        self._parameters.strict = False

    def _check(self, name: str, rule: Map) -> None:
        assertions = rule.get("Assertions")
        if not isinstance(assertions, list):
            raise TemplateError(f"rule {name} has no list of Assertions", self._rules.at(name))
        for assertion in assertions:
            if not isinstance(assertion, Map) or "Assert" not in assertion:
                raise TemplateError(f"rule {name}: an assertion needs an Assert", rule.line)
            if self._value(name, assertion, "Assert") is False:
                said = assertion.get("AssertDescription")
                why = f": {text(said)}" if said is not None else ""
                raise TemplateError(f"rule {name} is broken{why}", assertion.at("Assert"))

    def _value(self, name: str, owner: Map, key: str) -> bool | None:
        """What an expression says; true where there is none, None where it cannot be resolved."""
        try:
            return text(self._resolver.value(owner, key, default=True)) == "true"
        except NotKnown:
            return None
        except TemplateError as error:
            self.warnings.append((error.line, f"rule {name} is not checked: {error}"))
            return None
