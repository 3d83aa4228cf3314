"""What is behind the routes of a WebSocket API in CloudFormation's own form."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from apigw_local.errors import TemplateError
from apigw_local.template.document import Map, text
from apigw_local.template.functions import FunctionReader
from apigw_local.template.intrinsics import Resolver
from apigw_local.template.mocks import check_template, evaluable, read_mock
from apigw_local.template.model import Mapped, Mock

_FUNCTION = re.compile(r":lambda:path/|:function:")
_VARIABLE = re.compile(r"\$\{stageVariables\.(\w+)\}")
_HOW = {"$connect": "is taken to succeed", "$disconnect": "does nothing"}
_INVOCATION = "integration.request.header.X-Amz-Invocation-Type"


@dataclass(frozen=True, slots=True)
class Behind:
    """What a route leads to; see `Route`, whose attributes these become."""

    function: str | None = None
    mock: Mock = field(default_factory=Mock)
    mapped: Mapped | None = None
    unserved: bool = False


class IntegrationReader:
    """Reads integrations; one that does not run here costs its own route only.

    A route of messages that leads to such a one is answered an error. Of ``$connect`` it is taken
    to succeed, since otherwise no other route could be tried.

    Args:
        variables: of the stage.

    Attributes:
        failure: why the first of them does not run.
        warnings: what does not run, each with a line.
    """

    def __init__(
        self, resolver: Resolver, functions: FunctionReader, variables: Mapping[str, str]
    ) -> None:
        self._resolver = resolver
        self._functions = functions
        self._variables = variables
        self.failure: TemplateError | None = None
        self.warnings: list[tuple[int, str]] = []

    def read(
        self, key: str, target: str | None, integration: Map, responses: Iterable[Map]
    ) -> Behind:
        """What is behind one route.

        Args:
            target: the integration's logical id; None for a route without one.
            responses: the API's ``AWS::ApiGatewayV2::IntegrationResponse``.

        Raises:
            TemplateError: a function of this template is behind it, and cannot be had.
        """
        if target is None and key == "$connect":
            return Behind()  # where an authorizer says all there is to say
        own = [each for each in responses if self._value(each, "IntegrationId") == target]
        try:
            return self._read(integration, own)
        except _DoesNotRun as error:
            self.failure = self.failure or TemplateError(str(error), error.line)
            how = _HOW.get(key, "is answered an error")
            self.warnings.append((error.line, f"{error}: {key} {how}"))
            return Behind(unserved=key != "$connect")

    def _read(self, integration: Map, responses: list[Map]) -> Behind:
        kind = text(self._value(integration, "IntegrationType"))
        if kind == "MOCK":
            try:
                return Behind(mock=read_mock(self._resolver, integration, responses))
            except TemplateError as error:
                raise _DoesNotRun(str(error), error.line) from error
        if kind == "None":
            raise _DoesNotRun("it has no Target", integration.line)
        uri = text(self._value(integration, "IntegrationUri"))
        line = integration.at("IntegrationUri")
        if kind not in ("AWS", "AWS_PROXY") or not _FUNCTION.search(uri):
            if kind == "AWS_PROXY":
                raise _DoesNotRun(f"{uri} is no function of this template", line)
            at = integration.at("IntegrationType")
            what = f"an integration of type {kind}" + (f" with {uri}" if kind == "AWS" else "")
            raise _DoesNotRun(f"{what} does not run here", at)
        uri = _VARIABLE.sub(lambda found: self._variables.get(found[1], found[0]), uri)
        if not self._functions.has(uri):
            raise _DoesNotRun(f"{uri} is no function of this template", line)
        function = self._functions.behind(uri, line)
        if kind == "AWS_PROXY":
            for key in ("RequestTemplates", "ContentHandlingStrategy"):
                if key in integration:
                    said = f"{key} of an AWS_PROXY integration does nothing here"
                    self.warnings.append((integration.at(key), said))
            return Behind(function)
        try:
            return Behind(function, mapped=self._mapped(integration, responses))
        except TemplateError as error:
            raise _DoesNotRun(str(error), error.line) from error

    def _mapped(self, integration: Map, responses: list[Map]) -> Mapped:
        requests = self._resolver.texts(integration, "RequestTemplates")
        for template in requests.values():
            check_template(template, integration.at("RequestTemplates"))
        answers = [evaluable(self._resolver, each, "ResponseTemplates") for each in responses]
        parameters = self._resolver.texts(integration, "RequestParameters")
        headers = {name.lower(): value for name, value in parameters.items()}
        return Mapped(
            selection=text(self._value(integration, "TemplateSelectionExpression") or "$default"),
            requests=requests,
            response=next((each for each in answers if each is not None), None),
            asynchronous=headers.get(_INVOCATION.lower(), "").strip("'") == "Event",
        )

    def _value(self, owner: Map, key: str) -> object:
        return self._resolver.value(owner, key)


class _DoesNotRun(TemplateError):
    """An integration is not run here."""
