"""How to serve an application."""

from dataclasses import dataclass, field
from pathlib import Path

from apigw_local.faults import Faults
from apigw_local.limits import DURATION_SECONDS, IDLE_SECONDS


@dataclass(frozen=True, slots=True)
class Options:
    """How to serve an application.

    Attributes:
        ports: to listen on, 0 for any that is free: of the WebSocket API with the management API,
            the HTTP API, Lambda's Invoke API and the admin API.
        path: form of path to accept beside the stage, for example ``/ws/{room}/{user}``.
        static: folder of files to serve beside the HTTP API.
        most_workers: processes or threads per function.
        in_process: run functions in this process.
        lambda_endpoint: run functions there, for example behind ``sam local start-lambda``.
        debug_port: a debugger may attach to the first function there, to the next one port higher.
        reload: restart functions when their code changes.
        offline: refuse functions' calls to AWS itself; None for: if there are no credentials.
        verify_signatures: refuse those that were not made with the functions' secret.
        idle_seconds, duration_seconds: after which a socket is closed.
    """

    host: str = "127.0.0.1"
    ws_port: int = 0
    http_port: int = 0
    lambda_port: int = 0
    admin_port: int = 0
    region: str = "us-east-1"
    path: str | None = None
    static: Path | None = None
    most_workers: int = 8
    in_process: bool = False
    lambda_endpoint: str | None = None
    debug_port: int | None = None
    reload: bool = True
    offline: bool | None = None
    verify_signatures: bool = False
    idle_seconds: float = IDLE_SECONDS
    duration_seconds: float = DURATION_SECONDS
    faults: Faults = field(default_factory=Faults)

    @property
    def own_processes(self) -> bool:
        """Whether functions run in processes of the gateway's, which can be killed or frozen."""
        return not self.in_process and self.lambda_endpoint is None
