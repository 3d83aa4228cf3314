"""The variables a function finds."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from apigw_local.errors import CannotRun
from apigw_local.template.model import Function

_OWN = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV", "SSL_CERT_FILE")
LOCAL_KEY = "local"
"""Access key and secret where the developer has no credentials."""

_LASTING = ("env", "shared-credentials-file", "config-file")
"""Botocore's names of the places that give every process the same secret."""


def credentials() -> dict[str, str]:
    """Stand-ins for credentials, unless the shell or the home folder has real ones."""
    own = ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_SHARED_CREDENTIALS_FILE")
    if any(name in os.environ for name in own) or (Path.home() / ".aws/credentials").exists():
        return {}
    return {"AWS_ACCESS_KEY_ID": LOCAL_KEY, "AWS_SECRET_ACCESS_KEY": LOCAL_KEY}


def signing_secret() -> str:
    """The secret that functions sign with, found as they find it.

    Raises:
        CannotRun: it is not known beforehand, as that of a role or of single sign-on.
    """
    if own := credentials():
        return own["AWS_SECRET_ACCESS_KEY"]
    import botocore.session  # noqa: PLC0415 (takes a while, and is for an option alone)

    found = botocore.session.Session().get_credentials()
    if found is None or found.method not in _LASTING:
        kind = f"credentials of the kind {found.method}" if found else "no credentials"
        raise CannotRun(
            f"--verify-signatures: there are {kind} here, of which the secret that functions sign "
            "with is not known: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or do without"
        )
    return found.secret_key


def inherited() -> dict[str, str]:
    """Of our own environment what a process needs to run, and AWS's variables.

    So a function reaches other services as the developer's shell would.
    """
    own = {name: os.environ[name] for name in _OWN if name in os.environ}
    return own | {name: value for name, value in os.environ.items() if name.startswith("AWS_")}


def import_folders(function: Function) -> list[Path]:
    """Where a function's modules are beside its code, the first before the next.

    What the template's ``PYTHONPATH`` names, where ``/var/task`` is the code, and of each layer,
    the last one first, both folders that may hold modules ("Packaging your layer content").
    """
    named = function.environment.get("PYTHONPATH", "").split(os.pathsep)
    folders = [function.code / re.sub(r"^/var/task/?", "", path) for path in named if path]
    for layer in reversed(function.layers):
        python = layer / "python"
        folders += [python / "lib" / function.runtime / "site-packages", python]
    return folders


def of_function(function: Function, given: Mapping[str, str], region: str) -> dict[str, str]:
    """What Lambda sets ("Using Lambda environment variables"), the template's, and ``given``."""
    return {
        **credentials(),
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.runtime}",
        "AWS_LAMBDA_FUNCTION_NAME": function.function_name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.function_name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": "local",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "LAMBDA_TASK_ROOT": str(function.code),
        "TZ": ":UTC",
        **function.environment,
        **given,
        "_HANDLER": function.handler,
    }
