"""What MOCK integrations answer."""

import re
from collections.abc import Iterable

from apigw_local.core.documents import parsed
from apigw_local.core.mapping import CannotEvaluate, check
from apigw_local.errors import TemplateError
from apigw_local.template.document import Map, text
from apigw_local.template.intrinsics import Resolver
from apigw_local.template.model import Mock

_EVALUATED = re.compile(r"[$#]")
"""What begins a variable or a directive ("Velocity User Guide")."""


def read_mock(resolver: Resolver, integration: Map, responses: Iterable[Map]) -> Mock:
    """What the integration answers.

    The request template says with which ``statusCode``, the integration response of that code with
    which body ("Set up a WebSocket API integration responses in API Gateway").

    Args:
        responses: the integration's ``AWS::ApiGatewayV2::IntegrationResponse``.

    Raises:
        TemplateError: a template cannot be evaluated here, or makes no sense.
    """
    key = "RequestTemplates"
    asked = _only(resolver, integration, key)
    if asked is not None and _EVALUATED.search(asked):
        raise TemplateError("a MOCK's request template must be a constant", integration.at(key))
    status = 200 if asked is None else _status(asked, integration.at(key))
    for response in responses:
        wanted = text(resolver.value(response, "IntegrationResponseKey", "$default"))
        if wanted == "$default" or re.fullmatch(wanted.strip("/"), str(status)):
            return Mock(status, evaluable(resolver, response, "ResponseTemplates") or "")
    return Mock(status)


def _status(template: str, line: int) -> int:
    try:
        status = parsed(template)["statusCode"]
    except (ValueError, TypeError, KeyError):
        status = None
    if not isinstance(status, int) or not 200 <= status <= 599:
        raise TemplateError('a MOCK\'s request template must be {"statusCode": 200}', line)
    return status


def evaluable(resolver: Resolver, owner: Map, key: str) -> str | None:
    """The only mapping template there; None where there is none.

    Raises:
        TemplateError: there are several, or it cannot be evaluated here.
    """
    template = _only(resolver, owner, key)
    if template is not None:
        check_template(template, owner.at(key))
    return template


def check_template(template: str, line: int) -> None:
    """See that a mapping template can be evaluated.

    Raises:
        TemplateError: it cannot.
    """
    try:
        check(template)
    except CannotEvaluate as error:
        raise TemplateError(str(error), line) from error


def _only(resolver: Resolver, owner: Map, key: str) -> str | None:
    templates = resolver.map(owner, key)
    if not templates:
        return None
    if len(templates) > 1:
        raise TemplateError(f"only one of the {key} can be chosen locally", owner.at(key))
    return text(resolver.value(templates, next(iter(templates))))
