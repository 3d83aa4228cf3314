"""Runs a Python function under AWS's runtime interface client: ``python start.py HANDLER``.

What the gateway wants done before is in the variable ``APIGW_LOCAL``, an object in JSON: see
``runtime/guest.py``. It is a script, not a module: a function's process imports nothing of ours by
name, and its modules may have any names.
"""

import importlib.util
import json
import os
import sys
from typing import Any

_FOLDER = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 (pathlib takes 5 ms)


def _sibling(name: str) -> Any:
    """A module of this folder, which is not on the path: a function may have one of that name."""
    file = os.path.join(_FOLDER, f"{name}.py")  # noqa: PTH118
    spec = importlib.util.spec_from_file_location(f"_apigw_local_{name}", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _main() -> None:
    given = json.loads(os.environ.pop("APIGW_LOCAL", "{}"))
    sys.path[0] = os.getcwd()  # noqa: PTH109 (as `python -m` does)
    _sibling("network").lead_hosts(
        given.get("hosts", {}), offline=given.get("offline", False), api=given.get("api")
    )
    if given.get("lifeline"):
        _sibling("lifeline").end_with(given["lifeline"])
    if importlib.util.find_spec("runtime_client") is None:
        sys.path.append(os.path.join(_FOLDER, "stand_in"))  # noqa: PTH118
    from awslambdaric.__main__ import main  # noqa: PLC0415 (its parts import the client at once)

    main(["", sys.argv[1]])


_main()
