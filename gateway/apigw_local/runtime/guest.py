"""How the process of a function is started: its command, and what it is told besides.

The script that runs there, ``python/start.py`` or ``node/start.cjs``, finds in the variable
``APIGW_LOCAL`` an object in JSON:

``hosts``
    AWS's names of the template's APIs, each with the address and port that they are served at.
``offline``
    whether calls to other names of AWS's are refused...
``api``
    ... but those of other APIs: address and port that they lead to.
``modules``
    of Node functions, folders of packages that stand for Lambda's own.
``layers``
    of Node functions, folders that stand for ``/opt``.
``lifeline``
    a file descriptor: once it is at its end, the gateway is gone.
"""

import json
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from apigw_local.runtime.environment import import_folders, inherited, of_function
from apigw_local.template.model import Function

_HERE = Path(__file__).parent
_PYTHON_START = _HERE / "python" / "start.py"
_NODE_START = _HERE / "node" / "start.cjs"
_NODE_NETWORK = _HERE / "node" / "network.cjs"
LAST_WITH_SDK_2 = 16
"""Of Node's versions in Lambda."""


@dataclass(frozen=True, slots=True)
class Host:
    """What every function's process finds of the gateway.

    Attributes:
        region: of AWS, as functions see it.
        environment: variables, over the template's.
        hosts: AWS's names of what is served here, with address and port.
        offline: calls to other names of AWS's are refused.
        api: but those of other APIs lead there.
        packages: a folder of those that stand for Lambda's own, by the version of the SDK.
    """

    region: str
    environment: Mapping[str, str] = field(default_factory=dict)
    hosts: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    offline: bool = False
    api: tuple[str, int] | None = None
    packages: Path | None = None


def command(function: Function, debug_port: int | None) -> list[str]:
    """What starts a process of the function; a debugger may attach to ``debug_port``."""
    if function.is_node:
        inspect = [f"--inspect=127.0.0.1:{debug_port}"] if debug_port else []
        return ["node", *inspect, str(_NODE_START)]
    debugpy = ["-Xfrozen_modules=off", "-m", "debugpy", "--listen", str(debug_port)]
    return [
        sys.executable, *(debugpy if debug_port else []), str(_PYTHON_START), function.handler
    ]  # fmt: skip


def variables(function: Function, host: Host, api: str, lifeline: int | None) -> dict[str, str]:
    """The environment of a process of the function.

    Args:
        api: host and port of its Lambda Runtime API.
        lifeline: a file descriptor of the process's, see above.
    """
    told: dict[str, object] = {"hosts": host.hosts, "offline": host.offline, "api": host.api}
    if lifeline is not None:
        told["lifeline"] = lifeline
    own = _of_node(function, host, told) if function.is_node else _of_python(function)
    return {
        **inherited(),
        **of_function(function, host.environment, host.region),
        **own,
        "AWS_LAMBDA_RUNTIME_API": api,
        "APIGW_LOCAL": json.dumps(told),
    }


def _version(function: Function) -> int:
    """Of Node, such as 20; 0 where the runtime has none in its name."""
    return int(re.sub(r"\D", "", function.runtime) or 0)


def _of_python(function: Function) -> dict[str, str]:
    return {
        "PYTHONPATH": os.pathsep.join(map(str, import_folders(function))),
        "PYTHONUNBUFFERED": "1",
        # Bytecode is told from newer code by whole seconds: a second save would not be seen.
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _of_node(function: Function, host: Host, told: dict[str, object]) -> dict[str, str]:
    folders = [str(each) for each in package_folders(function, host.packages)]
    told["modules"] = folders
    told["layers"] = [str(layer) for layer in reversed(function.layers)]
    given = {**function.environment, **host.environment}
    named = [path for path in given.get("NODE_PATH", "").split(os.pathsep) if path]
    own = [str(function.code / re.sub(r"^/var/task/?", "", path)) for path in named]
    preload = f"--require {json.dumps(str(_NODE_NETWORK))}"
    return {
        "NODE_PATH": os.pathsep.join([*own, *folders]),
        "NODE_OPTIONS": f"{given.get('NODE_OPTIONS', '')} {preload}".strip(),
    }


def package_folders(function: Function, packages: Path | None) -> list[Path]:
    """Where a Node function's packages are beside its code: in layers, then in Lambda's own.

    Args:
        packages: as ``Host`` has it.

    Of a layer ``nodejs/node20/node_modules`` and ``nodejs/node_modules`` count ("Packaging your
    layer content").
    """
    of_layers = [
        layer / "nodejs" / folder / "node_modules"
        for layer in reversed(function.layers)
        for folder in (f"node{_version(function)}", ".")
    ]
    return [*of_layers, *([sdk_folder(function, packages) / "node_modules"] if packages else [])]


def sdk_folder(function: Function, packages: Path) -> Path:
    """Where the SDK of the function's runtime is: a project must not find another one's."""
    return packages / ("sdk2" if 0 < _version(function) <= LAST_WITH_SDK_2 else "sdk3")
