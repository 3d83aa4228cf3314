"""What is said of a function's calls to AWS itself."""

import re

_CALLED = re.compile(r"apigw-local: (aws|api) (\S+)")
"""What ``python/network.py`` and ``node/network.cjs`` report."""
_AWS = re.compile(r"\.amazonaws\.com(\.cn)?$")
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d+")
_SERVICE_IDS = {
    "cognito-idp": "COGNITO_IDENTITY_PROVIDER",
    "email": "SES",
    "events": "EVENTBRIDGE",
    "secretsmanager": "SECRETS_MANAGER",
    "states": "SFN",
}
"""Where a host's name is not the service's in ``AWS_ENDPOINT_URL_…`` ("Service-specific endpoints",
AWS SDKs and Tools Reference Guide)."""
_WITHOUT = ("appsync-api", "execute-api")
"""Of which there is no such variable."""


def about_call(function: str, line: str, *, offline: bool) -> str | None:
    """What a function's process has reported, and what to do about it; None if it has not.

    Args:
        function: whose process it is, or what stands for it.
        line: that the process has printed.
        offline: whether the call was refused.
    """
    called = _CALLED.fullmatch(line)
    if not called:
        return None
    kind, name = called.groups()
    if kind == "api":
        return (
            f"{function} calls {name}, which is not of this template: taken for its API, as there "
            "are no credentials (--offline)"
        )
    service = _service(name)
    to_here = ""
    if service and service not in _WITHOUT:
        own = _SERVICE_IDS.get(service, service.upper().replace("-", "_"))
        to_here = f"set AWS_ENDPOINT_URL_{own} to where it is served here, or "
    if offline:
        return (
            f"{function} calls {name}: refused, as by --offline, which counts where there are no "
            f"credentials; {to_here}say --no-offline"
        )
    return f"{function} calls {name}, in AWS itself; {to_here}say --offline"


def _service(name: str) -> str | None:
    """Of ``bucket.s3.eu-west-1.amazonaws.com`` it is ``s3``; None where the name does not tell."""
    if not _AWS.search(name):
        return None
    parts = _AWS.sub("", name).split(".")
    return next((each for each in reversed(parts) if not _REGION.fullmatch(each)), None)
